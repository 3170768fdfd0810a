// SPDX-License-Identifier: Apache-2.0
#include "render/flat_json.h"

#include <cassert>

namespace tcpdwell::render {

void FlatJson::member(std::string_view name, std::string_view text) {
    json_.key(name);
    json_.string(text);
}

void FlatJson::member(std::string_view name, std::int64_t number) {
    json_.key(name);
    json_.write(report::Value(number));
}

void FlatJson::member(std::string_view name, std::uint64_t number) {
    json_.key(name);
    json_.number(number);
}

void FlatJson::member(std::string_view name, double number) {
    json_.key(name);
    json_.write(report::Value(number));
}

void FlatJson::end_line(std::string& out) {
    json_.end_object();
    out.append(json_.view()) += '\n';
}

void FlatMembers::members(const report::Schema& schema, report::Row row) {
    assert(row.size() == schema.columns.size());
    for (std::size_t i = 0; i < row.size(); ++i) put(schema.columns[i].id, row[i]);
}

void FlatMembers::put(std::string_view id, const report::Value& value) {
    std::visit([&](const auto& known) { cell(id, known); }, value);
}

void FlatMembers::part(std::string_view id, std::string_view part, std::int64_t number) {
    key_.assign(id).append("_").append(part);
    member(key_, number);
}

void FlatMembers::part(std::string_view id, std::string_view part, std::string_view text) {
    key_.assign(id).append("_").append(part);
    cell(key_, text);
}

void FlatMembers::cell(std::string_view id, std::string_view text) {
    if (!text.empty()) member(id, text);
}

void FlatMembers::cell(std::string_view id, WallTime time) {
    part(id, "ns", std::int64_t{time.time_since_epoch().count()});
}

void FlatMembers::cell(std::string_view id, const report::EndpointValue& value) {
    const tcp::Endpoint& endpoint = value.endpoint;
    if (endpoint.empty()) return;
    part(id, "addr", endpoint.address.text(value.family));
    if (endpoint.port != 0) part(id, "port", std::int64_t{endpoint.port});
}

void FlatMembers::cell(std::string_view id, const report::ProcessValue& process) {
    if (process.pid != 0) part(id, "pid", std::int64_t{process.pid});
    part(id, "comm", process.comm);
    if (process.thread) part(id, "thread", *process.thread);
    if (!process.manner) return;
    part(id, "how", process.manner->how);
    if (process.manner->signal != 0) part(id, "signal", std::int64_t{process.manner->signal});
}

void FlatJson::states(std::string_view id, std::span<const report::StateSpan> states) {
    const auto array = [&](std::string_view part, const auto& write) {
        begin_array(key_.assign(id).append(".").append(part));
        for (const report::StateSpan& span : states) write(span);
        end_array();
    };
    array("state", [this](const report::StateSpan& span) { json_.string(tcp::name(span.state)); });
    array("dwell_ns", [this](const report::StateSpan& span) { json_.write(span.dwell); });
    array("at_least_ns", [this](const report::StateSpan& span) {
        json_.number(static_cast<std::uint64_t>(span.at_least.count()));
    });
}

void FlatMembers::cell(std::string_view id, const report::TimeWaitValue& value) {
    if (value.dwell) part(id, "dwell_ns", std::int64_t{value.dwell->count()});
    part(id, "end", tcp::name(value.end));
    part(id, "restarts", std::int64_t{value.restarts});
}

void FlatMembers::cell(std::string_view id, std::span<const report::ObjectPart> parts) {
    for (const report::ObjectPart& each : parts) {
        if (const auto* number = std::get_if<std::int64_t>(&each.value))
            part(id, each.name, *number);
        else if (const auto* flag = std::get_if<bool>(&each.value))
            part(id, each.name, std::int64_t{*flag});
    }
}

} // namespace tcpdwell::render
