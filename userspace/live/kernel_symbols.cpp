// SPDX-License-Identifier: Apache-2.0
// /proc/kallsyms has 100 000 to 300 000 lines of which a dozen matter, so lines are cut by hand and
// looked up by hash. A function's end is the next address in the file; modules list their symbols
// in no order, so all addresses are kept.
#include "live/kernel_symbols.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <unordered_set>

#include "host/proc_file.h"

namespace tcpdwell::live {
namespace {

struct Symbol {
    std::uint64_t address = 0;
    std::string_view name;
};

/// Takes the first line off `text`: "ffffffff82006870 t tw_timer_handler" with "\t[module]" after
/// it if it is in one.
Symbol next_symbol(std::string_view& text) {
    Symbol symbol;
    const char* at = text.data();
    const char* const end = at + text.size();
    for (; at < end; ++at) {
        const char c = *at;
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0) break;
        symbol.address = symbol.address << 4 | static_cast<unsigned>(digit);
    }
    const auto* newline =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    const char* const line_end = newline ? newline : end;
    if (line_end - at > 3) {
        const std::string_view rest(at + 3, static_cast<std::size_t>(line_end - at - 3));
        symbol.name = rest.substr(0, rest.find('\t'));
    }
    text.remove_prefix(static_cast<std::size_t>((newline ? newline + 1 : end) - text.data()));
    return symbol;
}

/// From the compiler's suffix; unknown ones (.constprop.0, .isra.0, .llvm.123) stand for clones of
/// a whole function.
KernelFunction::Piece piece_of(std::string_view suffix) {
    if (suffix.find(".cold") != std::string_view::npos) return KernelFunction::Piece::cold;
    if (suffix.find(".part.") != std::string_view::npos) return KernelFunction::Piece::part;
    return KernelFunction::Piece::whole;
}

} // namespace

KernelSymbols parse_kernel_symbols(std::string_view text, std::span<const std::string_view> names) {
    const std::unordered_set<std::string_view> wanted(names.begin(), names.end());
    KernelSymbols result;
    std::vector<std::uint64_t> addresses;
    addresses.reserve(text.size() / 40);

    while (!text.empty()) {
        const Symbol symbol = next_symbol(text);
        if (symbol.address == 0) continue;
        addresses.push_back(symbol.address);
        const std::string_view name = symbol.name.substr(0, symbol.name.find('.', 1));
        if (const auto found = wanted.find(name); found != wanted.end())
            result.functions.push_back(
                {*found, symbol.address, 0, piece_of(symbol.name.substr(name.size()))});
    }
    // Per-CPU symbols may truly be at 0, but not all of them.
    result.hidden = addresses.empty();

    for (KernelFunction& function : result.functions) {
        function.end = std::numeric_limits<std::uint64_t>::max();
        for (const std::uint64_t address : addresses)
            if (address > function.begin && address < function.end) function.end = address;
    }
    std::sort(result.functions.begin(), result.functions.end(),
              [](const KernelFunction& a, const KernelFunction& b) { return a.begin < b.begin; });
    return result;
}

Result<KernelSymbols> read_kernel_symbols(std::span<const std::string_view> names) {
    const auto text = host::read_proc_file("/proc/kallsyms");
    if (!text) return tl::unexpected(text.error());
    return parse_kernel_symbols(*text, names);
}

std::uint64_t KernelSymbols::address(std::string_view name) const {
    std::uint64_t result = 0;
    for (const KernelFunction& function : functions) {
        if (function.name != name || function.piece != KernelFunction::Piece::whole ||
            function.begin == result)
            continue;
        if (result != 0) return 0;
        result = function.begin;
    }
    return result;
}

bool KernelSymbols::has(std::string_view name) const {
    return std::any_of(functions.begin(), functions.end(),
                       [name](const KernelFunction& function) { return function.name == name; });
}

} // namespace tcpdwell::live
