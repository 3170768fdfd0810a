// SPDX-License-Identifier: Apache-2.0
#include "render/json_writer.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "base/text.h"
#include "render/timestamp.h"

namespace tcpdwell::render {

void JsonWriter::clear() {
    buffer_.Clear();
    json_.Reset(buffer_);
}

void JsonWriter::word(std::string_view ascii) {
    assert(is_plain_in_json(ascii));
    // The comma or colon before it is all that the library has to add: String() would look for
    // characters to escape one by one, in a quarter of all instructions of trace -c (callgrind).
    json_.RawValue("", 0, rapidjson::kStringType);
    char* place = buffer_.Push(ascii.size() + 2);
    *place = '"';
    std::copy(ascii.begin(), ascii.end(), place + 1);
    place[ascii.size() + 1] = '"';
}

void JsonWriter::string(std::string_view bytes) {
    if (is_plain_in_json(bytes)) return word(bytes); // nearly all are, and many there are
    quoted_.clear();
    append_json_string(quoted_, bytes);
    json_.RawValue(quoted_.data(), quoted_.size(), rapidjson::kStringType);
}
void JsonWriter::raw(std::string_view json) {
    json_.RawValue(json.data(), json.size(), rapidjson::kObjectType);
}

void JsonWriter::write(const report::Value& value) {
    std::visit([this](const auto& cell) { put(cell); }, value);
}

void JsonWriter::write(const std::optional<Nanoseconds>& duration) {
    duration ? put(*duration) : put(std::monostate{});
}

/// Three decimals are more than is known of anything that isn't counted.
void JsonWriter::put(double number) { json_.Double(std::round(number * 1000) / 1000); }

void JsonWriter::put(tcp::State state) { word(tcp::name(state)); }

void JsonWriter::put(std::string_view bytes) {
    bytes.empty() ? put(std::monostate{}) : string(bytes);
}

void JsonWriter::put(WallTime time) {
    const Rfc3339 digits = rfc3339(time);
    word({digits.data(), digits.size()});
}

void JsonWriter::put(const report::HexId& id) {
    std::array<char, 16> digits;
    auto first = digits.end();
    std::uint64_t rest = id.value;
    do {
        *--first = "0123456789abcdef"[rest & 15];
        rest >>= 4;
    } while (first != digits.begin() && (rest != 0 || digits.end() - first < id.digits));
    word({first, digits.end()});
}

void JsonWriter::put(const report::EndpointValue& value) {
    const tcp::Endpoint& endpoint = value.endpoint;
    const bool nobody = endpoint.port == 0 && endpoint.address.is_unspecified();
    if (nobody && !value.always_object) return put(std::monostate{});
    json_.StartObject();
    word("addr");
    if (nobody) {
        json_.Null();
    } else {
        word(endpoint.address.text(value.family));
    }
    word("port");
    if (endpoint.port == 0) {
        json_.Null();
    } else {
        json_.Uint(endpoint.port);
    }
    json_.EndObject();
}

void JsonWriter::put(const report::ProcessValue& process) {
    json_.StartObject();
    word("pid");
    if (process.pid == 0) {
        json_.Null();
    } else {
        json_.Uint(process.pid);
    }
    word("comm");
    put(process.comm);
    if (process.thread) {
        word("thread");
        if (process.thread->empty())
            write(std::monostate{});
        else
            put(*process.thread);
    }
    if (process.manner) {
        word("how");
        if (process.manner->how.empty())
            write(std::monostate{});
        else
            word(process.manner->how);
        word("signal");
        if (process.manner->signal == 0)
            write(std::monostate{});
        else
            json_.Uint(process.manner->signal);
    }
    json_.EndObject();
}

void JsonWriter::put(std::span<const report::ObjectPart> parts) {
    json_.StartObject();
    for (const report::ObjectPart& part : parts) {
        name(part.name);
        std::visit([this](auto value) { put(value); }, part.value);
    }
    json_.EndObject();
}

void JsonWriter::put(std::span<const report::StateSpan> states) {
    json_.StartArray();
    for (const report::StateSpan& span : states) {
        json_.StartObject();
        word("state");
        put(span.state);
        word("dwell_ns");
        write(span.dwell);
        if (!span.dwell && span.at_least > Nanoseconds(0)) {
            word("at_least_ns");
            put(span.at_least);
        }
        json_.EndObject();
    }
    json_.EndArray();
}

void JsonWriter::put(const report::HolderList& holders) {
    json_.StartArray();
    for (const report::ProcessValue& process : holders.processes) put(process);
    json_.EndArray();
}

void JsonWriter::put(const report::TimeWaitValue& value) {
    json_.StartObject();
    word("dwell_ns");
    write(value.dwell);
    word("end");
    word(tcp::name(value.end));
    word("restarts");
    json_.Uint(value.restarts);
    json_.EndObject();
}

void JsonWriter::put(std::span<const report::TextPart> parts) {
    json_.StartObject();
    for (const report::TextPart& part : parts) {
        key(part.name);
        put(part.text);
    }
    json_.EndObject();
}

void JsonWriter::put(std::span<const report::NumberPart> parts) {
    json_.StartObject();
    for (const report::NumberPart& part : parts) {
        key(part.name);
        std::visit([this](auto number) { put(number); }, part.number);
    }
    json_.EndObject();
}

std::string json_string(std::string_view bytes) {
    JsonWriter json;
    json.string(bytes);
    return std::string(json.view());
}

} // namespace tcpdwell::render
