// SPDX-License-Identifier: Apache-2.0
// Comma-separated values.
#include <fmt/format.h>

#include <cassert>

#include "base/text.h"
#include "render/formats.h"
#include "render/timestamp.h"

namespace tcpdwell::render {
namespace {

/// What follows the id in the heading, for each column that a shape is taken apart into.
std::span<const std::string_view> suffixes(report::Shape shape) {
    static constexpr std::string_view kSingle[] = {""};
    static constexpr std::string_view kEndpoint[] = {"_addr", "_port"};
    static constexpr std::string_view kProcess[] = {"_pid", "_comm"};
    static constexpr std::string_view kAccept[] = {"_delay_ns", "_accepted"};
    static constexpr std::string_view kBytes[] = {"_sent",   "_acked",   "_received",
                                                  "_unsent", "_unacked", "_unread"};
    static constexpr std::string_view kSegments[] = {"_sent", "_received", "_retransmitted"};
    static constexpr std::string_view kRtt[] = {"_min_ns", "_smoothed_ns"};
    static constexpr std::string_view kLimited[] = {"_receiver", "_send_buffer"};
    static constexpr std::string_view kIdle[] = {"_since_received_ns", "_since_sent_ns"};
    static constexpr std::string_view kTimeWait[] = {"_dwell_ns", "_end", "_restarts"};
    switch (shape) {
    case report::Shape::single: return kSingle;
    case report::Shape::endpoint: return kEndpoint;
    case report::Shape::process: return kProcess;
    case report::Shape::time_wait: return kTimeWait;
    case report::Shape::accept: return kAccept;
    case report::Shape::bytes: return kBytes;
    case report::Shape::segments: return kSegments;
    case report::Shape::rtt: return kRtt;
    case report::Shape::limited: return kLimited;
    case report::Shape::idle: return kIdle;
    }
    return {};
}

class CsvRenderer final : public Renderer {
public:
    explicit CsvRenderer(Output& out) : out_(out) {}

    void begin(const report::Schema& main) override {
        main_ = main.type;
        std::string& line = out_.buffer();
        for (const report::Column& column : main.columns) {
            for (const std::string_view suffix : suffixes(column.shape)) {
                line.append(column.id).append(suffix) += ',';
            }
        }
        line.back() = '\n';
    }

    void meta(std::span<const MetaEntry>) override {}

    void row(const report::Schema& schema, report::Row row) override {
        assert(row.size() == schema.columns.size());
        if (schema.type != main_) return;
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (std::holds_alternative<std::monostate>(row[i])) {
                out_.buffer().append(suffixes(schema.columns[i].shape).size(), ',');
            } else {
                std::visit([this](const auto& cell) { write(cell); }, row[i]);
                out_.buffer() += ',';
            }
        }
        out_.buffer().back() = '\n';
    }

    void finish() override {}

private:
    void write(std::monostate) {}
    void write(std::int64_t number) {
        const fmt::format_int digits(number);
        out_.buffer().append(digits.data(), digits.size());
    }
    void write(Nanoseconds duration) { write(std::int64_t{duration.count()}); }
    void write(tcp::State state) { out_.buffer() += name(state); }
    void write(const report::HexId& id) {
        out_.buffer() += fmt::format("{:0{}x}", id.value, id.digits);
    }

    /// Spreadsheets take a text for a formula that begins like one; an apostrophe before it makes
    /// it a text again (OWASP, CSV injection).
    static bool is_like_a_formula(std::string_view text) {
        return !text.empty() && std::string_view("=+-@").find(text.front()) != std::string::npos;
    }

    void write(std::string_view bytes) {
        scratch_ = is_like_a_formula(bytes) ? "'" : "";
        append_printable(scratch_, bytes);
        if (scratch_.find_first_of(",\"") == std::string::npos) {
            out_.buffer() += scratch_;
            return;
        }
        out_.buffer() += '"';
        for (const char c : scratch_) out_.buffer().append(c == '"' ? 2 : 1, c);
        out_.buffer() += '"';
    }

    void write(WallTime time) {
        const Rfc3339 digits = rfc3339(time);
        out_.buffer().append(digits.data(), digits.size());
    }

    void write(const report::EndpointValue& value) {
        const tcp::Endpoint& endpoint = value.endpoint;
        const bool known = endpoint.port != 0 || !endpoint.address.is_unspecified();
        if (known) out_.buffer() += endpoint.address.text(value.family);
        out_.buffer() += ',';
        if (endpoint.port != 0) write(std::int64_t{endpoint.port});
    }

    void write(const report::ProcessValue& process) {
        if (process.pid != 0) write(std::int64_t{process.pid});
        out_.buffer() += ',';
        write(process.comm);
    }

    void write(std::span<const report::StateSpan> states) {
        for (const report::StateSpan& span : states) {
            if (&span != states.data()) out_.buffer() += ';';
            out_.buffer().append(name(span.state)) += ':';
            if (span.dwell) write(*span.dwell);
        }
    }

    void write(double number) { out_.buffer() += fmt::format("{:.3f}", number); }

    void write(bool value) { out_.buffer() += value ? "true" : "false"; }

    void write(std::span<const report::TextPart> parts) {
        std::string cell; // is quoted as a whole
        for (const report::TextPart& part : parts) {
            if (&part != parts.data()) cell += ';';
            cell.append(part.name).append("=").append(part.text);
        }
        write(cell);
    }

    void write(std::span<const report::ObjectPart> parts) {
        for (const report::ObjectPart& part : parts) {
            if (&part != parts.data()) out_.buffer() += ',';
            std::visit([this](auto value) { write(value); }, part.value);
        }
    }

    void write(const report::HolderList& holders) {
        std::string cell; // is quoted as a whole
        for (const report::ProcessValue& process : holders.processes) {
            if (!cell.empty()) cell += ';';
            cell += fmt::format("{}/", process.pid);
            cell += process.comm;
        }
        write(std::string_view(cell));
    }

    void write(std::span<const report::NumberPart> parts) {
        for (const report::NumberPart& part : parts) {
            if (&part != parts.data()) out_.buffer() += ';';
            out_.buffer().append(part.name) += '=';
            std::visit([this](auto number) { write(number); }, part.number);
        }
    }

    void write(const report::TimeWaitValue& value) {
        if (value.dwell) write(*value.dwell);
        out_.buffer().append(",").append(name(value.end)) += ',';
        write(std::int64_t{value.restarts});
    }

    Output& out_;
    std::string_view main_;
    std::string scratch_;
};

} // namespace

std::unique_ptr<Renderer> make_csv_renderer(Output& out) {
    return std::make_unique<CsvRenderer>(out);
}

} // namespace tcpdwell::render
