// SPDX-License-Identifier: Apache-2.0
#include "analysis/counter_check.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

namespace tcpdwell::analysis {
namespace {

enum Checked : std::size_t { active_opens, passive_opens, established_resets };

/// Which counter the kernel (5.8 to 7.2) raises with it:
/// - ActiveOpens: tcp_connect() (net/ipv4/tcp_output.c), once the SYN has been sent;
/// - PassiveOpens: tcp_create_openreq_child() (net/ipv4/tcp_minisocks.c), whose child is
///   established by the same segment, or with Fast Open closed before it;
/// - EstabResets: tcp_set_state() (net/ipv4/tcp.c), from ESTABLISHED or CLOSE_WAIT to CLOSE.
/// AttemptFails isn't checked: a close() in SYN_SENT, and requests that end by an RST, count or
/// don't by versions.
std::optional<std::size_t> counter_of(const track::TransitionLine& line) {
    using enum tcp::State;
    if (line.to == SYN_SENT) return active_opens;
    if (line.from == SYN_RECV && (line.to == ESTABLISHED || line.to == FIN_WAIT1) &&
        line.who->role == tcp::Role::server)
        return passive_opens;
    if ((line.from == ESTABLISHED || line.from == CLOSE_WAIT) && line.to == CLOSE)
        return established_resets;
    return std::nullopt;
}

} // namespace

const std::array<CheckedCounter, CounterCheck::kCounters> CounterCheck::kChecked = {{
    {"Tcp.ActiveOpens", "ActiveOpens", "active_opens", "active opens traced"},
    {"Tcp.PassiveOpens", "PassiveOpens", "passive_opens", "passive opens traced"},
    {"Tcp.EstabResets", "EstabResets", "closed_without_fin",
     "closed from ESTABLISHED or CLOSE_WAIT"},
}};

void CounterCheck::on_counters(const track::CountersLine& line) {
    std::array<std::uint64_t, kCounters> read{};
    std::size_t found = 0;
    for (const auto& [name, value] : line.counters)
        for (std::size_t i = 0; i < kCounters; ++i)
            if (name == kChecked[i].name) {
                read[i] = value;
                ++found;
            }
    if (found < kCounters) return;
    if (namespaces_.size() >= kMostNamespaces && !namespaces_.contains(line.netns)) return;
    const auto [it, is_new] = namespaces_.try_emplace(line.netns);
    Namespace& ns = it->second;
    const bool went_back =
        std::ranges::mismatch(read, ns.at_last, std::greater_equal<>()).in1 != read.end();
    if (is_new || went_back) { // another namespace's, with the same inode
        ns = Namespace{};
        ns.first = line.at;
        ns.at_first = read;
    }
    ns.last = line.at;
    ns.at_last = read;
    for (std::size_t i = 0; i < kCounters; ++i) ns.traced[i] += std::exchange(ns.since[i], 0);
}

void CounterCheck::on_transition(const track::TransitionLine& line, Weight) {
    const auto counter = counter_of(line);
    if (!counter) return;
    const auto found = namespaces_.find(line.who->netns);
    if (found == namespaces_.end() || line.at < found->second.first) return;
    Namespace& ns = found->second;
    ++(line.at <= ns.last ? ns.traced : ns.since)[*counter];
}

/// A connect() that found no port, which shows only at its end, has sent no SYN.
void CounterCheck::on_connection(const track::ConnectionLine& line, Weight) {
    if (line.detail != tcp::EndingDetail::no_port || !line.opened) return;
    const auto found = namespaces_.find(line.who->netns);
    if (found == namespaces_.end() || *line.opened < found->second.first) return;
    Namespace& ns = found->second;
    std::uint64_t& count = (*line.opened <= ns.last ? ns.traced : ns.since)[active_opens];
    if (count > 0) --count;
}

void CounterCheck::next_interval(MonoTime) {
    for (auto& [netns, ns] : namespaces_) {
        ns.first = ns.last;
        ns.at_first = ns.at_last;
        ns.traced = {};
    }
}

std::vector<CounterCheck::Sums> CounterCheck::sums() const {
    std::vector<Sums> all;
    for (const auto& [netns, ns] : namespaces_) {
        if (ns.last == ns.first) continue;
        Sums& sums = all.emplace_back(Sums{netns, {}, ns.traced});
        for (std::size_t i = 0; i < kCounters; ++i)
            sums.counted[i] = ns.at_last[i] - ns.at_first[i];
    }
    return all;
}

} // namespace tcpdwell::analysis
