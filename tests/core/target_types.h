// SPDX-License-Identifier: Apache-2.0
// What a relocation means, and whether a kernel's types answer it. The rules are those of libbpf:
// types go by name without their flavour (___x), fields by name through members without one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "object_file.h"

namespace tcpdwell::test {

/// A relocation in words.
struct Wanted {
    std::string type;       ///< as in the object, with its flavour
    std::uint16_t kind = 0; ///< BTF_KIND_ of it
    std::vector<std::string>
        path; ///< names of members, "[i]" for an element of an array; or an enumerator
    std::uint32_t last =
        0; ///< BTF id of the last member's type in the object; 0: the type itself is wanted
    bool enumerator = false;

    /// "sock::sk_cgrp_data.cgroup"
    [[nodiscard]] std::string text() const;
};

Wanted describe(const btf& object, const Relocation& relocation);

/// "" if the kernel's types answer it, else what is wrong.
std::string look_up(const btf& object, const btf& kernel, const Wanted& wanted);

} // namespace tcpdwell::test
