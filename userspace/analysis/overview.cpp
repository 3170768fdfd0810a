// SPDX-License-Identifier: Apache-2.0
#include "analysis/overview.h"

#include <numeric>

#include "analysis/histogram.h"

namespace tcpdwell {
namespace {

std::uint64_t sum(const EnumArray<Seen, std::uint64_t>& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

} // namespace

void Overview::on_connection(const ConnectionLine& line) {
    ++ended_[line.seen];
    namespaces_.insert(line.who->netns);
}

void Overview::on_lost(const LostLine& line) {
    if (line.events)
        lost_ += *line.events;
    else
        ++holes_;
}

void Overview::begin_live(MonoTime) { open_ = {}; }

void Overview::on_live(const LiveSocket& socket) {
    namespaces_.insert(socket.who.netns);
    if (socket.who.tuple.remote.empty()) return; // a listener
    ++open_[socket.seen];
}

std::uint64_t Overview::connections() const { return sum(ended_) + sum(open_); }

Facts Overview::meta(Report& report, const ReportContext& moment) const {
    const auto fact = [&](std::string_view key) -> Value {
        const auto text = moment.host.about_host(key);
        return text ? Value(report.keep(std::string(*text))) : Value();
    };
    std::vector<NumberPart> thresholds;
    for (const ThresholdRow& row : Thresholds::rows())
        thresholds.push_back({row.name, thresholds_.value(row.name)});
    std::vector<TextPart> sysctls;
    for (const auto& [key, value] : moment.host.own_sysctls())
        sysctls.push_back({report.keep(std::string(key)), report.keep(std::string(value))});
    return Facts{{
        {"version", "version", fact("version")},
        {"source", "source", report.keep(run_.source)},
        {"host", "host", fact("host")},
        {"kernel", "kernel", fact("kernel")},
        {"machine", "machine", fact("machine")},
        {"begin", "from", moment.clock.to_wall(moment.begin)},
        {"end", "to", moment.clock.to_wall(moment.now)},
        {"duration_ns", "lasting", moment.now - moment.begin},
        {"interval", "changes in an interval only", run_.interval},
        {"netns", "network namespaces", count_value(namespaces_.size())},
        {"filter", "filter", run_.filter.empty() ? Value() : Value(report.keep(run_.filter))},
        {"probes", "probes", fact("probes")},
        {"sysctls", "settings of the kernel (sysctls)", report.keep(std::move(sysctls))},
        {"thresholds", "thresholds of the findings", report.keep(std::move(thresholds))},
    }};
}

Facts Overview::quality() const {
    return Facts{{
        {"lost", "events lost between kernel and tcpdwell", count_value(lost_)},
        {"holes", "holes in the recording", count_value(holes_)},
        {"connections", "connections, ended and open", count_value(connections())},
        {"ended", "connections that ended", count_value(sum(ended_))},
        {"open", "connections still open", count_value(sum(open_))},
        {"whole", "connections seen from their birth", count_value(connections(Seen::whole))},
        {"joined", "connections that were open when tracing began",
         count_value(connections(Seen::joined))},
        {"gap", "connections with events lost in between", count_value(connections(Seen::gap))},
        {"transitions", "state transitions", count_value(dwell_.transitions())},
        {"unexpected_edges", "transitions for which no cause is known",
         count_value(dwell_.unexpected())},
        {"evicted", "connections given up for want of room", count_value(totals_.evicted)},
        {"malformed", "records that could not be read", count_value(quality_.malformed)},
        {"unknown_records", "records of unknown kinds", count_value(quality_.unknown)},
        {"quantile_error", "relative error of the quantiles, at most",
         LogHistogram::kRelativeError},
    }};
}

void Overview::add_to(Report& report, const ReportContext& moment) {
    report.sections.push_back(
        {"meta", "The run", "", meta(report, moment), SectionPlace::background, false});
    report.sections.push_back(
        {"quality", "Quality of the data", "", quality(), SectionPlace::background, false});
}

void Overview::next_interval(MonoTime) {
    ended_ = {};
    lost_ = 0;
    holes_ = 0;
}

} // namespace tcpdwell
