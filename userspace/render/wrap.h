// SPDX-License-Identifier: Apache-2.0
// Paragraphs broken into lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tcpdwell::render {

/// `text` as lines of at most `width` characters, each with `indent` before it and "\n" behind it.
/// "\n" in the text ends a paragraph, and an empty paragraph is an empty line without the indent.
/// Words are separated by spaces; one that is longer than a line is never cut and has a line
/// of its own. A UTF-8 code point counts as one character. An empty text is no line at all.
std::string wrap(std::string_view text, std::size_t width, std::string_view indent);

} // namespace tcpdwell::render
