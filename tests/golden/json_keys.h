// SPDX-License-Identifier: Apache-2.0
// Which members an object of JSON has.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tcpdwell::test {

using Json = nlohmann::ordered_json;
using Keys = std::vector<std::string>;

/// In their order.
inline Keys keys(const Json& object) {
    Keys list;
    for (const auto& [key, value] : object.items()) list.push_back(key);
    return list;
}

} // namespace tcpdwell::test
