// SPDX-License-Identifier: Apache-2.0
// Which known word a mistyped one was meant to be.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tcpdwell {

/// How far `candidate` is from what was wanted; the larger the less alike, nullopt: not alike. Up
/// to a third of the characters may differ (at least one): inserted, removed, replaced, or swapped
/// with their neighbour. A part of `candidate` is alike too, but less than any slip.
std::optional<std::size_t> unlikeness(std::string_view wanted, std::string_view candidate);

/// Those of `candidates` that are alike, the most alike first, at most three.
std::vector<std::string> most_alike(std::string_view wanted,
                                    const std::vector<std::string>& candidates);

} // namespace tcpdwell
