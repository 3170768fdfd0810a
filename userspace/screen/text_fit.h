// SPDX-License-Identifier: Apache-2.0
// Texts brought to a number of columns of the screen.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/column.h"

namespace tcpdwell::screen {

/// The same with one column for each character but the wide ones of East Asia, which take two: what
/// takes none, or isn't known to the C library, becomes "?". Without `unicode` each byte that isn't
/// ASCII becomes \xNN. `text` is as append_printable() makes it, and the locale's encoding UTF-8
/// where `unicode` is given.
std::string steady_text(std::string_view text, bool unicode);

/// Columns of a text that steady_text() has made.
std::size_t columns_of(std::string_view text);

/// Cut to at most `width` columns, with a mark where something is missing.
std::string cut_text(std::string_view text, std::size_t width, bool unicode);

/// Cut in the middle, so that at most the last `tail` columns stay: of an endpoint the port counts.
std::string cut_middle(std::string_view text, std::size_t width, std::size_t tail, bool unicode);

/// Cut or filled up with spaces to exactly `width` columns.
std::string fitted_text(std::string_view text, std::size_t width, report::Align align,
                        bool unicode);

/// Broken between words into lines of at most `width` columns; longer words are cut.
std::vector<std::string> wrapped_text(std::string_view text, std::size_t width, bool unicode);

} // namespace tcpdwell::screen
