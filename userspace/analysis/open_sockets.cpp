// SPDX-License-Identifier: Apache-2.0
#include "analysis/open_sockets.h"

#include <algorithm>

#include "analysis/scope.h"
#include "track/connection_table.h"

namespace tcpdwell::analysis {
namespace {

constexpr std::size_t kIds = 5;

bool is_of_interest(tcp::State state) {
    switch (state) {
    case tcp::State::SYN_SENT:
    case tcp::State::FIN_WAIT1:
    case tcp::State::FIN_WAIT2:
    case tcp::State::CLOSE_WAIT:
    case tcp::State::LAST_ACK:
    case tcp::State::CLOSING: return true;
    default: return false;
    }
}

bool has_fin_to_send(tcp::State state) {
    return is_of_interest(state) && state != tcp::State::SYN_SENT &&
           state != tcp::State::CLOSE_WAIT;
}

/// shutdown() leaves it with its process, which may go on to read.
bool is_half_closed(const track::LiveSocket& socket) {
    if (socket.closed_how) return *socket.closed_how == tcp::ClosedHow::shutdown;
    return socket.numbers != nullptr && socket.numbers->has(TD_NUMBERS_HAS_SOCKET);
}

/// At the last look.
Nanoseconds since_received(const track::LiveSocket& socket) {
    return std::chrono::milliseconds(socket.numbers->since_received_ms.value_or(0));
}

/// As above, by now.
Nanoseconds since_received(const track::LiveSocket& socket, MonoTime now) {
    return since_received(socket) + std::max(now - socket.numbers_at.value_or(now), Nanoseconds(0));
}

/// The numbers of the last look, as they are now. Looks that find the same as before leave no
/// record (live/waiting_sockets.h): only the time since the last segment has grown meanwhile.
struct Silent {
    std::optional<Nanoseconds> received; ///< since then
    std::optional<Nanoseconds> sent;     ///< data
};

Silent silent_for(const track::LiveSocket& socket, MonoTime now) {
    const event::SocketNumbers& n = *socket.numbers;
    // What was read in another state may have changed when that was left.
    const MonoTime read_at = socket.numbers_at.value_or(now);
    const bool is_of_state = read_at >= socket.since.value_or(socket.known_since);
    const Nanoseconds since_read =
        is_of_state ? std::max(now - read_at, Nanoseconds(0)) : Nanoseconds(0);
    const auto as_now = [&](OptionalNumber<std::uint32_t> ms) {
        return ms ? std::optional<Nanoseconds>(std::chrono::milliseconds(*ms) + since_read)
                  : std::nullopt;
    };
    return {as_now(n.since_received_ms), as_now(n.since_sent_ms)};
}

/// How long nothing has moved of what is closed, but has data or a FIN to be acknowledged. What is
/// sent for the first time only follows what was acknowledged, so it moves, however slowly; a few
/// time-outs in a row are a loss. A peer that doesn't read acknowledges probes, and no data.
Nanoseconds closing_age(const event::SocketNumbers& n, const Silent& silent, Nanoseconds in_state,
                        bool is_begin_seen) {
    constexpr int kLoss = 2;
    if (!silent.sent || n.unsent.value_or(0) + n.unacked.value_or(0) == 0) return in_state;
    if (n.timeouts == 0) {
        // Also where close() wasn't seen what is to be sent before the FIN is stuck since then.
        if (n.unsent.value_or(0) > 0 && !is_begin_seen) return *silent.sent;
        return std::min(in_state, *silent.sent);
    }
    if (n.timeouts > kLoss || !silent.received) return in_state;
    return std::min(in_state, *silent.received);
}

/// How long it has been in its state without anything moving. In CLOSE_WAIT data may still be sent,
/// and acknowledged: that is no leak. In FIN_WAIT2 it may still come.
Nanoseconds age_of(const track::LiveSocket& socket, MonoTime now) {
    const Nanoseconds in_state =
        std::max(now - socket.since.value_or(socket.known_since), Nanoseconds(0));
    const event::SocketNumbers* n = socket.numbers;
    if (n == nullptr) return in_state;
    const Silent silent = silent_for(socket, now);
    switch (socket.state) {
    case tcp::State::CLOSE_WAIT:
        if (!silent.received || !silent.sent) return in_state;
        return std::min({in_state, *silent.received, *silent.sent});
    case tcp::State::FIN_WAIT2:
        if (!silent.received || !is_half_closed(socket)) return in_state;
        return std::min(in_state, *silent.received);
    case tcp::State::FIN_WAIT1:
    case tcp::State::LAST_ACK:
    case tcp::State::CLOSING: return closing_age(*n, silent, in_state, socket.since.has_value());
    default: return in_state;
    }
}

/// Each namespace has loopback addresses of its own; others are taken for the same host.
std::uint64_t end_key(std::uint32_t netns, const tcp::FourTuple& tuple) {
    return track::hash_of(tuple.remote.address.is_loopback() ? netns : 0,
                          tcp::FourTuple{tuple.local, tuple.remote});
}

/// The processes that are to act, by what is known of it.
struct Actors {
    std::vector<event::Process> processes;
    std::uint64_t more = 0;
    bool are_holders = false;
    bool looked_up = false;
    bool inherited = false;
};

Actors actors_of(const track::LiveSocket& socket) {
    const std::optional<event::Process>& owner = socket.who.process;
    const track::Holders* holders = socket.holders;
    if (holders == nullptr || holders->processes.empty()) {
        if (!owner) return {};
        return {{*owner}, 0, false, false, false};
    }
    Actors actors{holders->processes, holders->count - holders->processes.size(), true,
                  !holders->partial, false};
    // The same program is a worker that its parent accepts for.
    actors.inherited = owner && actors.more == 0 &&
                       std::ranges::none_of(actors.processes, [&](const event::Process& each) {
                           return each.pid == owner->pid || each.comm() == owner->comm();
                       });
    return actors;
}

MonoTime began_at(const track::LiveSocket& socket) {
    return socket.since.value_or(socket.known_since);
}

void note_begin(HeldSockets& holding, MonoTime began, bool exact) {
    holding.began = std::min(holding.began.value_or(began), began);
    holding.is_began_seen = holding.is_began_seen && exact;
}

/// Nobody has read what came, or sent anything: who opened it has left that to another.
bool is_untouched(const track::LiveSocket& socket) {
    const event::SocketNumbers* n = socket.numbers;
    return n != nullptr && n->bytes_sent == OptionalNumber<std::uint64_t>(0) &&
           n->bytes_received.value_or(0) > 0 && n->unread && *n->bytes_received == *n->unread;
}

void note_inherited(HeldSockets& holding, const track::LiveSocket& socket, std::uint32_t holder,
                    Weight weight) {
    const bool untouched = is_untouched(socket);
    if (untouched) holding.untouched += weight;
    const auto accepted = socket.accept ? socket.accept->at : std::nullopt;
    const bool is_known = holding.received.contains(holder);
    if (!accepted || (!is_known && holding.received.size() >= HeldSockets::Received::kMost)) return;
    HeldSockets::Received& its = holding.received[holder];
    its.last = is_known ? std::max(its.last, *accepted) : *accepted;
    if (!untouched && its.half_closed.size() < HeldSockets::Received::kMost)
        its.half_closed.emplace_back(*socket.since, weight);
}

void add_processes(HeldSockets& holding, const std::vector<event::Process>& processes) {
    for (const event::Process& each : processes) {
        const auto same = [&](const event::Process& other) { return other.pid == each.pid; };
        if (holding.processes.size() < TD_MOST_HOLDERS &&
            std::ranges::none_of(holding.processes, same))
            holding.processes.push_back(each);
    }
}

void note_ends(HeldSockets& holding, const track::LiveSocket& socket, bool is_awaited,
               Weight weight) {
    tcp::Endpoint remote = socket.who.tuple.remote;
    if (socket.who.role == tcp::Role::server) {
        note_some(holding.services, socket.who.tuple.local);
        remote.port = 0;
    } else { // of one from before tracing it may not be known who connected
        note_some(holding.remotes, remote);
    }
    if (is_awaited &&
        (holding.tried.size() < HeldSockets::kMostTried || holding.tried.contains(remote)))
        holding.tried[remote] += weight;
}

/// Segments of nearly the size that Ethernet carries, as far as their mean shows.
bool has_carried_large(const event::SocketNumbers& n) {
    constexpr std::uint64_t kLarge = 1000;
    constexpr std::uint64_t kMany = 16 * 1024;
    const std::uint64_t acked = n.bytes_acked.value_or(0);
    return acked >= kMany && n.segments_sent.value_or(0) > 0 &&
           n.bytes_sent.value_or(0) / *n.segments_sent >= kLarge;
}

/// `heard`: when its peer was, last.
void note_closing(HeldSockets& holding, const track::LiveSocket& socket, MonoTime heard) {
    const auto& who = socket.who.closed_by ? socket.who.closed_by : socket.who.process;
    if (is_closing(socket.state) && socket.since && *socket.since >= heard)
        holding.closings.note({*socket.since, who ? who->pid : 0, socket.who.id});
}

void note_numbers(HeldSockets& holding, const track::LiveSocket& socket, Weight weight) {
    const event::SocketNumbers& n = *socket.numbers;
    holding.numbered += weight;
    const std::uint64_t unsent = n.unsent.value_or(0);
    if (unsent > 0 && n.peer_window == OptionalNumber<std::uint32_t>(0)) {
        // Any answer sets them back (tcp_ack()), and the last one may be on its way.
        if (n.probes > 1) {
            holding.most_probes = std::max<std::uint32_t>(holding.most_probes, n.probes);
        } else {
            holding.zero_window += weight;
            holding.kept_back += unsent * weight;
        }
    }
    if (has_carried_large(n)) holding.had_large += weight;
    holding.unsent += unsent * weight;
    holding.unacked += n.unacked.value_or(0) * weight;
    holding.unread += n.unread.value_or(0) * weight;
    holding.most_timeouts = std::max<std::uint32_t>(holding.most_timeouts, n.timeouts);
    holding.longest_silence = std::max(holding.longest_silence, since_received(socket));
    if (n.unacked == OptionalNumber<std::uint32_t>(0) && unsent == 0)
        holding.most_keepalive = std::max<std::uint32_t>(holding.most_keepalive, n.probes);
}

} // namespace

bool HeldSockets::is_given() const {
    std::uint64_t given = untouched;
    for (const auto& [holder, its] : received)
        for (const auto& [when, weight] : its.half_closed)
            if (when < its.last) given += weight;
    return inherited && given * 2 > old;
}

OpenSockets::OpenSockets(const Thresholds& thresholds)
    : silent_from_(thresholds.duration("peers_gone.age")) {
    const auto set = [&](tcp::State state, std::string_view name) {
        old_from_[state] = thresholds.duration(name);
    };
    set(tcp::State::CLOSE_WAIT, "close_wait_leak.age");
    set(tcp::State::SYN_SENT, "connects_unanswered.age");
    set(tcp::State::FIN_WAIT1, "closing_stuck.age");
    set(tcp::State::FIN_WAIT2, "fin_wait2_pileup.age");
    set(tcp::State::LAST_ACK, "closing_stuck.age");
    set(tcp::State::CLOSING, "closing_stuck.age");
}

void OpenSockets::begin_live(MonoTime now) {
    now_ = now;
    holdings_.clear();
    heard_.clear();
}

void OpenSockets::on_live(const track::LiveSocket& socket, Weight weight) {
    note_answers(socket, weight);
    const bool is_open =
        socket.state == tcp::State::ESTABLISHED || socket.state == tcp::State::CLOSE_WAIT;
    if (is_open && socket.numbers != nullptr && socket.numbers->since_received_ms &&
        heard_.size() < kMostHeard)
        heard_[end_key(socket.who.netns, socket.who.tuple)] = now_ - since_received(socket, now_);
    if (!is_of_interest(socket.state)) return;
    // Nobody can close it: AcceptQueues. What has sent a FIN was closed by somebody, although no
    // process has it.
    if (socket.state == tcp::State::CLOSE_WAIT && socket.accept && !socket.accept->accepted) return;
    add(Kind::in_state, socket, age_of(socket, now_), socket.since.has_value(),
        old_from_[socket.state], weight);
}

void OpenSockets::note_answers(const track::LiveSocket& socket, Weight weight) {
    const event::SocketNumbers* n = socket.numbers;
    if (n == nullptr || !n->since_received_ms) return;
    if (!is_unanswered(socket)) return;
    // What has been closed for so long is reported as stuck.
    if (is_closing(socket.state) && age_of(socket, now_) >= old_from_[socket.state]) return;
    const Nanoseconds silence = since_received(socket);
    const Nanoseconds unheard_for = retransmitted_for(*n);
    // Each segment that comes has the peer's last acknowledgement; what the peer retransmits comes
    // at intervals that double.
    const bool is_lost = n->unacked.value_or(0) > 0 && n->peer_window.value_or(1) > 0 &&
                         unheard_for >= silent_from_ &&
                         (silence < silent_from_ || silence * 2 <= unheard_for);
    if (is_lost)
        add(Kind::one_way, socket, unheard_for, false, silent_from_, weight);
    else if (silence >= silent_from_)
        add(Kind::unanswering, socket, silence, true, silent_from_, weight);
}

void OpenSockets::add(Kind kind, const track::LiveSocket& socket, Nanoseconds age, bool exact,
                      Nanoseconds old_from, Weight weight) {
    const Actors actors = actors_of(socket);
    const std::string comm =
        actors.processes.empty() ? std::string() : std::string(actors.processes.front().comm());
    std::optional<std::uint32_t> opener;
    if (actors.inherited) opener = socket.who.process->pid;
    const auto [it, is_new] =
        holdings_.try_emplace(Key{kind, socket.state, socket.who.netns, comm, opener});
    HeldSockets& holding = it->second;
    if (is_new) {
        holding.state = socket.state;
        holding.netns = socket.who.netns;
        holding.comm = comm;
        holding.inherited = actors.inherited;
        holding.looked_up = true;
    }
    holding.seen_at = now_;
    holding.sockets += weight;
    if (age >= holding.oldest) {
        holding.oldest = age;
        holding.oldest_is_exact = exact;
        holding.oldest_tuple = socket.who.tuple;
    }
    if (age < old_from) return;
    // When a peer went isn't known, only when it was heard last.
    if (kind != Kind::in_state)
        note_begin(holding, now_ - age, false);
    else
        note_begin(holding, began_at(socket), exact);
    if (holding.old == 0)
        holding.owner = socket.who.process;
    else if (!socket.who.process ||
             (holding.owner && holding.owner->pid != socket.who.process->pid))
        holding.owner.reset();
    holding.old += weight;
    if (actors.are_holders) holding.held += weight;
    holding.looked_up = holding.looked_up && actors.looked_up;
    add_processes(holding, actors.processes);
    if (kind == Kind::in_state && has_fin_to_send(socket.state) && is_half_closed(socket))
        holding.shut += weight;
    if (actors.inherited && socket.state == tcp::State::CLOSE_WAIT)
        note_inherited(holding, socket, actors.processes.front().pid, weight);
    if (holding.ids.size() < kIds)
        holding.ids.push_back(socket.who.id);
    else
        holding.likes.note(socket.who.id);
    note_ends(holding, socket, kind != Kind::in_state || socket.state == tcp::State::SYN_SENT,
              weight);
    if (kind != Kind::in_state) note_closing(holding, socket, now_ - age);
    if (socket.numbers == nullptr) return;
    note_numbers(holding, socket, weight);
    if (kind != Kind::in_state)
        holding.silences.add(
            silence_of(socket.who, *socket.numbers, socket.numbers_at.value_or(now_), false));
}

std::vector<const HeldSockets*> OpenSockets::of(Kind kind, std::optional<tcp::State> state) const {
    std::vector<const HeldSockets*> found;
    for (const auto& [key, holding] : holdings_)
        if (std::get<Kind>(key) == kind && (!state || holding.state == *state))
            found.push_back(&holding);
    std::stable_sort(found.begin(), found.end(),
                     [](const HeldSockets* a, const HeldSockets* b) { return a->old > b->old; });
    return found;
}

std::vector<const HeldSockets*> OpenSockets::in(tcp::State state) const {
    return of(Kind::in_state, state);
}

std::vector<const HeldSockets*> OpenSockets::one_way() const {
    return of(Kind::one_way, std::nullopt);
}

std::optional<MonoTime> OpenSockets::other_end_heard(const Silence& silence) const {
    const tcp::FourTuple other{silence.tuple.remote, silence.tuple.local, silence.tuple.family};
    const auto found = heard_.find(end_key(silence.netns, other));
    if (found == heard_.end()) return std::nullopt;
    return found->second;
}

std::vector<const HeldSockets*> OpenSockets::unanswering() const {
    return of(Kind::unanswering, std::nullopt);
}

} // namespace tcpdwell::analysis
