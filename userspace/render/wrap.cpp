// SPDX-License-Identifier: Apache-2.0
#include "render/wrap.h"

#include <algorithm>

namespace tcpdwell::render {
namespace {

/// Code points in UTF-8: every byte but those that continue one.
std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

/// Cuts off and returns the part before the first `separator`, or everything if there is none.
std::string_view cut(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view head = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return head;
}

void append_paragraph(std::string& out, std::string_view words, std::size_t width,
                      std::string_view indent) {
    const std::size_t margin = characters(indent);
    std::size_t column = 0; // characters on the line so far; 0: it hasn't begun
    while (!words.empty()) {
        const std::string_view word = cut(words, ' ');
        if (word.empty()) continue;
        const std::size_t size = characters(word);
        if (column != 0 && column + 1 + size > width) {
            out += '\n';
            column = 0;
        }
        if (column == 0) {
            out += indent;
            column = margin;
        } else {
            out += ' ';
            ++column;
        }
        out += word;
        column += size;
    }
    out += '\n';
}

} // namespace

std::string wrap(std::string_view text, std::size_t width, std::string_view indent) {
    std::string out;
    while (!text.empty()) append_paragraph(out, cut(text, '\n'), width, indent);
    return out;
}

} // namespace tcpdwell::render
