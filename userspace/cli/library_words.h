// SPDX-License-Identifier: Apache-2.0
// What the library says of a mistake, in the words of this program.
#pragma once

#include <string>

namespace tcpdwell::cli {

/// `text` of a CLI::Error; as it is where there are no better words.
std::string in_words(const std::string& text);

} // namespace tcpdwell::cli
