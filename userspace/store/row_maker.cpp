// SPDX-License-Identifier: Apache-2.0
#include "store/row_maker.h"

#include <algorithm>
#include <utility>

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

RowMaker::RowMaker(RowOptions options, const run::Context& context, run::Consumer& next)
    : run::ForwardingConsumer(next), options_(std::move(options)), context_(context) {}

void RowMaker::begin(const run::Context& context) {
    options_.host = fact(context, "host", options_.host);
    options_.boot = fact(context, "boot_id", options_.boot);
    now_ = context.clock().mono;
    findings_begin_ = now_;
    next().begin(context);
}

Result<bool> RowMaker::flush(const run::RunState& state) {
    now_ = std::max(now_, state.now);
    advance(false);
    for (Batch& batch : batches()) {
        const bool is_old = options_.longest_wait > Nanoseconds(0) &&
                            time_between(batch.begun, now_) >= options_.longest_wait;
        if (is_old) hand_over(batch);
    }
    if (!taken_) return tl::unexpected(taken_.error());
    return next().flush(state);
}

void RowMaker::settled(const run::RunState& state) {
    now_ = std::max(now_, state.now);
    advance(false);
    is_settled_ = true;
    next().settled(state);
}

/// After the others: they may make a report at the end.
Result<void> RowMaker::finish() {
    if (auto finished = next().finish(); !finished) return finished;
    advance(true);
    for (Batch& batch : batches()) hand_over(batch);
    return taken_;
}

void RowMaker::on_connection(const track::ConnectionLine& line) {
    // After settled() come those that are there still.
    if ((!is_settled_ || options_.takes_time_wait) && has_ended(line)) {
        note_end(line);
        const std::uint64_t flow = tcp::flow_of(line.who->tuple);
        if (const auto weight = sampled_weight(line, flow, options_.sampling))
            add_end(line, flow, *weight);
    }
    next().on_connection(line);
}

void RowMaker::add_findings(const report::Report& report) {
    if (time_between(findings_begin_, now_) < options_.findings_interval) return;
    const MonoTime begin = std::exchange(findings_begin_, now_);
    for (const report::Section& section : report.sections) {
        const auto* findings = std::get_if<report::Findings>(&section.body);
        if (findings == nullptr) continue;
        for (const report::Finding& finding : findings->list) add_finding(finding, begin);
    }
}

void RowMaker::count_row(Batch& batch) {
    if (batch.rows++ == 0) batch.begun = now_;
    if (batch.rows >= options_.rows_in_batch || batch.lines.size() >= options_.bytes_in_batch)
        hand_over(batch);
}

void RowMaker::hand_over(Batch& batch) {
    if (batch.rows == 0) return;
    if (taken_) taken_ = options_.take(batch.table, batch.rows, text_of(batch));
    rows_ += batch.rows;
    batch.rows = 0;
    batch.lines.clear();
}

} // namespace tcpdwell::store
