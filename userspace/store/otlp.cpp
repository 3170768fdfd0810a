// SPDX-License-Identifier: Apache-2.0
#include "store/otlp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "event/container_path.h"
#include "render/flat_json.h"
#include "report/schemas.h"

namespace tcpdwell::store {
namespace {

// opentelemetry-proto, logs.proto: SeverityNumber.
constexpr std::int64_t kInfo = 9;
constexpr std::int64_t kWarning = 13;
constexpr std::int64_t kError = 17;

/// The name, user and cgroup that are known are those of the task and of the socket, not of the
/// executable and the process: they have none.
/// Column, as FlatMembers names it, and the attribute of the semantic conventions (1.30) that means
/// the same.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kConventions{{
    {"local_addr", "network.local.address"},
    {"local_port", "network.local.port"},
    {"remote_addr", "network.peer.address"},
    {"remote_port", "network.peer.port"},
    {"family", "network.type"},
    {"process_pid", "process.pid"},
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
        json_.key("timeUnixNano");
        json_.string(std::to_string(ns)); // 64 bits are strings (protobuf's JSON mapping)
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

void OtlpExporter::add_end(const track::ConnectionLine& line, std::uint64_t flow,
                           std::uint64_t weight) {
    const ClockAnchor& clock = context().clock();
    const bool is_bad = ended_badly(line);
    LogRecord record(clock.to_wall(ended_at(line)), is_bad ? kWarning : kInfo,
                     "tcpdwell.connection.ended", body_of(line));
    record.attribute("network.transport", std::string_view("tcp"));
    add_sides(record, *line.who);
    const std::uint64_t cgroup = line.who->cgroup;
    const auto container = context().container(cgroup);
    const event::ContainerWords words = event::container_words(container.value_or(""));
    record.attribute("container.name", words.name);
    record.attribute("k8s.pod.name", words.pod);
    record.attribute("k8s.namespace.name", words.name_space);
    const std::string_view detail = tcp::name(line.detail);
    if (is_bad) record.attribute("error.type", detail.empty() ? tcp::name(line.ending) : detail);
    record.member("flow", flow);
    if (weight != 1) record.attribute("tcpdwell.weight", static_cast<std::int64_t>(weight));
    record.members(report::connection_schema(),
                   run::to_row(line, clock, {context().cgroup(cgroup), std::nullopt}, cells_));
    add_record(record.end());
}

void OtlpExporter::add_finding(const report::Finding& finding, MonoTime) {
    const bool is_info = finding.severity == report::Severity::info;
    const bool is_warning = finding.severity == report::Severity::warning;
    LogRecord record(context().clock().to_wall(now()),
                     is_info      ? kInfo
                     : is_warning ? kWarning
                                  : kError,
                     "tcpdwell.finding", finding.what);
    record.attribute("tcpdwell.finding", finding.id);
    record.attribute("tcpdwell.subject", finding.subject);
    if (finding.because) record.attribute("tcpdwell.because", finding.because->id);
    add_record(record.end());
}

void OtlpExporter::add_record(std::string_view json) {
    records_.lines.append(records_.lines.empty() ? "" : ",").append(json);
    count_row(records_);
}

std::string OtlpExporter::text_of(Batch& batch) {
    const auto attribute = [](std::string_view key, std::string_view value) {
        render::JsonWriter json;
        json.string(value);
        return fmt::format(R"({{"key":"{}","value":{{"stringValue":{}}}}})", key, json.view());
    };
    std::string attributes =
        attribute("host.name", options().host) + "," + attribute("os.type", "linux");
    if (!options().zone.empty())
        attributes += "," + attribute("cloud.availability_zone", options().zone);
    return fmt::format(
        R"({{"resourceLogs":[{{"resource":{{"attributes":[{}]}},)"
        R"("scopeLogs":[{{"scope":{{"name":"tcpdwell","version":"{}"}},"logRecords":[{}]}}]}}]}})"
        "\n",
        attributes, TCPDWELL_VERSION, batch.lines);
}

} // namespace tcpdwell::store
