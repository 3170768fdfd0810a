// SPDX-License-Identifier: Apache-2.0
#include "store/exporter.h"

#include <algorithm>

#include "analysis/metric_services.h"
#include "report/schemas.h"
#include "store/ends.h"
#include "tcp/flow.h"

namespace tcpdwell::store {
namespace {

/// As the context knows the facts of the own host.
std::string fact(const run::Context& context, std::string_view key, const std::string& preset) {
    for (const event::Fact& each : context.facts())
        if (each.netns == 0 && each.key == key) return each.value;
    return preset;
}

} // namespace

Exporter::Exporter(ExporterOptions options, const run::Context& context, run::Consumer& next)
    : run::ForwardingConsumer(next), options_(std::move(options)), context_(context),
      minutes_([&context](std::uint64_t cgroup) { return context.container(cgroup); }) {}

void Exporter::begin(const run::Context& context) {
    options_.host = fact(context, "host", options_.host);
    options_.boot = fact(context, "boot_id", options_.boot);
    now_ = context.clock().mono;
    findings_begin_ = now_;
    minutes_.begin(now_, context.clock());
    next().begin(context);
}

/// DateTime is of 32 bits.
std::uint64_t Exporter::wall_seconds(MonoTime at) const {
    const WallTime wall = context_.clock().to_wall(at);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(roundable(wall));
    return static_cast<std::uint64_t>(
        std::clamp<std::int64_t>(seconds.time_since_epoch().count(), 0, 0xffff'ffff));
}

Result<bool> Exporter::flush(const run::RunState& state) {
    now_ = std::max(now_, state.now);
    minutes_.advance(now_, context_.clock(),
                     [this](const analysis::MinuteRow& row) { add_minute(row); });
    for (Batch* batch : {&ends_, &sums_, &findings_}) {
        const bool is_old = options_.longest_wait > Nanoseconds(0) &&
                            time_between(batch->begun, now_) >= options_.longest_wait;
        if (is_old) hand_over(*batch);
    }
    if (!taken_) return tl::unexpected(taken_.error());
    return next().flush(state);
}

void Exporter::settled(const run::RunState& state) {
    now_ = std::max(now_, state.now);
    minutes_.advance(now_, context_.clock(),
                     [this](const analysis::MinuteRow& row) { add_minute(row); });
    is_settled_ = true;
    next().settled(state);
}

/// After the others: they may make a report at the end.
Result<void> Exporter::finish() {
    if (auto finished = next().finish(); !finished) return finished;
    minutes_.finish(now_, [this](const analysis::MinuteRow& row) { add_minute(row); });
    return hand_over_all();
}

void Exporter::on_move(const track::StateMove& move) {
    // After settled() what is still there is taken leave of, which is no time in a state.
    if (!is_settled_) minutes_.on_move(move);
    next().on_move(move);
}

void Exporter::on_transition(const track::TransitionLine& line) {
    minutes_.on_transition(line);
    next().on_transition(line);
}

void Exporter::on_connection(const track::ConnectionLine& line) {
    // After settled() come those that are there still.
    if ((!is_settled_ || options_.takes_time_wait) && has_ended(line)) add_end(line);
    next().on_connection(line);
}

Result<void> Exporter::hand_over_all() {
    for (Batch* batch : {&ends_, &sums_, &findings_}) hand_over(*batch);
    return taken_;
}

void Exporter::hand_over(Batch& batch) {
    if (batch.rows == 0) return;
    if (taken_) taken_ = options_.take(batch.table, batch.rows, batch.lines);
    rows_ += batch.rows;
    batch.rows = 0;
    batch.lines.clear();
}

void Exporter::begin_row(std::uint64_t at_seconds) {
    json_.begin();
    json_.member("time", at_seconds);
    json_.member("host", options_.host);
    json_.member("boot", options_.boot);
    if (!options_.zone.empty()) json_.member("zone", options_.zone);
}

void Exporter::end_row(Batch& batch) {
    if (batch.rows++ == 0) batch.begun = now_;
    json_.end_line(batch.lines);
    if (batch.rows >= options_.rows_in_batch || batch.lines.size() >= options_.bytes_in_batch)
        hand_over(batch);
}

void Exporter::add_end(const track::ConnectionLine& line) {
    minutes_.on_connection(line);
    const std::uint64_t flow = tcp::flow_of(line.who->tuple);
    const auto weight = sampled_weight(line, flow, options_.sampling);
    if (!weight) return;
    begin_row(wall_seconds(ended_at(line)));
    json_.member("service", analysis::service_text(*line.who));
    json_.member("flow", flow);
    json_.member("weight", *weight);
    const std::uint64_t cgroup = line.who->cgroup;
    json_.members(report::connection_schema(),
                  run::to_row(line, context_.clock(),
                              {context_.cgroup(cgroup), context_.container(cgroup)}, cells_));
    end_row(ends_);
}

void Exporter::add_minute(const analysis::MinuteRow& row) {
    begin_row(wall_seconds(row.begin));
    json_.member("began_ns", std::int64_t{row.begin.time_since_epoch().count()});
    json_.member("seconds",
                 std::chrono::duration<double>(time_between(row.begin, row.end)).count());
    json_.member("weight", options_.sampling.traced);
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

void Exporter::add_findings(const report::Report& report) {
    if (time_between(findings_begin_, now_) < options_.findings_interval) return;
    const MonoTime begin = std::exchange(findings_begin_, now_);
    for (const report::Section& section : report.sections) {
        const auto* findings = std::get_if<report::Findings>(&section.body);
        if (findings == nullptr) continue;
        for (const report::Finding& finding : findings->list) add_finding(finding, begin);
    }
}

void Exporter::add_finding(const report::Finding& finding, MonoTime begin) {
    begin_row(wall_seconds(now_));
    json_.member("began_ns", std::int64_t{begin.time_since_epoch().count()});
    json_.member("seconds", std::chrono::duration<double>(time_between(begin, now_)).count());
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
