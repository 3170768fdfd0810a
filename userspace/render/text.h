// SPDX-License-Identifier: Apache-2.0
// Makes untrusted bytes (names of processes, paths) safe for a terminal or for JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tcpdwell::render {

/// Appends `bytes` so that a terminal shows them and does nothing else: control characters,
/// characters that change the direction of writing, and bytes that aren't UTF-8 become \xNN.
/// Returns the number of characters appended.
std::size_t append_printable(std::string& out, std::string_view bytes);

/// `bytes` if they are UTF-8; otherwise a copy in `scratch` with each faulty sequence replaced by
/// U+FFFD (as Unicode, section 3.9, recommends). The view lives as long as both.
std::string_view valid_utf8(std::string_view bytes, std::string& scratch);

} // namespace tcpdwell::render
