// SPDX-License-Identifier: Apache-2.0
#include "analysis/causes.h"

#include <algorithm>

namespace tcpdwell::analysis {
namespace {

using namespace std::chrono_literals;

bool is_consequence(EndCause cause) {
    return cause == EndCause::reset_there || cause == EndCause::met_close ||
           cause == EndCause::met_idle_close || cause == EndCause::reset_idle ||
           cause == EndCause::met_late_word || cause == EndCause::met_unanswered ||
           cause == EndCause::probed || cause == EndCause::reset_answered;
}

/// A reset of which the client's end shows that it sent no request.
bool was_closing_message(EndCause client, EndCause server) {
    return client == EndCause::closing_message &&
           (server == EndCause::idle_close || server == EndCause::late_word ||
            server == EndCause::reset_here);
}

/// The server's end of a connect that its client gave up before the SYN-ACK came.
bool was_given_up(EndCause client, const track::ConnectionLine& server) {
    return client == EndCause::unanswered && server.ending == tcp::Ending::handshake_failed &&
           server.detail == tcp::EndingDetail::reset_received;
}

/// Of one that another program than its ends has reset.
void note_between(CauseFacts& facts, const PartyEnds& client, Weight weight) {
    if (facts.between == 0)
        facts.clients = client.process;
    else if (facts.clients && client.process && facts.clients->comm() == client.process->comm())
        facts.clients->pid = facts.clients == client.process ? client.process->pid : 0;
    else
        facts.clients.reset();
    facts.between += weight;
}

} // namespace

PartyEnds* Causes::party_of(const track::ConnectionIdentity& who) {
    Party key{who.netns, who.role, {}, {}};
    tcp::Family family = who.tuple.family;
    if (who.role == tcp::Role::server) {
        const ServiceKey service = flows_.service_key(who);
        key.endpoint = service.local;
        family = service.family;
    } else if (who.role == tcp::Role::client) {
        key.endpoint = who.tuple.remote;
        if (who.process) key.comm = who.process->comm_bytes;
    } else {
        return nullptr;
    }
    const auto known = parties_.find(key);
    if (known == parties_.end() && parties_.size() >= Flows::kMaxGroups) return nullptr;
    PartyEnds& party = known == parties_.end() ? parties_[key] : known->second;
    party.party = key;
    party.family = family;
    if (who.role == tcp::Role::server) note_some(party.addresses, who.tuple.local.address);
    if (who.process) {
        if (!party.process) party.process = who.process;
        party.several_pids = party.several_pids || party.process->pid != who.process->pid;
    }
    return &party;
}

/// Whether the server closed the connection and its listening socket at the same time: it stops, or
/// is restarted. A listening socket for one connection only (FTP's passive mode) shows nothing.
bool Causes::has_stopped(const track::ConnectionLine& line, const PartyEnds& party,
                         Weight weight) const {
    if (line.who->role != tcp::Role::server || line.closed_first != tcp::ClosedFirst::local ||
        party.ended <= weight)
        return false;
    const auto* times = listeners_.find(line.who->netns, line.who->tuple.local);
    if (!times || !times->ended || (line.opened && *line.opened > *times->ended)) return false;
    const Nanoseconds between = closing_began(line) - *times->ended;
    return between <= 1s && between >= -1s;
}

/// What a process that has exited read and didn't answer was a request where others got answers
/// before: a collector of logs never answers.
EndCause Causes::cause_of(const track::ConnectionLine& line, const PartyEnds& party,
                          Weight weight) const {
    const EndCause cause = end_cause(line);
    switch (cause) {
    case EndCause::none:
        return party.bytes_sent > 0 && has_exited_unanswered(line) ? EndCause::process_died : cause;
    case EndCause::idle_close:
    case EndCause::late_word:
    case EndCause::closed_unanswered:
    case EndCause::answered_unread:
    case EndCause::reset_here:
        return has_stopped(line, party, weight) ? EndCause::process_died : cause;
    default: return cause;
    }
}

void Causes::take_back(const auto& counted, Weight weight) {
    const auto found = counted.party->causes.find(counted.cause);
    if (found == counted.party->causes.end()) return;
    CauseFacts& facts = found->second;
    if (facts.count <= weight) {
        facts = CauseFacts();
        return;
    }
    facts.count -= weight;
    std::uint64_t& with_detail = facts.details[counted.detail];
    with_detail -= std::min(with_detail, weight);
    facts.ids.forget(counted.id);
    facts.likes.forget(counted.id);
    facts.closings.forget(counted.id);
}

bool Causes::is_explained(const track::ConnectionLine& line, PartyEnds& party, EndCause cause,
                          Weight weight) {
    if (cause == EndCause::none || !line.closed) return false;
    bool explained = false;
    if (const auto other = recent_.take_other_of(line)) {
        if (was_closing_message(cause, other->cause) || was_closing_message(other->cause, cause)) {
            explained = true;
            take_back(*other, weight);
        } else if (was_given_up(other->cause, line)) {
            explained = true;
        } else if (is_consequence(cause) && is_of_this_end(other->cause)) {
            explained = true;
            if (other->is_translated) other->party->causes[other->cause].translated += weight;
        } else if (is_of_this_end(cause) && is_consequence(other->cause)) {
            take_back(*other, weight);
            if (other->is_translated) party.causes[cause].translated += weight;
        } else if (cause == EndCause::reset_there && other->cause == cause) {
            // Both received the RST: it counts for the server.
            explained = line.who->role == tcp::Role::client;
            if (!explained) take_back(*other, weight);
            const PartyEnds& client = explained ? party : *other->party;
            note_between((explained ? *other->party : party).causes[cause], client, weight);
        } else if (cause == EndCause::half_open_check && other->cause == cause) {
            // One check, which counts for the listener that is checked.
            if (line.who->role == tcp::Role::client)
                explained = true;
            else
                take_back(*other, weight);
        }
    }
    recent_.note(line, party, cause);
    return explained;
}

void Causes::note_self_connected(const track::ConnectionIdentity& who, Weight weight) {
    const std::string comm = who.process ? std::string(who.process->comm()) : std::string();
    if (self_connected_.size() >= Flows::kMaxGroups) return;
    SelfConnected& found = self_connected_[{who.netns, comm}];
    if (found.count == 0)
        found.process = who.process;
    else if (found.process && who.process && found.process->pid != who.process->pid)
        found.process->pid = 0;
    found.count += weight;
    found.ids.note(who.id);
    found.tuple = who.tuple;
    found.is_bound = found.is_bound && who.is_bound;
}

/// The answer to a SYN whose program no longer waits for it finds no socket.
void Causes::on_stray_reset(const track::StrayResetLine& line, Weight weight) {
    RecentEnds::End* own = recent_.find(line.netns, line.tuple, line.at);
    if (!own || own->cause != EndCause::unanswered || own->is_answered_late) return;
    own->is_answered_late = true;
    own->party->causes[own->cause].answered_late += weight;
}

void Causes::on_transition(const track::TransitionLine& line, Weight weight) {
    if (line.to == tcp::State::ESTABLISHED && line.who->tuple.local == line.who->tuple.remote)
        note_self_connected(*line.who, weight);
    if (line.from != tcp::State::SYN_SENT || line.to != tcp::State::ESTABLISHED) return;
    note_answered(line, weight);
    if (!line.who->process) return;
    const tcp::Endpoint& remote = line.who->tuple.remote;
    Tries& tries = tries_of(*line.who);
    tries.note({remote.address, line.at});
    std::erase_if(tries.failed, [&](const Try& each) {
        const bool is_answered = tries.have_answer_to(each);
        if (is_answered) take_back(each, weight);
        return is_answered;
    });
}

namespace {

void add_client(CauseFacts::ClientEnds& ends, const track::ConnectionLine& line, Weight weight) {
    ends.known += weight;
    if (was_half_closed(line)) ends.half_closed += weight;
}

} // namespace

void Causes::note_hang_up(const track::ConnectionLine& line, Weight weight) {
    hang_ups_.note(line);
    CauseFacts* explained = hang_ups_.explained_by(*line.who);
    if (explained == nullptr) return;
    add_client(explained->clients_ended, line, weight);
    hang_ups_.forget_reason(*line.who);
}

namespace {

/// What happens is reported within this time, but for ends that wait.
constexpr Nanoseconds kLate = std::chrono::seconds(1);

/// When only TIME_WAIT was left of it, or its process was killed; nullopt: it ended without such a
/// wait, or that wasn't seen.
std::optional<MonoTime> over_at(const track::ConnectionLine& line) {
    if (!line.closed) return std::nullopt;
    if (line.closed_how == tcp::ClosedHow::signal) return closing_began(line);
    if (!line.time_wait || !line.time_wait->dwell) return std::nullopt;
    return *line.closed - *line.time_wait->dwell;
}

} // namespace

void Causes::on_connection(const track::ConnectionLine& line, Weight weight) {
    if (line.ending == tcp::Ending::open) return;
    if (line.who->tuple.local == line.who->tuple.remote)
        lives_.keep(line, Lives::What::ended_badly);
    note_round_trip(*line.who, line.states, line.numbers, &LateConnects::ended, weight);
    PartyEnds* party = party_of(*line.who);
    if (!party) return;
    party->ended += weight;
    party->endings[{line.ending, line.detail}] += weight;
    note_numbers(*party, line, weight);
    note_hang_up(line, weight);
    const bool was_over_before = over_at(line).value_or(begin_) < begin_ - kLate;
    if (was_over_before) party->over_before += weight;
    if (counted_.erase(line.who->id) != 0 || was_over_before) return;
    const EndCause cause =
        unknown_.have_ended(line) ? EndCause::unknown_there : cause_of(line, *party, weight);
    if (is_explained(line, *party, cause, weight) || cause == EndCause::none) return;
    if (was_answered_elsewhere(line, *party, cause)) return;
    const CauseFacts* others = party->facts(cause);
    const std::optional<MonoTime> before = others ? std::optional(others->last) : std::nullopt;
    if (note(*party, cause, line, weight)) lives_.keep(line, Lives::What::ended_badly);
    CauseFacts& facts = party->causes[cause];
    if (hang_ups_.take_reason_of(line, facts)) facts.hung_up_on += weight;
    if (cause == EndCause::unanswered) note_unanswered(party->causes[cause], line, before, weight);
    if (cause != EndCause::refused) return;
    const auto peer = peers_.find({line.who->netns, line.who->tuple.remote});
    if (peer != peers_.end() && !peer->second.answers.empty())
        party->causes[cause].answered = peer->second.answers.back();
}

void Causes::begin_live(MonoTime now) {
    live_at_ = now;
    for (auto& [key, peer] : peers_) peer.open.clear();
    for (auto& [key, late] : late_) late.open = {};
    for (auto& [key, party] : parties_) {
        party.waiting = party.open = 0;
        party.open_carried = {};
        for (auto& [cause, facts] : party.causes) {
            facts.open_there = 0;
            facts.clients_waiting = {};
        }
    }
}

/// The other end of a connection that an RST ended still believes in it.
void Causes::note_open(const track::LiveSocket& socket, Weight weight) {
    if (socket.state != tcp::State::ESTABLISHED) return;
    const RecentEnds::End* other = recent_.find_other_of(socket.who, socket.known_since);
    if (other && is_consequence(other->cause))
        other->party->causes[other->cause].open_there += weight;
}

namespace {

/// In TIME_WAIT, or its process was killed: only the peer and the kernel's timers are left to it.
bool is_over(const track::LiveSocket& socket) {
    if (socket.state == tcp::State::TIME_WAIT) return true;
    const bool is_closing = socket.state == tcp::State::FIN_WAIT1 ||
                            socket.state == tcp::State::FIN_WAIT2 ||
                            socket.state == tcp::State::CLOSING;
    return is_closing && socket.closed_how == tcp::ClosedHow::signal;
}

} // namespace

/// What is over but for a wait has ended, and a report in time counts it.
void Causes::on_live(const track::LiveSocket& socket, Weight weight) {
    constexpr std::size_t kMostCounted = 1 << 17;
    note_open(socket, weight);
    if (socket.state != tcp::State::SYN_SENT)
        note_round_trip(socket.who, socket.left, socket.numbers, &LateConnects::open, weight);
    // Of one from before tracing it isn't known that it is a client's, but nobody listens there.
    if (socket.state != tcp::State::SYN_SENT && socket.state != tcp::State::LISTEN &&
        socket.who.role != tcp::Role::server)
        note_connected(socket, weight);
    if (!is_over(socket)) return;
    PartyEnds* party = party_of(socket.who);
    if (!party) return;
    if (socket.numbers != nullptr && socket.numbers->bytes_sent.value_or(0) > 0)
        party->has_answered = true;
    if (socket.known_since < begin_ - kLate) return;
    party->waiting += weight;
    track::ConnectionLine line;
    line.who = &socket.who;
    line.seen = socket.seen;
    line.closed = socket.known_since;
    line.states = socket.left;
    line.closed_first = socket.closed_first;
    line.ending = tcp::Ending::fin;
    line.accept = socket.accept;
    line.numbers = socket.numbers;
    line.closed_how = socket.closed_how;
    line.closing_signal = socket.closing_signal;
    line.numbers_at = socket.numbers_at;
    if (CauseFacts* explained = hang_ups_.explained_by(socket.who))
        add_client(explained->clients_waiting, line, weight);
    const EndCause cause = cause_of(line, *party, weight);
    if (cause == EndCause::none || counted_.size() >= kMostCounted) return;
    if (counted_.insert(socket.who.id).second) note(*party, cause, line, weight);
}

void Causes::next_interval(MonoTime now) {
    begin_ = now;
    parties_.clear();
    recent_.clear();
    hang_ups_.clear();
    tries_.clear();
    for (auto& [key, peer] : peers_) {
        peer.answers.clear();
        peer.answered = {};
    }
    late_.clear();
    self_connected_.clear();
}

} // namespace tcpdwell::analysis
