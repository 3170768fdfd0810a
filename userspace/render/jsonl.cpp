// SPDX-License-Identifier: Apache-2.0
// JSON lines.
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <array>
#include <cassert>

#include "render/formats.h"
#include "render/text.h"
#include "render/timestamp.h"

namespace tcpdwell {
namespace {

class JsonlRenderer final : public Renderer {
public:
    explicit JsonlRenderer(Output& out) : out_(out) {}

    void begin(const Schema&) override {}

    void meta(std::span<const MetaEntry> entries) override {
        begin_line("meta");
        for (const MetaEntry& entry : entries) {
            key(entry.key);
            json_.RawValue(entry.json.data(), entry.json.size(), rapidjson::kObjectType);
        }
        end_line();
    }

    void row(const Schema& schema, Row row) override {
        assert(row.size() == schema.columns.size());
        begin_line(schema.type);
        for (std::size_t i = 0; i < row.size(); ++i) {
            key(schema.columns[i].id);
            std::visit([this](const auto& cell) { write(cell); }, row[i]);
        }
        end_line();
    }

    void finish() override {}

private:
    void begin_line(std::string_view type) {
        line_.Clear();
        json_.Reset(line_);
        json_.StartObject();
        key("type");
        text(type);
    }

    void end_line() {
        json_.EndObject();
        out_.buffer().append(line_.GetString(), line_.GetSize()).push_back('\n');
    }

    void key(std::string_view id) { json_.Key(id.data(), length(id)); }
    void text(std::string_view ascii) { json_.String(ascii.data(), length(ascii)); }

    void write(std::monostate) { json_.Null(); }
    void write(std::int64_t number) { json_.Int64(number); }
    void write(Nanoseconds duration) { json_.Int64(duration.count()); }
    void write(TcpState state) { text(name(state)); }

    void write(std::string_view bytes) {
        if (bytes.empty()) return write(std::monostate{});
        text(valid_utf8(bytes, scratch_));
    }

    void write(WallTime time) {
        const Rfc3339 digits = rfc3339(time);
        text({digits.data(), digits.size()});
    }

    void write(const HexId& id) {
        std::array<char, 16> digits;
        auto first = digits.end();
        std::uint64_t rest = id.value;
        do {
            *--first = "0123456789abcdef"[rest & 15];
            rest >>= 4;
        } while (first != digits.begin() && (rest != 0 || digits.end() - first < id.digits));
        text({first, digits.end()});
    }

    void write(const EndpointValue& value) {
        const Endpoint& endpoint = value.endpoint;
        if (endpoint.port == 0 && endpoint.address.is_unspecified()) return write(std::monostate{});
        json_.StartObject();
        key("addr");
        text(endpoint.address.text(value.family));
        key("port");
        if (endpoint.port == 0) {
            json_.Null();
        } else {
            json_.Uint(endpoint.port);
        }
        json_.EndObject();
    }

    void write(const ProcessValue& process) {
        json_.StartObject();
        key("pid");
        json_.Uint(process.pid);
        key("comm");
        write(process.comm);
        json_.EndObject();
    }

    void write(const std::optional<Nanoseconds>& duration) { duration ? write(*duration) : write(std::monostate{}); }

    void write(std::span<const StateSpan> states) {
        json_.StartArray();
        for (const StateSpan& span : states) {
            json_.StartObject();
            key("state");
            write(span.state);
            key("dwell_ns");
            write(span.dwell);
            json_.EndObject();
        }
        json_.EndArray();
    }

    void write(const TimeWaitValue& value) {
        json_.StartObject();
        key("dwell_ns");
        write(value.dwell);
        key("end");
        text(name(value.end));
        key("restarts");
        json_.Uint(value.restarts);
        json_.EndObject();
    }

    static rapidjson::SizeType length(std::string_view text) { return static_cast<rapidjson::SizeType>(text.size()); }

    Output& out_;
    rapidjson::StringBuffer line_;
    rapidjson::Writer<rapidjson::StringBuffer> json_;
    std::string scratch_;
};

} // namespace

std::unique_ptr<Renderer> make_jsonl_renderer(Output& out) { return std::make_unique<JsonlRenderer>(out); }

} // namespace tcpdwell
