// SPDX-License-Identifier: Apache-2.0
// Which connection belongs to which service, remote server and pair, and what follows for them when
// it moves.
#include "analysis/flows.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "analysis/end_cause.h"
#include "analysis/harmless_end.h"
#include "analysis/likely_client.h"
#include "base/hash.h"

namespace tcpdwell::analysis {
namespace {

/// Denotes a listening socket, which belongs to no group.
constexpr std::uint32_t kListener = ~std::uint32_t{0};

/// The first SYN-ACK is sent again after so long (TCP_TIMEOUT_INIT): no round trip takes as long.
constexpr Nanoseconds kSynAckTimeout = std::chrono::seconds(1);

/// A passive open without a request socket whose beginning was seen.
bool came_by_cookie(const track::ConnectionLine& line) {
    return line.who->role == tcp::Role::server && line.seen == tcp::Seen::whole &&
           !line.states.empty() && line.states[0].state == tcp::State::SYN_RECV &&
           !line.states[0].dwell;
}

} // namespace

void EndCounts::add(const EndCounts& other) {
    const auto add_each = [](auto& mine, const auto& theirs) {
        std::ranges::transform(mine, theirs, mine.begin(), std::plus());
    };
    connections += other.connections;
    add_each(closed_first, other.closed_first);
    add_each(endings, other.endings);
    add_each(details, other.details);
    add_each(skipped, other.skipped);
    time_waits += other.time_waits;
    harmless += other.harmless;
    reset_for_cause += other.reset_for_cause;
    cookies += other.cookies;
}

void ServiceRow::note(const std::optional<event::Process>& process) {
    if (!process) return;
    several_pids = several_pids || (pid != 0 && pid != process->pid);
    pid = process->pid;
}

EndCounts ServiceRow::total() const {
    EndCounts sum = ended;
    sum.add(live);
    return sum;
}

EndCounts RemoteRow::total() const {
    EndCounts sum = ended;
    sum.add(live);
    return sum;
}

void count(EndCounts& tally, const track::ConnectionLine& line, Weight weight) {
    tally.connections += weight;
    tally.closed_first[line.closed_first] += weight;
    tally.endings[line.ending] += weight;
    tally.details[line.detail] += weight;
    if (line.time_wait && line.time_wait->end != tcp::TimeWaitEnd::overflow)
        tally.time_waits += weight;
    // A check of a port is no close.
    const auto cause = skip_cause(line);
    const EndCause end = cause ? end_cause(line) : EndCause::none;
    if (cause && end != EndCause::half_open_check) {
        tally.skipped[*cause] += weight;
        if (end == EndCause::gave_up_sending || end == EndCause::ended_idle)
            tally.reset_for_cause += weight;
        if (is_asked_for(*cause) && loses_nothing(line)) tally.harmless += weight;
    }
    if (came_by_cookie(line)) tally.cookies += weight;
}

// --- groups

std::size_t Flows::GroupHash::operator()(const GroupKey& key) const {
    const ServiceKey& service = key.service;
    const std::uint64_t numbers =
        mix64(service.netns ^
              mix64(index_of(service.role) ^ mix64(service.local.port ^ mix64(key.remote.port))));
    const std::uint64_t program = mix64(service.comm, service.cgroup);
    return mix64(service.local.address.bytes,
                 mix64(key.remote.address.bytes, mix64(key.local.bytes, program ^ numbers)));
}

ServiceKey Flows::canonical(ServiceKey key) const {
    if (key.role != tcp::Role::server) return key;
    const auto* const port = listeners_.at_port(key.netns, key.local.port);
    if (!port || port->find(key.local.address)) return key;
    for (const tcp::IpAddress& wildcard : listeners_.wildcards_for(key.local.address)) {
        const Listener* const listener = port->find(wildcard);
        if (!listener) continue;
        key.local.address = wildcard;
        key.family = listener->family;
        break;
    }
    return key;
}

Flows::GroupKey Flows::key_of(const track::ConnectionIdentity& who) const {
    GroupKey key;
    key.service.netns = who.netns;
    key.service.role = who.role;
    key.service.cgroup = who.cgroup;
    if (who.process) key.service.comm = who.process->comm_bytes;
    if (who.role == tcp::Role::server) {
        key.service.local = who.tuple.local;
        key.service.family = who.tuple.family;
        key.service = canonical(key.service);
    } else if (is_likely_client(who.role, who.tuple.local.port, who.tuple.remote.port)) {
        key.family = who.tuple.family;
        key.local = who.tuple.local.address;
        key.remote = who.tuple.remote;
        key.is_bound = who.is_bound;
    }
    return key;
}

std::uint32_t Flows::service_for(const ServiceKey& key) {
    const auto it = service_index_.find(key);
    if (it != service_index_.end()) return it->second;
    ServiceKey kept = key;
    if (services_.size() >= kMaxGroups) { // one row for each namespace and role takes the rest
        kept = ServiceKey{.netns = key.netns, .role = key.role};
        if (const auto rest = service_index_.find(kept); rest != service_index_.end())
            return rest->second;
    }
    const auto index = static_cast<std::uint32_t>(services_.size());
    services_.emplace_back().key = kept;
    services_.back().time_wait.restart(begin_);
    service_index_.emplace(kept, index);
    return index;
}

std::uint32_t Flows::remote_for(const GroupKey& key) {
    tcp::Endpoint endpoint = key.remote;
    if (const auto it = remote_index_.find({key.service.netns, endpoint});
        it != remote_index_.end()) {
        RemoteRow& row = remotes_[it->second];
        if (row.comm != key.service.comm) row.several_programs = true;
        return it->second;
    }
    if (remotes_.size() >= kMaxGroups) {
        endpoint = tcp::Endpoint{};
        const auto rest = remote_index_.find({key.service.netns, endpoint});
        if (rest != remote_index_.end()) return rest->second;
    }
    const auto index = static_cast<std::uint32_t>(remotes_.size());
    RemoteRow& row = remotes_.emplace_back();
    row.netns = key.service.netns;
    row.family = key.family;
    row.remote = endpoint;
    row.comm = key.service.comm;
    row.time_wait.restart(begin_);
    remote_index_.emplace(std::pair(row.netns, endpoint), index);
    return index;
}

std::uint32_t Flows::port_for(const GroupKey& key) {
    if (key.local == tcp::IpAddress{}) return kNone;
    const std::tuple pair(key.service.netns, key.local,
                          key.is_bound ? tcp::Endpoint{} : key.remote);
    if (const auto it = port_index_.find(pair); it != port_index_.end()) {
        ports_[it->second].note(key.service.comm);
        return it->second;
    }
    if (ports_.size() >= kMaxGroups)
        return kNone; // no pair with so many others beside it holds many ports
    const auto index = static_cast<std::uint32_t>(ports_.size());
    PortRow& row = ports_.emplace_back();
    row.netns = key.service.netns;
    row.family = key.family;
    row.local = key.local;
    row.remote = std::get<tcp::Endpoint>(pair);
    row.comm = key.service.comm;
    row.held.restart(begin_);
    port_index_.emplace(pair, index);
    return index;
}

std::uint32_t Flows::group_for(const track::ConnectionIdentity& who) {
    GroupKey key = key_of(who);
    if (const auto it = index_.find(key); it != index_.end()) return it->second;
    Group group;
    group.service = service_for(key.service);
    group.remote = who.role == tcp::Role::client ? remote_for(key) : kNone;
    group.port = port_for(key);
    const auto index = static_cast<std::uint32_t>(groups_.size());
    if (groups_.size() >= 4 * kMaxGroups) { // then one group for each service
        key = GroupKey{.service = key.service};
        if (const auto rest = index_.find(key); rest != index_.end()) return rest->second;
        group.port = kNone;
    }
    groups_.push_back(group);
    index_.emplace(key, index);
    return index;
}

// --- moves

const Flows::Group* Flows::find_group(const track::ConnectionIdentity& who) const {
    const std::uint32_t entry = counts(who)          ? groups_by_slot_[who.slot]
                                : who.id == gone_.id ? gone_.entry
                                                     : 0;
    return entry == 0 || entry == kListener ? nullptr : &groups_[entry - 1];
}

void Flows::on_listener(const track::StateMove& move) {
    const track::ConnectionIdentity& who = *move.who;
    entry_of(who) = move.to ? kListener : 0;
    if (!move.to || listeners_.size() >= kMaxListeners) return;
    Listener& listener = listeners_.at(who.netns, who.tuple.local);
    if (!listener.is_known) listener = {who.tuple.family, true};
}

void Flows::time_wait_gauges(const Group& group, std::uint32_t netns, MonoTime at, Weight weight,
                             void (Gauge::*change)(MonoTime, std::uint64_t)) {
    (services_[group.service].time_wait.*change)(at, weight);
    if (group.remote != kNone) (remotes_[group.remote].time_wait.*change)(at, weight);
    auto [it, is_new] = time_waits_.try_emplace(netns);
    if (is_new) it->second.restart(begin_);
    (it->second.*change)(at, weight);
}

void Flows::hold_port(const Group& group, const track::ConnectionIdentity& who, MonoTime at,
                      Holding how, Weight weight) {
    if (group.port == kNone) return;
    PortRow& row = ports_[group.port];
    if (row.is_bound() && ++sharers_[{group.port, who.tuple.local.port}] > 1) return;
    row.held.enter(at, weight);
    if (how == Holding::begun) row.opened += weight;
    if (how == Holding::found) row.held_at_begin += weight;
}

void Flows::release_port(const Group& group, const track::ConnectionIdentity& who, MonoTime at,
                         Weight weight) {
    if (group.port == kNone) return;
    PortRow& row = ports_[group.port];
    if (row.is_bound()) {
        const auto sharers = sharers_.find({group.port, who.tuple.local.port});
        if (sharers == sharers_.end() || --sharers->second > 0) return;
        sharers_.erase(sharers);
    }
    row.held.leave(at, weight);
    if (!who.process) row.had_unknown = true;
    if (who.tuple.local.port == 0)
        row.opened -= std::min(row.opened, weight); // connect() found none
}

const PortRow* Flows::bound_ports(std::uint32_t netns, const tcp::IpAddress& local) const {
    const auto found = port_index_.find({netns, local, tcp::Endpoint{}});
    return found == port_index_.end() ? nullptr : &ports_[found->second];
}

void Flows::regroup(const track::ConnectionIdentity& who, std::uint32_t& entry, MonoTime at,
                    Weight weight) {
    const std::uint32_t index = group_for(who);
    if (index == entry - 1) return;
    const Group& before = groups_[entry - 1];
    const Group& after = groups_[index];
    if (before.port != after.port) {
        release_port(before, who, at, weight);
        hold_port(after, who, at, before.port == kNone ? Holding::begun : Holding::moved, weight);
    }
    entry = index + 1;
}

bool Flows::may_have_learnt(const track::StateMove& move) {
    return move.from == tcp::State::SYN_SENT || move.from == tcp::State::SYN_RECV ||
           move.from == tcp::State::ESTABLISHED || move.to == tcp::State::TIME_WAIT;
}

void Flows::on_move(const track::StateMove& move, Weight weight) {
    if (move.is_listener()) return on_listener(move);
    const track::ConnectionIdentity& who = *move.who;
    // What was listed a moment before the beginning counts from the beginning: nothing is held for
    // longer than is reported on. Intervals have events of just before them, and add up so.
    const MonoTime at = std::max(move.at, first_begin_);
    std::uint32_t& entry = entry_of(who);
    if (entry == 0 || entry == kListener) {
        if (!move.to) return;
        entry = group_for(who) + 1;
        const Group& group = groups_[entry - 1];
        hold_port(group, who, at, move.born ? Holding::begun : Holding::found, weight);
    } else if (may_have_learnt(move)) {
        regroup(who, entry, at, weight);
    }
    const Group& group = groups_[entry - 1];
    if (move.from == tcp::State::TIME_WAIT)
        time_wait_gauges(group, who.netns, at, weight, &Gauge::leave);
    if (move.to == tcp::State::TIME_WAIT)
        time_wait_gauges(group, who.netns, at, weight, &Gauge::enter);
    if (move.to) return;
    release_port(group, who, at, weight);
    gone_ = {who.id, std::exchange(entry, 0)};
}

void Flows::on_connection(const track::ConnectionLine& line, Weight weight) {
    const track::ConnectionIdentity& who = *line.who;
    const std::uint32_t index = group_for(who); // more may be known since its last move
    const Group& group = groups_[index];
    ServiceRow& service = services_[group.service];
    count(service.ended, line, weight);
    service.note(who.process);
    bool is_example = false;
    const auto note_if = [&](bool condition, Examples& examples) {
        if (condition && examples.note(who.id)) is_example = true;
    };
    note_if(line.closed_first == tcp::ClosedFirst::local, service.closed_first);
    note_if(skip_cause(line).has_value(), service.skipped);
    note_if(line.ending == tcp::Ending::fin_wait2_expired, service.expired);
    note_if(line.ending == tcp::Ending::handshake_failed ||
                line.ending == tcp::Ending::connect_failed,
            service.failed);
    if (is_example && lives_ != nullptr) lives_->keep(line, Lives::What::any);
    if (group.remote != kNone) count(remotes_[group.remote].ended, line, weight);
}

std::uint32_t Flows::service_of(const track::ConnectionIdentity& who) const {
    const Group* group = find_group(who);
    return group ? group->service : kNone;
}

std::uint32_t Flows::remote_of(const track::ConnectionIdentity& who) const {
    const Group* group = find_group(who);
    return group ? group->remote : kNone;
}

// --- what is there now

void Flows::begin_live(MonoTime now) {
    live_at_ = now;
    for (ServiceRow& row : services_) {
        row.live = EndCounts();
        row.in_syn_recv = row.hung = 0;
    }
    for (RemoteRow& row : remotes_) row.live = EndCounts();
    for (PortRow& row : ports_) row.holding.clear();
}

void Flows::on_live(const track::LiveSocket& socket, Weight weight) {
    const track::ConnectionIdentity& who = socket.who;
    if (!find_group(who)) return;
    if (socket.state == tcp::State::SYN_SENT)
        regroup(who, entry_of(who), live_at_, weight); // its port is known by now
    const Group& group = groups_[group_for(who)];
    ServiceRow& service = services_[group.service];
    track::ConnectionLine line{};
    line.who = &who;
    line.closed_first = socket.closed_first;
    line.ending = socket.ending;
    line.seen = socket.seen;
    line.states = socket.left;
    if (socket.state == tcp::State::TIME_WAIT)
        line.time_wait = track::ConnectionLine::TimeWait{std::nullopt, tcp::TimeWaitEnd::open, 0};
    count(service.live, line, weight);
    if (group.remote != kNone) count(remotes_[group.remote].live, line, weight);
    service.note(who.process);
    if (socket.closed_first == tcp::ClosedFirst::local) service.closed_first.note(who.id);
    if (socket.state == tcp::State::SYN_RECV) {
        service.in_syn_recv += weight;
        if (live_at_ - socket.known_since >= kSynAckTimeout) service.hung += weight;
        service.failed.note(who.id);
    }
    if (group.port == kNone) return;
    ports_[group.port].holders.note(who.id);
    ports_[group.port].holding.note(socket, live_at_, weight);
}

void Flows::next_interval(MonoTime now) {
    begin_ = now;
    for (ServiceRow& row : services_) {
        row.ended = EndCounts();
        row.closed_first = row.skipped = row.failed = row.expired = Examples();
        row.time_wait.restart(now);
    }
    for (RemoteRow& row : remotes_) {
        row.ended = EndCounts();
        row.time_wait.restart(now);
    }
    for (PortRow& row : ports_) row.restart(now);
    for (auto& [netns, gauge] : time_waits_) gauge.restart(now);
}

} // namespace tcpdwell::analysis
