// SPDX-License-Identifier: Apache-2.0
#include "analysis/metrics.h"

#include <algorithm>

#include "analysis/dwell.h"

namespace tcpdwell::analysis {
namespace {

/// nullptr: the state isn't one of kHeldStates.
HeldTime* held_in(ServiceCounters& counters, const std::optional<tcp::State>& state) {
    const auto found = state ? std::ranges::find(kHeldStates, *state) : kHeldStates.end();
    return found == kHeldStates.end()
               ? nullptr
               : &counters.held[static_cast<std::size_t>(found - kHeldStates.begin())];
}

/// Of the ports that a program may get, the share that is held towards one remote endpoint.
double share_of_ports(const PortRow& row, const Flows& flows, const HostFacts& host) {
    const auto range = host.port_range(row.netns);
    if (!range || range->second < range->first) return 0;
    std::uint64_t held = row.held.now();
    const PortRow* bound = row.is_bound() ? nullptr : flows.bound_ports(row.netns, row.local);
    if (bound != nullptr) held += bound->held.now();
    return static_cast<double>(held) / static_cast<double>(range->second - range->first + 1);
}

} // namespace

std::uint16_t& Metrics::entry_of(const track::ConnectionIdentity& who) {
    if (who.slot >= rows_by_slot_.size()) rows_by_slot_.resize(std::size_t{who.slot} + 1);
    return rows_by_slot_[who.slot];
}

/// To the service that fits what is known of the connection now.
void Metrics::regroup(const track::ConnectionIdentity& who, std::uint16_t& entry, MonoTime at) {
    if (entry != 0) --services_[entry - 1U].sockets;
    const std::uint32_t row = services_.row_of(who, at);
    ++services_[row].sockets;
    entry = static_cast<std::uint16_t>(row + 1);
}

void Metrics::on_move(const track::StateMove& move) {
    const Weight weight = weight_of(*move.who);
    if (move.from) sockets_[*move.from] -= std::min(sockets_[*move.from], weight);
    if (move.to) sockets_[*move.to] += weight;
    counters_.on_move(move, weight);
    last_move_ = std::max(last_move_, move.at);
    if (move.is_listener()) return;
    const track::ConnectionIdentity& who = *move.who;
    std::uint16_t& entry = entry_of(who);
    if (entry == 0) {
        if (!move.to) return;
        regroup(who, entry, move.at);
        if (move.born && !move.from) services_[entry - 1U].counters.opened[who.role] += weight;
    } else {
        if (HeldTime* left = held_in(services_[entry - 1U].counters, move.from))
            left->leave(move.at, weight);
        if (Flows::may_have_learnt(move)) regroup(who, entry, move.at);
    }
    MetricServices::Row& row = services_[entry - 1U];
    row.used = std::max(row.used, move.at);
    if (HeldTime* entered = held_in(row.counters, move.to)) entered->enter(move.at, weight);
    if (move.to) return;
    --row.sockets;
    entry = 0;
}

void Metrics::on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) {
    if (who.tuple.remote.empty()) return; // a listener
    std::uint16_t& entry = entry_of(who);
    if (entry == 0) return;
    const Weight weight = weight_of(who);
    if (HeldTime* left = held_in(services_[entry - 1U].counters, state)) left->leave(at, weight);
    regroup(who, entry, at);
    MetricServices::Row& row = services_[entry - 1U];
    row.used = std::max(row.used, at);
    if (HeldTime* entered = held_in(row.counters, state)) entered->enter(at, weight);
}

void Metrics::on_transition(const track::TransitionLine& line) {
    if (!line.dwell) return;
    const Weight weight = weight_of(*line.who);
    dwell_[line.from].record(*line.dwell, weight);
    if (!completes_handshake(line.from, line.to)) return;
    (line.from == tcp::State::SYN_SENT ? client_handshake_ : server_handshake_)
        .record(*line.dwell, weight);
}

void Metrics::on_connection(const track::ConnectionLine& line) {
    if (line.evicted) return; // no end
    const track::ConnectionIdentity& who = *line.who;
    ServiceCounters& counters = services_[services_.row_of(who, last_move_)].counters;
    const Weight weight = weight_of(who);
    counters.ended[who.role][line.closed_first][line.ending] += weight;
    if (line.time_wait) time_waits_ended_[line.time_wait->end] += weight;
    if (line.accept && line.accept->delay)
        counters.accept_delay.record(*line.accept->delay, weight);
    if (line.numbers == nullptr) return;
    counters.bytes_sent += line.numbers->bytes_sent.value_or(0) * weight;
    counters.bytes_received += line.numbers->bytes_received.value_or(0) * weight;
    counters.segments_retransmitted += line.numbers->segments_retransmitted.value_or(0) * weight;
}

void Metrics::on_lost(const track::LostLine& line) {
    for (std::size_t i = 0; i < lost_.size(); ++i) lost_[i] += line.by_probe[i];
}

void Metrics::begin_live() {
    counters_.begin_live(MonoTime{});
    oldest_close_wait_.clear();
}

void Metrics::on_live(const track::LiveSocket& socket) {
    counters_.on_live(socket, weight_of(socket.who));
    if (socket.state != tcp::State::CLOSE_WAIT) return;
    const std::uint16_t entry = entry_of(socket.who);
    if (entry == 0) return;
    const MonoTime since = socket.since.value_or(socket.known_since);
    const MetricServices::Row& row = services_[entry - 1U];
    MonoTime& oldest =
        oldest_close_wait_.try_emplace({row.label, row.container}, since).first->second;
    oldest = std::min(oldest, since);
}

/// The kernel counts overflows by namespace. What grew since the last report belongs to the
/// listener that is the only one there, if there is one.
void Metrics::note_overflows() {
    constexpr std::string_view kOverflows = "TcpExt.ListenOverflows";
    for (const auto& [key, counter] : counters_.growth().counters()) {
        if (key.second != kOverflows || counter.growth == 0) continue;
        const CounterAnalysis::Listener* only =
            options_.is_filtered ? nullptr : counters_.only_listener(key.first);
        if (only == nullptr) {
            unnamed_overflows_ += counter.growth;
            continue;
        }
        track::ConnectionIdentity listener;
        listener.tuple.local = only->local;
        listener.process = only->process;
        listener.cgroup = only->cgroup;
        services_[services_.row_of(listener, MonoTime{})].counters.listen_overflows +=
            counter.growth;
    }
    counters_.next_interval(MonoTime{});
}

void Metrics::on_report(const report::Findings& findings, const Flows& flows,
                        const ReportContext& context) {
    findings_.clear();
    for (const report::Finding& each : findings.list) {
        report::Severity& worst = findings_.try_emplace(each.id, each.severity).first->second;
        worst = std::max(worst, each.severity);
    }
    ports_used_ = 0;
    for (const PortRow& row : flows.ports())
        ports_used_ = std::max(ports_used_, share_of_ports(row, flows, context.host));
    time_wait_limit_ = context.host.sysctl_number(0, "net.ipv4.tcp_max_tw_buckets");
    version_ = context.host.about_host("version").value_or("");
    probes_ = context.host.about_host("probes").value_or("");
    note_overflows();
}

} // namespace tcpdwell::analysis
