// SPDX-License-Identifier: Apache-2.0
#include "store/otlp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "event/container_path.h"
#include "render/flat_json.h"
#include "report/schemas.h"
#include "store/ends.h"
#include "tcp/flow.h"

namespace tcpdwell::store {
namespace {

// opentelemetry-proto, logs.proto: SeverityNumber.
constexpr std::int64_t kInfo = 9;
constexpr std::int64_t kWarning = 13;
constexpr std::int64_t kError = 17;

/// Column, as FlatMembers names it, and the attribute of the semantic conventions (1.30) that means
/// the same.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kConventions{{
    {"local_addr", "network.local.address"},
    {"local_port", "network.local.port"},
    {"remote_addr", "network.peer.address"},
    {"remote_port", "network.peer.port"},
    {"family", "network.type"},
    {"process_pid", "process.pid"},
    {"process_comm", "process.executable.name"},
    {"uid", "process.user.id"},
    {"cgroup", "process.linux.cgroup"},
}};

std::string attribute_name(std::string_view column) {
    const auto known = std::ranges::find(kConventions, column,
                                         &std::pair<std::string_view, std::string_view>::first);
    if (known != kConventions.end()) return std::string(known->second);
    return fmt::format("tcpdwell.{}", column);
}

/// One LogRecord.
class LogRecord final : public render::FlatMembers {
public:
    LogRecord(WallTime at, std::int64_t severity, std::string_view event, std::string_view body) {
        json_.begin_object();
        const std::int64_t ns = std::max<std::int64_t>(at.time_since_epoch().count(), 0);
        for (const std::string_view name : {"timeUnixNano", "observedTimeUnixNano"}) {
            json_.key(name);
            json_.string(std::to_string(ns)); // 64 bits are strings (protobuf's JSON mapping)
        }
        json_.key("severityNumber");
        json_.write(severity);
        json_.key("severityText");
        json_.string(severity == kInfo ? "INFO" : severity == kWarning ? "WARN" : "ERROR");
        json_.key("eventName");
        json_.string(event);
        json_.key("body");
        text_value(body);
        json_.key("attributes");
        json_.begin_array();
    }

    void member(std::string_view column, std::string_view text) override {
        attribute(attribute_name(column), text);
    }
    void member(std::string_view column, std::int64_t number) override {
        attribute(attribute_name(column), number);
    }
    /// An id.
    void member(std::string_view column, std::uint64_t number) override {
        attribute(attribute_name(column), fmt::format("{:016x}", number));
    }
    void member(std::string_view, double) override {}
    void states(std::string_view, std::span<const report::StateSpan> states) override {
        for (const report::StateSpan& each : states) {
            std::string name = fmt::format("tcpdwell.dwell_ns.{}", tcp::name(each.state));
            if (each.dwell) attribute(name, std::int64_t{each.dwell->count()});
        }
    }

    void attribute(std::string_view name, std::string_view text) {
        if (text.empty()) return;
        begin_attribute(name);
        text_value(text);
        json_.end_object();
    }
    void attribute(std::string_view name, std::int64_t number) {
        begin_attribute(name);
        json_.begin_object();
        json_.key("intValue");
        json_.string(std::to_string(number));
        json_.end_object();
        json_.end_object();
    }

    std::string_view end() {
        json_.end_array();
        json_.end_object();
        return json_.view();
    }

private:
    void begin_attribute(std::string_view name) {
        json_.begin_object();
        json_.key("key");
        json_.string(name);
        json_.key("value");
    }
    void text_value(std::string_view text) {
        json_.begin_object();
        json_.key("stringValue");
        json_.string(text);
        json_.end_object();
    }

    render::JsonWriter json_;
};

void add_sides(LogRecord& record, const track::ConnectionIdentity& who) {
    if (who.role == tcp::Role::unknown) return;
    const bool is_client = who.role == tcp::Role::client;
    const auto add = [&](std::string_view side, const tcp::Endpoint& endpoint) {
        record.attribute(fmt::format("{}.address", side),
                         std::string_view(endpoint.address.text(who.tuple.family)));
        if (endpoint.port != 0)
            record.attribute(fmt::format("{}.port", side), std::int64_t{endpoint.port});
    };
    add("client", is_client ? who.tuple.local : who.tuple.remote);
    add("server", is_client ? who.tuple.remote : who.tuple.local);
}

std::string body_of(const track::ConnectionLine& line) {
    const tcp::FourTuple& tuple = line.who->tuple;
    const std::string_view detail = tcp::name(line.detail);
    return fmt::format("{} - {}: {}{}{}, closed first: {}", tuple.local.text(tuple.family),
                       tuple.remote.text(tuple.family), tcp::name(line.ending),
                       detail.empty() ? "" : " ", detail, tcp::name(line.closed_first));
}

} // namespace

OtlpExporter::OtlpExporter(OtlpOptions options, const run::Context& context, run::Consumer& next)
    : run::ForwardingConsumer(next), options_(std::move(options)), context_(context) {}

void OtlpExporter::begin(const run::Context& context) {
    for (const event::Fact& fact : context.facts())
        if (fact.netns == 0 && fact.key == "host") options_.host = fact.value;
    now_ = context.clock().mono;
    next().begin(context);
}

Result<bool> OtlpExporter::flush(const run::RunState& state) {
    now_ = std::max(now_, state.now);
    if (options_.longest_wait > Nanoseconds(0) &&
        time_between(begun_, now_) >= options_.longest_wait)
        hand_over();
    if (!taken_) return tl::unexpected(taken_.error());
    return next().flush(state);
}

void OtlpExporter::settled(const run::RunState& state) {
    now_ = std::max(now_, state.now);
    is_settled_ = true;
    next().settled(state);
}

Result<void> OtlpExporter::finish() {
    if (auto finished = next().finish(); !finished) return finished;
    hand_over();
    return taken_;
}

void OtlpExporter::on_connection(const track::ConnectionLine& line) {
    const std::uint64_t flow = tcp::flow_of(line.who->tuple);
    const auto weight = (!is_settled_ || options_.takes_time_wait) && has_ended(line)
                            ? sampled_weight(line, flow, options_.sampling)
                            : std::nullopt;
    if (weight) {
        const ClockAnchor& clock = context_.clock();
        const bool is_bad = ended_badly(line);
        LogRecord record(clock.to_wall(ended_at(line)), is_bad ? kWarning : kInfo,
                         "tcpdwell.connection.ended", body_of(line));
        record.attribute("network.transport", std::string_view("tcp"));
        add_sides(record, *line.who);
        const std::uint64_t cgroup = line.who->cgroup;
        const auto container = context_.container(cgroup);
        const event::ContainerWords words = event::container_words(container.value_or(""));
        record.attribute("container.name", words.name);
        record.attribute("k8s.pod.name", words.pod);
        record.attribute("k8s.namespace.name", words.name_space);
        if (is_bad)
            record.attribute("error.type", tcp::name(line.detail).empty() ? tcp::name(line.ending)
                                                                          : tcp::name(line.detail));
        record.member("flow", flow);
        if (*weight != 1) record.attribute("tcpdwell.weight", static_cast<std::int64_t>(*weight));
        record.members(report::connection_schema(),
                       run::to_row(line, clock, {context_.cgroup(cgroup), std::nullopt}, cells_));
        add_record(record.end());
    }
    next().on_connection(line);
}

void OtlpExporter::add_findings(const report::Report& report) {
    for (const report::Section& section : report.sections) {
        const auto* findings = std::get_if<report::Findings>(&section.body);
        if (findings == nullptr) continue;
        for (const report::Finding& finding : findings->list) {
            const bool is_info = finding.severity == report::Severity::info;
            const bool is_warning = finding.severity == report::Severity::warning;
            LogRecord record(context_.clock().to_wall(now_),
                             is_info      ? kInfo
                             : is_warning ? kWarning
                                          : kError,
                             "tcpdwell.finding", finding.what);
            record.attribute("tcpdwell.finding", finding.id);
            record.attribute("tcpdwell.subject", finding.subject);
            if (finding.because) record.attribute("tcpdwell.because", finding.because->id);
            add_record(record.end());
        }
    }
}

void OtlpExporter::add_record(std::string_view json) {
    if (count_++ == 0) begun_ = now_;
    records_.append(records_.empty() ? "" : ",").append(json);
    if (count_ >= options_.records_in_request) hand_over();
}

void OtlpExporter::hand_over() {
    if (count_ == 0) return;
    render::JsonWriter host;
    host.string(options_.host);
    const std::string line = fmt::format(
        R"({{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"host.name","value":)"
        R"({{"stringValue":{}}}}},{{"key":"os.type","value":{{"stringValue":"linux"}}}}]}},)"
        R"("scopeLogs":[{{"scope":{{"name":"tcpdwell","version":"{}"}},"logRecords":[{}]}}]}}]}})"
        "\n",
        host.view(), TCPDWELL_VERSION, records_);
    if (taken_) taken_ = options_.take(count_, line);
    sent_ += count_;
    count_ = 0;
    records_.clear();
}

} // namespace tcpdwell::store
