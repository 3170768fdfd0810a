// SPDX-License-Identifier: Apache-2.0
// JSON laid out for review.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tcpdwell::test {

/// What fits into a line stays in one; anything longer is broken into its members. The order of
/// keys is kept.
std::string pretty(const nlohmann::ordered_json& json);

} // namespace tcpdwell::test
