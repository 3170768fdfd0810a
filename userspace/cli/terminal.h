// SPDX-License-Identifier: Apache-2.0
// What the terminal is and can.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

namespace tcpdwell::cli {

/// Whether stdout is a terminal and the user hasn't asked for no colours (NO_COLOR,
/// https://no-color.org).
bool stdout_takes_colour();

/// Declares --colour; the word goes to wants_colour().
void declare_colour(CLI::App& app, std::string& word);
bool wants_colour(const std::string& word); ///< "auto", "always" or "never"

/// Characters in a line of stdout: those of the terminal, or of COLUMNS; 80 if neither is set.
std::size_t stdout_width();

/// Lines of a table below its heading: as many as a terminal shows, else 20.
std::size_t screenful();

/// The width that a table of any number of lines has to fit in: stdout_width() of a terminal, or
/// where COLUMNS is set; else 0, as for a file or a pipe.
std::size_t table_width();

/// Whether the locale's encoding is UTF-8, by LC_ALL, LC_CTYPE or LANG.
bool locale_is_utf8();

} // namespace tcpdwell::cli
