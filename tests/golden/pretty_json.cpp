// SPDX-License-Identifier: Apache-2.0
#include "pretty_json.h"

namespace tcpdwell::test {
namespace {

constexpr std::size_t kWidth = 116;

void append(std::string& out, const nlohmann::ordered_json& json, std::size_t indent,
            const std::string& key) {
    const std::string line = key + json.dump();
    if (!json.is_structured() || json.empty() || indent + line.size() <= kWidth) {
        out += line;
        return;
    }
    out += key + (json.is_object() ? "{" : "[");
    bool is_first = true;
    for (const auto& [name, member] : json.items()) {
        out += is_first ? "\n" : ",\n";
        out.append(indent + 2, ' ');
        append(out, member, indent + 2, json.is_object() ? nlohmann::json(name).dump() + ": " : "");
        is_first = false;
    }
    out += '\n';
    out.append(indent, ' ') += json.is_object() ? '}' : ']';
}

} // namespace

std::string pretty(const nlohmann::ordered_json& json) {
    std::string out;
    append(out, json, 0, "");
    return out + '\n';
}

} // namespace tcpdwell::test
