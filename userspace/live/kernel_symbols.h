// SPDX-License-Identifier: Apache-2.0
// Addresses of kernel functions from /proc/kallsyms.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tcpdwell::live {

/// The code of one function, or of a part that the compiler split off.
struct KernelFunction {
    enum class Piece {
        whole, ///< begins with the function's entry
        part,  ///< .part.N: the body, where the entry was inlined into the callers
        cold,  ///< .cold: the unlikely branches
    };
    std::string_view name; ///< as asked for, without the compiler's suffix
    std::uint64_t begin = 0;
    std::uint64_t end = 0; ///< one past: the next symbol's address
    Piece piece = Piece::whole;
};

/// What /proc/kallsyms says about the functions asked for.
struct KernelSymbols {
    bool hidden = false; ///< all addresses read 0: kptr_restrict, or no CAP_SYSLOG
    /// By address. A name may be there several times (clones such as .constprop.0, .isra.0,
    /// .llvm.123; statics of the same name) or not at all. Empty if hidden.
    std::vector<KernelFunction> functions;

    /// Address of the one function of that name; 0 if hidden, absent, or there are several.
    [[nodiscard]] std::uint64_t address(std::string_view name) const;
    /// Whether at least one range of that name is known.
    [[nodiscard]] bool has(std::string_view name) const;
};

/// Reads /proc/kallsyms once. `names` must outlive the result. Fails only if the file can't be
/// read.
Result<KernelSymbols> read_kernel_symbols(std::span<const std::string_view> names);
/// The same for a text in the format of /proc/kallsyms: address, type, name, module.
KernelSymbols parse_kernel_symbols(std::string_view text, std::span<const std::string_view> names);

} // namespace tcpdwell::live
