// SPDX-License-Identifier: Apache-2.0
// The words of an enum as values of an option.
#pragma once

#include <string>
#include <vector>

#include "base/word_enum.h"

namespace tcpdwell::cli {

template <class E>
std::vector<std::string> enum_words() {
    std::vector<std::string> words;
    for (const E value : kAllOf<E>) words.emplace_back(name(value));
    return words;
}

} // namespace tcpdwell::cli
