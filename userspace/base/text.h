// SPDX-License-Identifier: Apache-2.0
// Makes untrusted bytes (names of processes and hosts, paths, words of the command line) safe for a
// terminal or for JSON. Each of the two has one function, and whatever is written uses it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tcpdwell {

/// Appends `bytes` so that a terminal shows them and does nothing else: control characters,
/// characters that change the direction of writing, and bytes that aren't UTF-8 become \xNN.
/// Returns the number of characters appended.
std::size_t append_printable(std::string& out, std::string_view bytes);
std::string printable(std::string_view bytes);

/// Whether append_json_string() would add nothing but the quotes: printable ASCII without quotes
/// and backslashes.
bool is_plain_in_json(std::string_view bytes);

/// Appends `bytes` as a string of JSON, quotes included. It is UTF-8 and means the same bytes,
/// except that each faulty sequence becomes U+FFFD (as Unicode, section 3.9, recommends). What a
/// terminal wouldn't just show is written as \uNNNN: JSON is looked at in terminals too.
void append_json_string(std::string& out, std::string_view bytes);

} // namespace tcpdwell
