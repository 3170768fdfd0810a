// SPDX-License-Identifier: Apache-2.0
#include "analysis/heard_hosts.h"

#include <algorithm>

#include "analysis/silence.h"

namespace tcpdwell::analysis {
namespace {

using namespace std::chrono_literals;

/// Heard at two times that are no further apart, a host was there in between as well.
constexpr Nanoseconds kPause = 1s;

/// A SYN-ACK, the ACK of one, a FIN, or the ACK of a FIN.
bool is_of_peer(tcp::State from, tcp::State to) {
    switch (to) {
    case tcp::State::ESTABLISHED:
    case tcp::State::CLOSE_WAIT:
    case tcp::State::CLOSING:
    case tcp::State::FIN_WAIT2: return true;
    case tcp::State::TIME_WAIT: return from != tcp::State::CLOSE;
    default: return false;
    }
}

/// Closed by one side, and the other one has answered, or will.
bool is_half_way(tcp::State state) {
    return state == tcp::State::CLOSE_WAIT || state == tcp::State::FIN_WAIT2 ||
           state == tcp::State::TIME_WAIT;
}

/// Those that were there before tracing are older than any. nullopt: not known.
std::optional<MonoTime> opened_at(const track::ConnectionLine& line) {
    if (line.opened) return line.opened;
    return line.seen == tcp::Seen::joined ? std::optional(MonoTime{}) : std::nullopt;
}

std::optional<MonoTime> opened_at(const track::TransitionLine& line) {
    const bool is_first = line.from == tcp::State::SYN_SENT || line.from == tcp::State::SYN_RECV;
    return is_first && line.dwell ? std::optional(line.at - *line.dwell) : std::nullopt;
}

MonoTime heard_at(const event::SocketNumbers& numbers, MonoTime read_at) {
    return read_at - std::chrono::milliseconds(*numbers.since_received_ms);
}

} // namespace

void HeardByAge::note(MonoTime opened, MonoTime heard) {
    // Nearly always: a new connection is heard after those that were there before.
    const auto after = list_.empty() || list_.back().opened < opened
                           ? list_.end()
                           : std::ranges::upper_bound(list_, opened, {}, &Heard::opened);
    if (after != list_.begin() && std::prev(after)->last >= heard) return;
    auto first = after;
    if (first != list_.begin() && std::prev(first)->opened == opened) --first;
    auto end = after;
    while (end != list_.end() && end->last <= heard) ++end;
    list_.insert(list_.erase(first, end), Heard{opened, heard});
    if (list_.size() > kMost) make_room();
}

/// Every other one of the older half: what is left of times long ago is further and further apart.
void HeardByAge::make_room() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < list_.size(); ++i)
        if (i % 2 == 0 || i >= list_.size() / 2) list_[kept++] = list_[i];
    list_.resize(kept);
}

std::optional<MonoTime> HeardByAge::last_of_opened_before(MonoTime time) const {
    const auto first = std::ranges::lower_bound(list_, time, {}, &Heard::opened);
    return first == list_.begin() ? std::nullopt : std::optional(std::prev(first)->last);
}

void HeardHosts::note(std::uint32_t netns, const tcp::IpAddress& host, MonoTime at,
                      std::optional<MonoTime> opened) {
    auto known = hosts_.find({netns, host});
    if (known == hosts_.end()) {
        if (hosts_.size() >= kMostHosts) return;
        known = hosts_.emplace(Host(netns, host), Times()).first;
    }
    note_span(known.value().spans, at);
    if (opened) known.value().by_age.note(*opened, at);
}

void HeardHosts::note_span(Spans& spans, MonoTime at) {
    // Nearly always: events come in their order, and hosts that are used are heard all the time.
    if (!spans.empty() && spans.back().first <= at && at - kPause <= spans.back().last) {
        spans.back().last = std::max(spans.back().last, at);
        return;
    }
    const auto is_before = [](const Span& span, MonoTime time) {
        return span.last + kPause < time;
    };
    const auto at_or_after = std::lower_bound(spans.begin(), spans.end(), at, is_before);
    if (at_or_after != spans.end() && at_or_after->first - kPause <= at) {
        at_or_after->first = std::min(at_or_after->first, at);
        at_or_after->last = std::max(at_or_after->last, at);
        return;
    }
    spans.insert(at_or_after, Span{at, at});
    if (spans.size() > kMostSpans) spans.erase(spans.begin());
}

void HeardHosts::on_transition(const track::TransitionLine& line, Weight) {
    if (is_of_peer(line.from, line.to))
        note(line.who->netns, line.who->tuple.remote.address, line.at, opened_at(line));
}

void HeardHosts::on_connection(const track::ConnectionLine& line, Weight) {
    if (line.numbers == nullptr || !line.numbers->since_received_ms || !line.closed ||
        line.ending == tcp::Ending::timed_out || line.ending == tcp::Ending::connect_failed)
        return;
    note(line.who->netns, line.who->tuple.remote.address,
         heard_at(*line.numbers, line.numbers_at.value_or(*line.closed)), opened_at(line));
}

/// Of one that isn't acknowledged what comes may be the peer's own attempts to be.
void HeardHosts::on_live(const track::LiveSocket& socket, Weight) {
    // What brought it to such a state was a segment of the peer.
    if (socket.since && is_half_way(socket.state))
        note(socket.who.netns, socket.who.tuple.remote.address, *socket.since,
             track::opened_at(socket));
    if (socket.state != tcp::State::ESTABLISHED || socket.numbers == nullptr ||
        !socket.numbers->since_received_ms || is_unanswered(socket))
        return;
    note(socket.who.netns, socket.who.tuple.remote.address,
         heard_at(*socket.numbers, socket.numbers_at.value_or(now_)), track::opened_at(socket));
}

bool HeardHosts::were_heard_between(std::uint32_t netns, const tcp::IpAddress& host, MonoTime from,
                                    MonoTime until) const {
    const auto found = hosts_.find({netns, host});
    if (found == hosts_.end()) return false;
    const auto is_within = [&](MonoTime at) { return from < at && at < until; };
    return std::ranges::any_of(found->second.spans, [&](const Span& span) {
        return is_within(span.first) || is_within(span.last) ||
               (span.first <= from && span.last >= until && until - from > kPause);
    });
}

std::optional<MonoTime> HeardHosts::last_heard(std::uint32_t netns,
                                               const tcp::IpAddress& host) const {
    const auto found = hosts_.find({netns, host});
    if (found == hosts_.end()) return std::nullopt;
    return found->second.spans.back().last;
}

std::optional<MonoTime> HeardHosts::last_heard_on_older(std::uint32_t netns,
                                                        const tcp::IpAddress& host,
                                                        MonoTime opened) const {
    const auto found = hosts_.find({netns, host});
    if (found == hosts_.end()) return std::nullopt;
    return found->second.by_age.last_of_opened_before(opened);
}

/// Those that weren't heard in all of the last interval make room.
void HeardHosts::next_interval(MonoTime now) {
    for (auto each = hosts_.begin(); each != hosts_.end();)
        each = each->second.spans.back().last < begin_ ? hosts_.erase(each) : std::next(each);
    begin_ = now;
}

} // namespace tcpdwell::analysis
