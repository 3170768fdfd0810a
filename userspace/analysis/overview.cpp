// SPDX-License-Identifier: Apache-2.0
#include "analysis/overview.h"

#include <algorithm>
#include <numeric>
#include <sstream>

#include "analysis/histogram.h"

namespace tcpdwell::analysis {
namespace {

std::uint64_t sum(const EnumArray<tcp::Seen, std::uint64_t>& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

} // namespace

void Overview::on_connection(const track::ConnectionLine& line, Weight weight) {
    ended_[line.seen] += weight;
    namespaces_.insert(line.who->netns);
}

void Overview::on_lost(const track::LostLine& line) {
    if (line.events)
        lost_ += *line.events;
    else
        ++holes_;
}

void Overview::begin_live(MonoTime) {
    open_ = {};
    in_time_wait_ = 0;
}

void Overview::on_live(const track::LiveSocket& socket, Weight weight) {
    namespaces_.insert(socket.who.netns);
    if (socket.who.tuple.remote.empty()) return; // a listener
    open_[socket.seen] += weight;
    if (socket.state == tcp::State::TIME_WAIT) in_time_wait_ += weight;
}

std::uint64_t Overview::connections() const { return sum(ended_) + sum(open_); }

report::Facts Overview::meta(report::Report& report, const ReportContext& moment) const {
    const auto fact = [&](std::string_view key) -> report::Value {
        const auto text = moment.host.about_host(key);
        return text ? report::Value(report.keep(std::string(*text))) : report::Value();
    };
    std::vector<report::NumberPart> thresholds;
    for (const ThresholdRow& row : Thresholds::rows())
        thresholds.push_back({row.name, thresholds_.value(row.name)});
    std::vector<report::TextPart> sysctls;
    for (const auto& [key, value] : moment.host.own_sysctls())
        sysctls.push_back({report.keep(std::string(key)), report.keep(std::string(value))});
    report::Facts facts{{
        {"version", "version", fact("version")},
        {"source", "source", report.keep(run_.source)},
        {"host", "host", fact("host")},
        {"kernel", "kernel", fact("kernel")},
        {"machine", "machine", fact("machine")},
        {"begin", "from", moment.clock.to_wall(moment.begin)},
        {"end", "to", moment.clock.to_wall(moment.now)},
        {"duration_ns", "lasting", time_between(moment.begin, moment.now)},
        {"interval", "changes in an interval only", run_.interval},
        {"netns", "network namespaces", report::count_value(namespaces_.size())},
        {"filter", "filter",
         run_.filter.empty() ? report::Value() : report::Value(report.keep(run_.filter))},
        {"probes", "probes", fact("probes")},
        {"sysctls", "settings of the kernel (sysctls)", report.keep(std::move(sysctls))},
        {"thresholds", "thresholds of the findings", report.keep(std::move(thresholds))},
    }};
    if (moment.host.about_host("pid_namespace"))
        facts.lines.push_back(
            {"pid_namespace", "pid namespace of the processes' numbers", fact("pid_namespace")});
    if (is_sampled())
        facts.lines.push_back(
            {"sample", "a sample: one connection in", report::count_value(run_.sample)});
    return facts;
}

report::Facts Overview::quality() const {
    report::Facts facts{{
        {"lost", "events lost between kernel and tcpdwell", report::count_value(lost_)},
        {"holes", "holes in the recording", report::count_value(holes_)},
        {"unseen", "events missed that were not counted as lost, at least",
         report::count_value(totals_.unseen)},
        {"connections", "connections, ended and open", report::count_value(connections())},
        {"ended", "connections that ended", report::count_value(sum(ended_))},
        {"open", "connections still open", report::count_value(sum(open_))},
        {"time_wait", "of which in TIME_WAIT", report::count_value(in_time_wait_)},
        {"whole", "connections seen from their birth",
         report::count_value(connections(tcp::Seen::whole))},
        {"joined", "connections that were open when tracing began",
         report::count_value(connections(tcp::Seen::joined))},
        {"gap", "connections with events lost in between",
         report::count_value(connections(tcp::Seen::gap))},
        {"transitions", "state transitions", report::count_value(dwell_.transitions())},
        {"unexpected_edges", "transitions for which no cause is known",
         report::count_value(dwell_.unexpected())},
        {"evicted", "connections given up for want of room", report::count_value(totals_.evicted)},
        {"malformed", "records that could not be read", report::count_value(quality_.malformed)},
        {"unknown_records", "records of unknown kinds", report::count_value(quality_.unknown)},
        {"dropped", "records, or what they said, dropped for want of room",
         report::count_value(quality_.dropped)},
        {"quantile_error", "relative error of the quantiles, at most",
         LogHistogram::kRelativeError},
    }};
    if (is_sampled())
        facts.lines.push_back({"traced", "connections traced, which stand for all",
                               report::count_value(connections() / run_.sample)});
    return facts;
}

/// The filter is known as text, in which those of several recordings are joined.
bool Overview::is_filtered_by(std::initializer_list<std::string_view> options) const {
    std::istringstream words(run_.filter);
    for (std::string word; words >> word;) {
        if (word == "or" || word == "recorded" || word == "with") continue;
        if (std::ranges::find(options, word) == options.end() || !(words >> word)) return false;
    }
    return true;
}

bool Overview::may_hide_addresses() const {
    std::istringstream words(run_.filter);
    for (std::string word; words >> word;)
        if (word == "-4" || word == "-6" || word == "--addr") return true;
    return false;
}

void Overview::add_to(report::Report& report, const ReportContext& moment) {
    report.sections.push_back(
        {"meta", "The run", "", meta(report, moment), report::SectionPlace::background, false});
    report.sections.push_back(
        {"quality", "Quality of the data", "", quality(), report::SectionPlace::background, false});
}

void Overview::next_interval(MonoTime) {
    ended_ = {};
    lost_ = 0;
    holes_ = 0;
    unseen_before_ = totals_.unseen;
}

} // namespace tcpdwell::analysis
