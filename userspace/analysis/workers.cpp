// SPDX-License-Identifier: Apache-2.0
#include "analysis/workers.h"

#include <algorithm>

namespace tcpdwell::analysis {
namespace {

using namespace std::chrono_literals;

/// An ACK for what was sent last is delayed by no more (TCP_DELACK_MAX).
constexpr Nanoseconds kMostDelayed = 200ms;

bool is_open(tcp::State state) {
    return state == tcp::State::ESTABLISHED || state == tcp::State::CLOSE_WAIT;
}

/// What was read long ago may no longer be so.
bool has_fresh_numbers(const track::LiveSocket& socket, MonoTime now) {
    constexpr Nanoseconds kFresh = 10s;
    return socket.numbers != nullptr && now - socket.numbers_at.value_or(now) <= kFresh;
}

/// Whether the process that accepted or connected it has a descriptor of it.
bool is_held(const track::LiveSocket& socket) {
    return socket.holders != nullptr &&
           std::ranges::find(socket.holders->processes, socket.who.process->pid,
                             &event::Process::pid) != socket.holders->processes.end();
}

struct Since {
    OccupiedBy with;
    MonoTime at;
};

/// What keeps the process that has accepted it, as far as numbers of `read_at` show it.
std::optional<Since> occupied_since(const track::LiveSocket& socket, MonoTime read_at) {
    const event::SocketNumbers& n = *socket.numbers;
    if (!n.bytes_received || !n.bytes_sent || !n.unread || !n.since_received_ms || !n.since_sent_ms)
        return std::nullopt;
    const std::optional<MonoTime> accepted = socket.accept->at;
    const auto since = [&](OccupiedBy with, MonoTime at) {
        return Since{with, std::max(at, accepted.value_or(at))};
    };
    // Where nothing has come or gone, both count from the handshake on.
    const MonoTime received = read_at - std::chrono::milliseconds(*n.since_received_ms);
    const MonoTime sent = read_at - std::chrono::milliseconds(*n.since_sent_ms);
    if (n.unsent.value_or(0) > 0 && n.peer_window && *n.peer_window == 0)
        return since(OccupiedBy::unread_answer, sent);
    if (*n.unread > 0) return std::nullopt; // it isn't at work on this one
    if (socket.state == tcp::State::CLOSE_WAIT) {
        // What came last is the FIN; when the request came isn't known.
        if (*n.bytes_received == 0 || *n.bytes_sent > 0 || !accepted) return std::nullopt;
        return since(OccupiedBy::unanswered_request, *accepted);
    }
    if (*n.bytes_received == 0) return since(OccupiedBy::silent_client, received);
    // Else it may be the ACK of the answer before that came last.
    if (*n.bytes_sent > 0 && received - sent <= kMostDelayed) return std::nullopt;
    return since(OccupiedBy::unanswered_request, received);
}

} // namespace

void Workers::begin_live(MonoTime now) {
    now_ = now;
    by_pid_.clear();
}

void Workers::on_live(const track::LiveSocket& socket, Weight) {
    const track::ConnectionIdentity& who = socket.who;
    if (!is_open(socket.state) || !who.process || who.process->pid == 0) return;
    if (by_pid_.size() >= kMostProcesses && !by_pid_.contains(who.process->pid)) return;
    if (who.role == tcp::Role::server && socket.accept && socket.accept->accepted)
        note_served(by_pid_[who.process->pid], socket);
    else if (who.role != tcp::Role::server)
        note_sent(by_pid_[who.process->pid], socket);
}

void Workers::note_served(Worker& worker, const track::LiveSocket& socket) const {
    if (++worker.served > 1) return;
    if (!has_fresh_numbers(socket, now_) || !is_held(socket)) return;
    const MonoTime read_at = socket.numbers_at.value_or(now_);
    const auto since = occupied_since(socket, read_at);
    if (!since) return;
    worker.with = Occupation{since->with, socket.who.tuple, socket.who.id,
                             std::max(read_at - since->at, Nanoseconds(0)),
                             socket.numbers->unsent.value_or(0)};
    if (since->with == OccupiedBy::unanswered_request) worker.asked_from = since->at;
}

void Workers::note_sent(Worker& worker, const track::LiveSocket& socket) const {
    if (!has_fresh_numbers(socket, now_) || !is_held(socket)) return;
    const event::SocketNumbers* n = socket.numbers;
    if (!n->since_sent_ms || !n->since_received_ms || n->bytes_sent.value_or(0) == 0) return;
    const MonoTime read_at = socket.numbers_at.value_or(now_);
    const Nanoseconds since_sent = std::chrono::milliseconds(*n->since_sent_ms);
    const Sent sent{socket.who.tuple.remote, socket.who.tuple.family, read_at - since_sent,
                    since_sent, std::chrono::milliseconds(*n->since_received_ms)};
    if (!worker.sent || worker.sent->at < sent.at) worker.sent = sent;
}

std::optional<Occupation> Workers::occupation_of(std::uint32_t pid) const {
    const auto found = by_pid_.find(pid);
    if (found == by_pid_.end() || found->second.served != 1) return std::nullopt;
    const Worker& worker = found->second;
    std::optional<Occupation> with = worker.with;
    if (!with || !worker.asked_from || !worker.sent) return with;
    const Sent& sent = *worker.sent;
    // The numbers are in milliseconds, or jiffies.
    constexpr Nanoseconds kClock = 10ms;
    if (sent.at + kClock >= *worker.asked_from && sent.lasting - sent.silent <= kMostDelayed)
        with->asked = Occupation::Asked{sent.remote, sent.family, sent.silent};
    return with;
}

} // namespace tcpdwell::analysis
