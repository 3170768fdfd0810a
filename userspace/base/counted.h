// SPDX-License-Identifier: Apache-2.0
// Numbers with what they count, in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tcpdwell {

/// "1 connection", "2 connections": `noun` is of one, and takes an s.
inline std::string counted(std::uint64_t number, std::string_view noun) {
    std::string text = std::to_string(number);
    text.append(" ").append(noun);
    if (number != 1) text += 's';
    return text;
}

} // namespace tcpdwell
