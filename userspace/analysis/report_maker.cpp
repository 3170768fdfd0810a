// SPDX-License-Identifier: Apache-2.0
#include "analysis/report_maker.h"

#include <algorithm>
#include <type_traits>

namespace tcpdwell::analysis {
namespace {

/// Order of the sections in machine-readable output. Analyses add theirs in the order in which they
/// have to be notified of moves.
constexpr std::string_view kOrder[] = {
    "meta",          "quality",     "findings",       "states",       "states_by", "latencies",
    "accept_delays", "transitions", "services",       "remotes",      "ports",     "accept_queues",
    "endings",       "transfers",   "both_ends_here", "stray_resets", "counters",  "timeline"};

std::size_t place_of(const report::Section& section) {
    return static_cast<std::size_t>(std::find(std::begin(kOrder), std::end(kOrder), section.id) -
                                    std::begin(kOrder));
}

} // namespace

ReportMaker::ReportMaker(ReportOptions options, MonoTime begin)
    : options_(std::move(options)), begin_(begin), flows_(begin, &lives_),
      dwell_(options_.by, flows_), live_(options_.thresholds), timeline_(begin), accepts_(flows_),
      unknown_(lives_), pairs_(!options_.run.filter.empty()),
      causes_(flows_, listeners_, unknown_, lives_, begin),
      overview_(options_.run, options_.thresholds, dwell_) {
    const auto add_each = [this](auto&... analyses) { (add(analyses), ...); };
    add_each(overview_, flows_, listeners_, accepts_, causes_, dwell_, live_, timeline_, counters_,
             stray_resets_, unknown_, upstreams_, workers_, check_, pairs_, heard_);
}

template <class Each>
void ReportMaker::add(Each& analysis) {
    all_.push_back(&analysis);
    // A function that isn't overridden is of the type of the base's.
    if (!std::is_same_v<decltype(&Each::on_move), decltype(&Analysis::on_move)>)
        for_moves_.push_back(&analysis);
    if (!std::is_same_v<decltype(&Each::on_transition), decltype(&Analysis::on_transition)>)
        for_transitions_.push_back(&analysis);
    if (!std::is_same_v<decltype(&Each::on_connection), decltype(&Analysis::on_connection)>)
        for_connections_.push_back(&analysis);
    if (!std::is_same_v<decltype(&Each::on_live), decltype(&Analysis::on_live)>)
        for_live_.push_back(&analysis);
}

void ReportMaker::on_move(const track::StateMove& move) {
    const Weight weight = weight_of(*move.who);
    for (Analysis* analysis : for_moves_) analysis->on_move(move, weight);
}

void ReportMaker::on_transition(const track::TransitionLine& line) {
    const Weight weight = weight_of(*line.who);
    for (Analysis* analysis : for_transitions_) analysis->on_transition(line, weight);
}

void ReportMaker::on_connection(const track::ConnectionLine& line) {
    if (line.evicted) return; // no end: how many, the tracker's totals say
    ++ended_;
    const Weight weight = weight_of(*line.who);
    for (Analysis* analysis : for_connections_) analysis->on_connection(line, weight);
}

void ReportMaker::on_stray_reset(const track::StrayResetLine& line) {
    const Weight weight = event::weight_in_sample(line.tuple, options_.run.sample);
    stray_resets_.on_stray_reset(line, weight);
    unknown_.on_stray_reset(line, weight);
    causes_.on_stray_reset(line, weight);
}

void ReportMaker::on_lost(const track::LostLine& line) { overview_.on_lost(line); }

report::Report ReportMaker::make(const track::Tracker& tracker, const event::DataQuality& quality,
                                 const HostFacts& host, const ClockAnchor& clock,
                                 const CgroupNames& cgroups, MonoTime now) {
    for (Analysis* analysis : all_) analysis->begin_live(now);
    if (options_.metrics != nullptr) options_.metrics->begin_live();
    std::size_t looked_at = 0;
    tracker.for_each_live([&](const track::LiveSocket& socket) {
        if (++looked_at % kSocketsInOneGo == 0) options_.meanwhile();
        if (!flows_.counts(socket.who)) return; // not selected
        const Weight weight = weight_of(socket.who);
        for (Analysis* analysis : for_live_) analysis->on_live(socket, weight);
        if (options_.metrics != nullptr) options_.metrics->on_live(socket);
    });
    overview_.set_totals(tracker.totals(), quality);

    const ReportContext moment{begin_, now, clock, host, cgroups};
    report::Report report;
    for (Analysis* analysis : all_) {
        analysis->add_to(report, moment);
        options_.meanwhile();
    }
    const std::vector<ServiceRow> services = flows_.services();
    const RuleInput evidence{
        services, flows_, listeners_, live_,    overview_, counters_,           accepts_, causes_,
        unknown_, heard_, upstreams_, workers_, check_,    options_.thresholds, moment};
    report::Findings findings = find_all(evidence, report);
    options_.meanwhile();
    lives_.add_to(findings, tracker, moment);
    if (options_.metrics != nullptr) options_.metrics->on_report(findings, flows_, moment);
    report.sections.push_back(
        {"findings", "Findings", "", std::move(findings), report::SectionPlace::findings});
    std::stable_sort(report.sections.begin(), report.sections.end(),
                     [](const report::Section& a, const report::Section& b) {
                         return place_of(a) < place_of(b);
                     });
    return report;
}

void ReportMaker::next_interval(MonoTime now) {
    begin_ = now;
    lives_.clear();
    for (Analysis* analysis : all_) analysis->next_interval(now);
}

} // namespace tcpdwell::analysis
