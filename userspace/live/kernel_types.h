// SPDX-License-Identifier: Apache-2.0
// What a kernel's types look like, from its BTF.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct btf;

namespace tcpdwell::live {

/// Where a kernel built with CONFIG_DEBUG_INFO_BTF describes its own types.
inline constexpr const char* kOwnBtf = "/sys/kernel/btf/vmlinux";

class KernelTypes {
public:
    /// Reads a BTF file, or an ELF file (vmlinux) with a .BTF section. The message says what is
    /// wrong with the file.
    static Result<KernelTypes> read(const std::string& path);

    /// BTF id; 0 if there is none. `kind` is a BTF_KIND_...
    [[nodiscard]] std::uint32_t id(std::string_view name, std::uint32_t kind) const;
    /// BTF id of the typedef that describes a tracepoint; 0 if there is none.
    [[nodiscard]] std::uint32_t tracepoint(std::string_view name) const;
    /// Arguments of a tracepoint, without the hidden first one; 0 if it isn't described.
    [[nodiscard]] unsigned argument_count(std::string_view name) const;
    [[nodiscard]] bool has_function(std::string_view name) const;
    /// Where an fexit program finds the function's result: after its arguments; 0 if it returns
    /// nothing.
    [[nodiscard]] unsigned result_position(std::string_view function) const;
    [[nodiscard]] bool has_member(std::string_view structure, std::string_view member) const;

private:
    struct Free {
        void operator()(btf* types) const;
    };
    explicit KernelTypes(btf* types) : types_(types) {}

    std::unique_ptr<btf, Free> types_;
};

} // namespace tcpdwell::live
