// SPDX-License-Identifier: Apache-2.0
// Cells as JSON: the one place that decides how each kind of value looks to machines.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <optional>
#include <string>
#include <string_view>

#include "report/value.h"

namespace tcpdwell::render {

/// Builds one JSON text. Bytes that aren't UTF-8 become U+FFFD.
class JsonWriter {
public:
    JsonWriter() : json_(buffer_) {}

    /// Begins another text.
    void clear();
    [[nodiscard]] std::string_view view() const { return {buffer_.GetString(), buffer_.GetSize()}; }

    void begin_object() { json_.StartObject(); }
    void end_object() { json_.EndObject(); }
    void begin_array() { json_.StartArray(); }
    void end_array() { json_.EndArray(); }
    /// A key of ours: plain ASCII without quotes, backslashes and control characters.
    void name(std::string_view ascii) { word(ascii); }
    /// Any bytes, as of string().
    void key(std::string_view bytes) { string(bytes); }
    /// Any bytes; "" stays "".
    void string(std::string_view bytes);
    void raw(std::string_view json);
    void number(std::uint64_t value) { json_.Uint64(value); }

    /// A cell; empty text is null.
    void write(const report::Value& value);
    void write(const std::optional<Nanoseconds>& duration);

private:
    void word(std::string_view ascii); ///< plain in JSON: names, numbers and addresses
    void put(std::monostate) { json_.Null(); }
    void put(std::int64_t number) { json_.Int64(number); }
    void put(double number);
    void put(std::string_view bytes);
    void put(WallTime time);
    void put(Nanoseconds duration) { json_.Int64(duration.count()); }
    void put(const report::HexId& id);
    void put(const report::EndpointValue& value);
    void put(const report::ProcessValue& process);
    void put(tcp::State state);
    void put(std::span<const report::StateSpan> states);
    void put(const report::TimeWaitValue& value);
    void put(bool value) { json_.Bool(value); }
    void put(std::span<const report::ObjectPart> parts);
    void put(const report::HolderList& holders);
    void put(std::span<const report::NumberPart> parts);
    void put(std::span<const report::TextPart> parts);

    rapidjson::StringBuffer buffer_;
    rapidjson::Writer<rapidjson::StringBuffer> json_;
    std::string quoted_;
};

/// One string as JSON text, quotes included: for MetaEntry.
std::string json_string(std::string_view bytes);

} // namespace tcpdwell::render
