// SPDX-License-Identifier: Apache-2.0
#include "recording/head.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/text.h"
#include "event/filter_text.h"
#include "recording/format.h"

namespace tcpdwell::recording {
namespace {

/// The names of the members that follow others in a head.
constexpr std::string_view kLaterKeys[] = {"byte_order", "tool",     "host",    "kernel",
                                           "machine",    "boot_id",  "filter",  "probes",
                                           "hz",         "sequence", "mono_ns", "wall_ns"};

/// Whether a JSON string ends here: its last character is a quotation mark without a backslash.
bool is_closed(std::string_view string) {
    if (string.size() < 2 || string.back() != '"') return false;
    string.remove_suffix(1);
    const std::size_t last = string.find_last_not_of('\\');
    return (string.size() - 1 - last) % 2 == 0;
}

/// Version 0.1.0 ended a value at its first byte that wasn't UTF-8, without a quotation mark. Adds
/// it. In what is JSON otherwise ,"KEY": can't be part of a string, where the quotation marks
/// would be escaped, so this finds the end of each value.
std::string with_strings_closed(std::string_view json) {
    std::string out;
    std::size_t value = std::string_view::npos; // where the one that has begun begins in `out`
    while (!json.empty()) {
        std::size_t key = 0;
        if (json.starts_with(",\""))
            for (const std::string_view name : kLaterKeys)
                if (json.substr(2).starts_with(name) &&
                    json.substr(2 + name.size()).starts_with("\":"))
                    key = name.size() + 4;
        if (key == 0) {
            out += json.front();
            json.remove_prefix(1);
            continue;
        }
        if (value < out.size() && out[value] == '"' &&
            !is_closed(std::string_view(out).substr(value)))
            out += '"';
        out += json.substr(0, key);
        json.remove_prefix(key);
        value = out.size();
    }
    return out;
}

/// Everything is selected if one of them selects everything.
void simplify(std::vector<event::Filter>& filters) {
    const bool has_all =
        std::any_of(filters.begin(), filters.end(), [](const auto& each) { return each.empty(); });
    if (has_all || filters.size() > kMostFilters) filters.clear();
}

std::vector<event::Filter> filters_from(const rapidjson::Value& json) {
    std::vector<event::Filter> filters;
    if (!json.IsArray() || json.Size() > kMostFilters) return filters;
    for (const rapidjson::Value& each : json.GetArray()) {
        std::vector<std::string> words;
        if (each.IsArray())
            for (const rapidjson::Value& word : each.GetArray())
                words.emplace_back(word.IsString()
                                       ? std::string(word.GetString(), word.GetStringLength())
                                       : std::string());
        filters.push_back(event::filter_from_words(words));
    }
    simplify(filters);
    return filters;
}

} // namespace

void join_filters(Head& head, const Head& other) {
    if (head.filter != other.filter) {
        const bool is_one_without = head.filter.empty() || other.filter.empty();
        head.filter = is_one_without ? "" : head.filter + " or " + other.filter;
    }
    if (head.filters == other.filters) return;
    if (head.filters.empty() || other.filters.empty()) {
        head.filters.clear();
        return;
    }
    for (const event::Filter& each : other.filters)
        if (std::find(head.filters.begin(), head.filters.end(), each) == head.filters.end())
            head.filters.push_back(each);
    simplify(head.filters);
}

std::string to_json(const Head& head) {
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> json(buffer);
    std::string quoted;
    const auto text = [&](const char* key, std::string_view value) { // of untrusted bytes
        json.Key(key);
        quoted.clear();
        append_json_string(quoted, value);
        json.RawValue(quoted.data(), quoted.size(), rapidjson::kStringType);
    };
    json.StartObject();
    json.Key("format");
    json.Uint(kVersion);
    text("byte_order", std::endian::native == std::endian::little ? "little" : "big");
    text("tool", head.tool);
    text("host", head.host);
    text("kernel", head.kernel);
    text("machine", head.machine);
    text("boot_id", head.boot_id);
    text("filter", head.filter);
    text("probes", head.probes);
    json.Key("hz");
    json.Uint(head.hz);
    json.Key("sequence");
    json.Uint64(head.sequence);
    json.Key("mono_ns");
    json.Int64(head.clock.mono.time_since_epoch().count());
    json.Key("wall_ns");
    json.Int64(head.clock.wall.time_since_epoch().count());
    json.Key("filters");
    json.StartArray();
    for (const event::Filter& filter : head.filters) {
        json.StartArray();
        for (const std::string& word : event::filter_words(filter))
            json.String(word.data(), static_cast<rapidjson::SizeType>(word.size()));
        json.EndArray();
    }
    json.EndArray();
    for (const auto& [key, holds] :
         {std::pair("copied", head.copied), std::pair("anonymized", head.anonymized)}) {
        if (!holds) continue;
        json.Key(key);
        json.Bool(true);
    }
    json.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
}

Head head_from_json(const std::string& text) {
    Head head;
    rapidjson::Document json;
    // Iterative: a hostile head can't exhaust the stack by nesting.
    json.Parse<rapidjson::kParseIterativeFlag>(text.c_str(), text.size());
    if (json.HasParseError()) {
        const std::string repaired = with_strings_closed(text);
        json.Parse<rapidjson::kParseIterativeFlag>(repaired.c_str(), repaired.size());
    }
    if (json.HasParseError() || !json.IsObject()) return head;
    const auto take = [&](const char* key, std::string& value) {
        if (json.HasMember(key) && json[key].IsString())
            value.assign(json[key].GetString(), json[key].GetStringLength());
    };
    const auto number = [&](const char* key) -> std::int64_t {
        return json.HasMember(key) && json[key].IsInt64() ? json[key].GetInt64() : 0;
    };
    const auto flag = [&](const char* key) { return json.HasMember(key) && json[key].IsTrue(); };
    take("tool", head.tool);
    take("host", head.host);
    take("kernel", head.kernel);
    take("machine", head.machine);
    take("boot_id", head.boot_id);
    take("filter", head.filter);
    if (json.HasMember("filters")) head.filters = filters_from(json["filters"]);
    take("probes", head.probes);
    if (json.HasMember("sequence") && json["sequence"].IsUint64())
        head.sequence = json["sequence"].GetUint64();
    head.hz = static_cast<std::uint32_t>(number("hz"));
    const MonoTime mono(Nanoseconds(number("mono_ns")));
    const WallTime wall(Nanoseconds(number("wall_ns")));
    if (is_possible(mono) && is_possible(wall)) head.clock = {mono, wall, 0, 0};
    head.copied = flag("copied");
    head.anonymized = flag("anonymized");
    return head;
}

} // namespace tcpdwell::recording
