// SPDX-License-Identifier: Apache-2.0
#include "analysis/dwell.h"

#include <algorithm>
#include <initializer_list>

namespace tcpdwell::analysis {
namespace {

using namespace std::chrono_literals;

/// TCP_TIMEWAIT_LEN (include/net/tcp.h).
constexpr Nanoseconds kNominalTimeWait = 60s;
constexpr std::uint32_t kOthers = ~std::uint32_t{0} - 1;

/// What is measured, and by which edges: a state's dwell is a measurement only if the state was
/// left in the right direction.
struct Latency {
    std::string_view id;
    std::string_view title;
    tcp::State from;
    std::initializer_list<tcp::State> to;
};
constexpr Latency kLatencies[] = {
    {"connect",
     "SYN to ESTABLISHED, active",
     tcp::State::SYN_SENT,
     {tcp::State::ESTABLISHED, tcp::State::SYN_RECV}},
    {"handshake",
     "SYN to ESTABLISHED, passive",
     tcp::State::SYN_RECV,
     {tcp::State::ESTABLISHED, tcp::State::CLOSE_WAIT, tcp::State::FIN_WAIT1}},
    {"fin_acked",
     "FIN to the peer's ACK",
     tcp::State::FIN_WAIT1,
     {tcp::State::FIN_WAIT2, tcp::State::TIME_WAIT, tcp::State::CLOSING}},
    {"close_wait",
     "peer's FIN to our close()",
     tcp::State::CLOSE_WAIT,
     {tcp::State::LAST_ACK, tcp::State::CLOSE}},
    {"last_ack", "our FIN to the last ACK", tcp::State::LAST_ACK, {tcp::State::CLOSE}},
};

} // namespace

std::string_view name(SplitBy by) {
    switch (by) {
    case SplitBy::none: return "none";
    case SplitBy::role: return "role";
    case SplitBy::service: return "service";
    case SplitBy::remote: return "remote";
    case SplitBy::ending: return "ending";
    case SplitBy::container: return "container";
    }
    return {};
}

std::optional<SplitBy> split_from_name(std::string_view text) {
    for (const SplitBy by :
         {SplitBy::role, SplitBy::service, SplitBy::remote, SplitBy::ending, SplitBy::container})
        if (text == name(by)) return by;
    return std::nullopt;
}

bool completes_handshake(tcp::State from, tcp::State to) {
    return std::ranges::any_of(kLatencies, [&](const Latency& latency) {
        return (latency.id == "connect" || latency.id == "handshake") && latency.from == from &&
               std::ranges::find(latency.to, to) != latency.to.end();
    });
}

void Dwell::record(Parts& parts, std::uint32_t key, tcp::State state, Nanoseconds dwell,
                   Weight weight) {
    if (parts.size() >= kMaxParts && !parts.contains(key)) key = kOthers;
    auto& histogram = parts[key][state];
    if (!histogram) histogram = std::make_unique<LogHistogram>();
    histogram->record(dwell, weight);
}

void Dwell::on_transition(const track::TransitionLine& line, Weight weight) {
    transitions_ += weight;
    auto& edge = edges_[line.from][line.to];
    if (!edge) edge = std::make_unique<EdgeSeen>();
    edge->count += weight;
    if (edge_kind(line.from, line.to) == tcp::EdgeKind::unexpected) unexpected_ += weight;
    if (!line.dwell) return;
    edge->dwell.record(*line.dwell, weight);
    if (by_ != SplitBy::role && line.who->tuple.remote.empty())
        return; // a listener isn't a connection
    switch (by_) {
    case SplitBy::none:
    case SplitBy::ending: break;
    case SplitBy::role:
        record(parts_, static_cast<std::uint32_t>(line.who->role), line.from, *line.dwell, weight);
        break;
    case SplitBy::service:
    case SplitBy::container: // one of a service, and maybe not known yet
        record(parts_, flows_.service_of(*line.who), line.from, *line.dwell, weight);
        break;
    case SplitBy::remote:
        record(parts_, flows_.remote_of(*line.who), line.from, *line.dwell, weight);
        break;
    }
}

void Dwell::on_connection(const track::ConnectionLine& line, Weight weight) {
    if (by_ != SplitBy::ending) return;
    for (const track::PathStep& step : line.states)
        if (step.dwell)
            record(parts_, static_cast<std::uint32_t>(line.ending), step.state, *step.dwell,
                   weight);
}

void Dwell::begin_live(MonoTime now) {
    live_ = {};
    live_parts_.clear();
    live_at_ = now;
}

void Dwell::on_live(const track::LiveSocket& socket, Weight weight) {
    Live& live = live_[socket.state];
    live.count += weight;
    const Nanoseconds age =
        std::max(live_at_ - socket.since.value_or(socket.known_since), Nanoseconds(0));
    live.oldest = std::max(live.oldest.value_or(age), age);
    if (by_ != SplitBy::ending) return;
    for (const track::PathStep& step : socket.left)
        if (step.dwell)
            record(live_parts_, static_cast<std::uint32_t>(socket.ending), step.state, *step.dwell,
                   weight);
}

LogHistogram Dwell::of_state(tcp::State state) const {
    LogHistogram sum;
    for (const auto& edge : edges_[state])
        if (edge) sum.merge(edge->dwell);
    return sum;
}

const Dwell::EdgeSeen* Dwell::edge(tcp::State from, tcp::State to) const {
    return edges_[from][to].get();
}

report::Distributions Dwell::states() const {
    report::Distributions all;
    all.has_bars = true;
    auto& members = all.groups.emplace_back().members;
    for (const tcp::State state : kAllOf<tcp::State>) {
        report::Distribution d = summarise(of_state(state), name(state), "");
        d.open = live_[state].count;
        d.oldest = live_[state].oldest;
        if (state == tcp::State::TIME_WAIT) d.nominal = kNominalTimeWait;
        members.push_back(std::move(d));
    }
    return all;
}

report::Distributions Dwell::latencies() const {
    report::Distributions all;
    auto& members = all.groups.emplace_back().members;
    for (const Latency& latency : kLatencies) {
        LogHistogram sum;
        for (const tcp::State to : latency.to)
            if (const EdgeSeen* seen = edge(latency.from, to)) sum.merge(seen->dwell);
        members.push_back(summarise(sum, latency.id, latency.title));
    }
    return all;
}

std::string Dwell::part_label(std::uint32_t key, const CgroupNames& cgroups) const {
    if (key == kOthers) return "(others)";
    switch (by_) {
    case SplitBy::none: break;
    case SplitBy::role: return std::string(name(static_cast<tcp::Role>(key)));
    case SplitBy::ending: return std::string(name(static_cast<tcp::Ending>(key)));
    case SplitBy::service: return flows_.service_label(key);
    case SplitBy::remote: return flows_.remote_label(key);
    case SplitBy::container: {
        if (key == Flows::kNone) return "(unknown)";
        const std::uint64_t cgroup = flows_.service(key).key.cgroup;
        const auto container = cgroups.container_of(cgroup);
        return std::string(container ? *container : cgroups.path_of(cgroup).value_or("(unknown)"));
    }
    }
    return {};
}

report::Distributions Dwell::split(report::Report& report, const CgroupNames& cgroups) const {
    if (by_ == SplitBy::none) return {};
    // Services may turn out to be the same once their listener is known.
    std::map<std::string, EnumArray<tcp::State, LogHistogram>> merged;
    for (const Parts* parts : {&parts_, &live_parts_}) {
        for (const auto& [key, histograms] : *parts) {
            auto& part = merged[part_label(key, cgroups)];
            for (const tcp::State state : kAllOf<tcp::State>)
                if (histograms[state]) part[state].merge(*histograms[state]);
        }
    }
    report::Distributions all;
    all.split_by = name(by_);
    for (const auto& [label, histograms] : merged) {
        auto& group = all.groups.emplace_back();
        group.label = report.keep(label);
        for (const tcp::State state : kAllOf<tcp::State>)
            if (const LogHistogram& h = histograms[state]; h.count() != 0)
                group.members.push_back(summarise(h, name(state), ""));
    }
    const auto samples = [](const report::DistributionGroup& group) {
        std::uint64_t sum = 0;
        for (const report::Distribution& d : group.members) sum += d.count;
        return sum;
    };
    std::stable_sort(all.groups.begin(), all.groups.end(),
                     [&](const report::DistributionGroup& a, const report::DistributionGroup& b) {
                         return samples(a) > samples(b);
                     });
    return all;
}

report::StateDiagram Dwell::diagram() const {
    // Creation comes first, so CLOSE is first among the states that are left, and last among those
    // that are entered.
    report::StateDiagram diagram;
    auto sources = kAllOf<tcp::State>;
    std::rotate(sources.begin(), sources.end() - 1, sources.end());
    for (const tcp::State from : sources) {
        for (const tcp::State to : kAllOf<tcp::State>) {
            const EdgeSeen* seen = edge(from, to);
            if (!seen) continue;
            std::optional<Nanoseconds> median;
            if (seen->dwell.count() != 0) median = seen->dwell.quantile(0.5);
            diagram.edges.push_back({from, to, seen->count, median, edge_kind(from, to)});
        }
    }
    return diagram;
}

void Dwell::add_to(report::Report& report, const ReportContext& moment) {
    report.sections.push_back(
        {"states", "Dwell time by state",
         "Of states that were left; NOW are still in it, the oldest for as long as is said.",
         states(), report::SectionPlace::durations});
    report.sections.push_back({"states_by", "Dwell time by part", "", split(report, moment.cgroups),
                               report::SectionPlace::durations});
    report.sections.push_back({"latencies", "Handshake and close latencies",
                               "How long each step took; handshakes that failed are left out.",
                               latencies(), report::SectionPlace::durations});
    report.sections.push_back({"transitions", "Transitions",
                               "Count, and median time in the state before.", diagram(),
                               report::SectionPlace::states});
}

void Dwell::next_interval(MonoTime) {
    for (auto& row : edges_)
        for (auto& edge : row) edge.reset();
    parts_.clear();
    transitions_ = unexpected_ = 0;
}

} // namespace tcpdwell::analysis
