// SPDX-License-Identifier: Apache-2.0
// A filter as words, for the head of a recording: what is written is read as the same filter.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "event/filter.h"

namespace tcpdwell::event {

/// The options that make the filter, each followed by its one value: "--port", "80", "--port",
/// "443", "--port", "8000-8100", "-4". In a value stands %XX for a byte that isn't printable ASCII,
/// and for '%' itself. What is excluded has '!' before both words: "!--comm", "!sshd".
std::vector<std::string> filter_words(const Filter& filter);

/// The same as on a command line: "--port 80 --comm !sshd".
std::string filter_as_given(const Filter& filter);

/// The filter of these words. Options that aren't known, and those with a value that can't be read,
/// are left out: the filter then selects more.
Filter filter_from_words(std::span<const std::string> words);

} // namespace tcpdwell::event
