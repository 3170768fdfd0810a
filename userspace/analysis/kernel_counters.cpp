// SPDX-License-Identifier: Apache-2.0
#include "analysis/kernel_counters.h"

namespace tcpdwell::analysis {
namespace {

constexpr report::Column kCounterColumns[] = {
    {.id = "netns",
     .title = "NETNS",
     .help = "Network namespace (inode).",
     .width = 10,
     .align = report::Align::right},
    {.id = "counter", .title = "COUNTER", .help = "As nstat(8) has it.", .width = 28},
    {.id = "count",
     .title = "COUNT",
     .help = "By how much it grew.",
     .width = 12,
     .align = report::Align::right},
};

} // namespace

void CounterAnalysis::on_move(const track::StateMove& move, Weight) {
    if (move.from == tcp::State::LISTEN && move.to != tcp::State::LISTEN)
        left_.insert(move.who->netns);
}

/// Several sockets of one endpoint (SO_REUSEPORT) are one listener.
void CounterAnalysis::on_live(const track::LiveSocket& socket, Weight) {
    if (socket.state != tcp::State::LISTEN) return;
    const track::ConnectionIdentity& who = socket.who;
    const auto [known, is_new] = listeners_.try_emplace(
        who.netns, Listener{who.tuple.local, who.tuple.family, who.process, who.cgroup});
    if (!is_new && known->second.local != who.tuple.local) known->second.is_only = false;
}

const CounterAnalysis::Listener* CounterAnalysis::only_listener(std::uint32_t netns) const {
    const auto known = listeners_.find(netns);
    if (known == listeners_.end() || !known->second.is_only || left_.contains(netns))
        return nullptr;
    return &known->second;
}

void CounterAnalysis::next_interval(MonoTime) {
    growth_.begin_anew();
    left_.clear();
}

void CounterAnalysis::add_to(report::Report& report, const ReportContext&) {
    if (!has_readings_) return;
    report::Table table{kCounterColumns, {}, {}};
    for (const auto& [key, counter] : growth_.counters())
        if (counter.growth != 0)
            table.rows.push_back({std::int64_t{key.first}, report.keep(key.second),
                                  report::count_value(counter.growth)});
    report.sections.push_back({"counters", "Kernel counters",
                               "What the kernel itself counted in each network namespace, whatever "
                               "the filter says of ports and programs; those that grew.",
                               std::move(table), report::SectionPlace::other});
}

} // namespace tcpdwell::analysis
