// SPDX-License-Identifier: Apache-2.0
#include "recording/head.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <bit>
#include <utility>

#include "recording/format.h"

namespace tcpdwell::recording {

std::string to_json(const Head& head) {
    rapidjson::StringBuffer buffer;
    // Host names are untrusted bytes: what isn't UTF-8 is left out.
    rapidjson::Writer<rapidjson::StringBuffer, rapidjson::UTF8<>, rapidjson::ASCII<>> json(buffer);
    const auto text = [&](const char* key, const std::string& value) {
        json.Key(key);
        json.String(value.c_str(), static_cast<rapidjson::SizeType>(value.size()));
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
