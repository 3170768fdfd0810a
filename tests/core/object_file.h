// SPDX-License-Identifier: Apache-2.0
// The CO-RE relocations of a compiled BPF object, from its .BTF.ext section
// (Documentation/bpf/btf.rst).
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

struct btf;

namespace tcpdwell::test {

struct FreeBtf {
    void operator()(btf* types) const;
};
using Btf = std::unique_ptr<btf, FreeBtf>;

/// What a program wants to know of a type of the kernel.
struct Relocation {
    bpf_core_relo_kind kind{};
    std::uint32_t type = 0; ///< BTF id in the object
    std::string access;     ///< "0:1:2": an index of an array, of a member, of an enumerator
    std::string section;    ///< of the program
};

struct ObjectFile {
    Btf types;
    std::vector<Relocation> relocations;
};

Result<ObjectFile> read_object(const std::string& path);

} // namespace tcpdwell::test
