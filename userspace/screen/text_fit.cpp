// SPDX-License-Identifier: Apache-2.0
#include "screen/text_fit.h"

#include <fmt/format.h>

#include <cwchar>
#include <sstream>

#include "render/wrap.h"

namespace tcpdwell::screen {
namespace {

/// The character that begins a text, which isn't empty.
struct FirstCharacter {
    std::size_t size; ///< bytes
    int columns;      ///< 0 or below: nothing that can be placed
};

FirstCharacter first_of(std::string_view text) {
    if (static_cast<unsigned char>(text.front()) < 0x80) return {1, 1};
    std::mbstate_t state{};
    wchar_t character = 0;
    const std::size_t size = std::mbrtowc(&character, text.data(), text.size(), &state);
    if (size == 0 || size > text.size()) return {1, 0}; // (size_t)-1 and -2: no character
    return {size, ::wcwidth(character)};
}

/// The longest beginning of no more columns.
std::string_view first_columns(std::string_view text, std::size_t width) {
    std::size_t bytes = 0;
    for (std::size_t columns = 0; bytes < text.size();) {
        const FirstCharacter next = first_of(text.substr(bytes));
        columns += static_cast<std::size_t>(std::max(next.columns, 0));
        if (columns > width) break;
        bytes += next.size;
    }
    return text.substr(0, bytes);
}

} // namespace

std::string steady_text(std::string_view text, bool unicode) {
    std::string steady;
    while (!text.empty()) {
        const FirstCharacter next = first_of(text);
        if (static_cast<unsigned char>(text.front()) < 0x80)
            steady += text.front();
        else if (!unicode)
            for (const char byte : text.substr(0, next.size))
                steady += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
        else if (next.columns > 0)
            steady += text.substr(0, next.size);
        else
            steady += '?';
        text.remove_prefix(next.size);
    }
    return steady;
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        const FirstCharacter next = first_of(text);
        columns += static_cast<std::size_t>(std::max(next.columns, 0));
        text.remove_prefix(next.size);
    }
    return columns;
}

std::string cut_text(std::string_view text, std::size_t width, bool unicode) {
    if (columns_of(text) <= width) return std::string(text);
    if (width == 0) return {};
    return std::string(first_columns(text, width - 1)).append(unicode ? "…" : "~");
}

std::string cut_middle(std::string_view text, std::size_t width, std::size_t tail, bool unicode) {
    const std::size_t columns = columns_of(text);
    if (columns <= width || width < tail + 2) return cut_text(text, width, unicode);
    const std::string_view rest = text.substr(first_columns(text, columns - tail).size());
    return std::string(first_columns(text, width - tail - 1))
        .append(unicode ? "…" : "~")
        .append(rest);
}

std::string fitted_text(std::string_view text, std::size_t width, report::Align align,
                        bool unicode) {
    std::string cut = cut_text(text, width, unicode);
    const std::string fill(width - columns_of(cut), ' ');
    return align == report::Align::left ? cut + fill : fill + cut;
}

std::vector<std::string> wrapped_text(std::string_view text, std::size_t width, bool unicode) {
    std::vector<std::string> lines;
    std::istringstream wrapped(render::wrap(text, width, ""));
    for (std::string line; std::getline(wrapped, line);)
        lines.push_back(cut_text(line, width, unicode));
    return lines;
}

} // namespace tcpdwell::screen
