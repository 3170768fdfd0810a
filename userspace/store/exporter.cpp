// SPDX-License-Identifier: Apache-2.0
#include "store/exporter.h"

#include <algorithm>
#include <utility>

#include "analysis/metric_services.h"
#include "report/schemas.h"

namespace tcpdwell::store {

Exporter::Exporter(RowOptions options, const run::Context& context, run::Consumer& next)
    : RowMaker(std::move(options), context, next),
      minutes_([&context](std::uint64_t cgroup) { return context.container(cgroup); }) {}

void Exporter::begin(const run::Context& context) {
    minutes_.begin(context.clock().mono, context.clock());
    RowMaker::begin(context);
}

void Exporter::advance(bool is_over) {
    const auto add = [this](const analysis::MinuteRow& row) { add_minute(row); };
    if (is_over)
        minutes_.finish(now(), add);
    else
        minutes_.advance(now(), context().clock(), add);
}

void Exporter::on_move(const track::StateMove& move) {
    // After settled() what is still there is taken leave of, which is no time in a state.
    if (!is_settled()) minutes_.on_move(move);
    next().on_move(move);
}

void Exporter::on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) {
    if (!is_settled()) minutes_.on_learnt(who, state, at);
    next().on_learnt(who, state, at);
}

void Exporter::on_transition(const track::TransitionLine& line) {
    minutes_.on_transition(line);
    next().on_transition(line);
}

void Exporter::begin_row(MonoTime at, Nanoseconds rounding) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(
        roundable(shifted(context().clock().to_wall(at), rounding)));
    json_.begin();
    // DateTime is of 32 bits.
    json_.member("time", static_cast<std::uint64_t>(std::clamp<std::int64_t>(
                             seconds.time_since_epoch().count(), 0, 0xffff'ffff)));
    json_.member("host", options().host);
    json_.member("boot", options().boot);
    if (!options().zone.empty()) json_.member("zone", options().zone);
}

void Exporter::end_row(Batch& batch) {
    json_.end_line(batch.lines);
    count_row(batch);
}

void Exporter::add_end(const track::ConnectionLine& line, std::uint64_t flow,
                       std::uint64_t weight) {
    begin_row(ended_at(line));
    json_.member("service", analysis::service_text(*line.who));
    json_.member("flow", flow);
    json_.member("weight", weight);
    const std::uint64_t cgroup = line.who->cgroup;
    json_.members(report::connection_schema(),
                  run::to_row(line, context().clock(),
                              {context().cgroup(cgroup), context().container(cgroup)}, cells_));
    end_row(ends_);
}

void Exporter::add_minute(const analysis::MinuteRow& row) {
    // By a later reading of the clock a minute may begin just before itself.
    begin_row(row.begin, std::chrono::milliseconds(500));
    json_.member("began_ns", std::int64_t{row.begin.time_since_epoch().count()});
    json_.member("ended_ns", std::int64_t{row.end.time_since_epoch().count()});
    if (!options().filter.empty()) json_.member("filter", options().filter);
    json_.member("seconds",
                 std::chrono::duration<double>(time_between(row.begin, row.end)).count());
    json_.member("weight", options().sampling.traced);
    json_.member("service", std::string_view(row.service));
    if (!row.container.empty()) json_.member("container", std::string_view(row.container));
    json_.member("role", tcp::name(row.role));
    json_.member("state", tcp::name(row.state));
    json_.member("socket_seconds", row.sums.held.held_seconds(row.end));
    json_.member("peak", row.sums.held.peak());
    json_.member("entered", row.sums.entered);
    json_.member("opened", row.sums.opened);
    json_.member("dwell_seconds", row.sums.dwell.sum_seconds());
    json_.numbers("dwell_counts", row.sums.dwell.counts());
    const auto array = [&](std::string_view name, const auto& write) {
        json_.begin_array(name);
        for (const analysis::EndedCount& each : row.sums.ended) write(each);
        json_.end_array();
    };
    array("ended.closed_first",
          [this](const auto& each) { json_.element(tcp::name(each.closed_first)); });
    array("ended.ending", [this](const auto& each) { json_.element(tcp::name(each.ending)); });
    array("ended.connections", [this](const auto& each) { json_.element(each.connections); });
    end_row(sums_);
}

void Exporter::add_finding(const report::Finding& finding, MonoTime begin) {
    begin_row(now());
    json_.member("began_ns", std::int64_t{begin.time_since_epoch().count()});
    json_.member("seconds", std::chrono::duration<double>(time_between(begin, now())).count());
    json_.member("finding", finding.id);
    json_.member("severity", report::name(finding.severity));
    json_.member("subject", finding.subject);
    if (finding.because) json_.member("because", finding.because->id);
    json_.member("what", finding.what);
    std::string advice;
    for (const std::string_view sentence : finding.advice)
        advice.append(advice.empty() ? "" : " ").append(sentence);
    json_.member("advice", std::string_view(advice));
    end_row(findings_);
}

} // namespace tcpdwell::store
