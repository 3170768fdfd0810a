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

MonoTime heard_at(const event::SocketNumbers& numbers, MonoTime read_at) {
    return read_at - std::chrono::milliseconds(*numbers.since_received_ms);
}

} // namespace

void HeardHosts::note(std::uint32_t netns, const tcp::IpAddress& host, MonoTime at) {
    auto known = hosts_.find({netns, host});
    if (known == hosts_.end()) {
        if (hosts_.size() >= kMostHosts) return;
        known = hosts_.emplace(Host(netns, host), Spans()).first;
    }
    Spans& spans = known.value();
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
        note(line.who->netns, line.who->tuple.remote.address, line.at);
}

void HeardHosts::on_connection(const track::ConnectionLine& line, Weight) {
    if (line.numbers == nullptr || !line.numbers->since_received_ms || !line.closed ||
        line.ending == tcp::Ending::timed_out || line.ending == tcp::Ending::connect_failed)
        return;
    note(line.who->netns, line.who->tuple.remote.address,
         heard_at(*line.numbers, line.numbers_at.value_or(*line.closed)));
}

/// Of one that isn't acknowledged what comes may be the peer's own attempts to be.
void HeardHosts::on_live(const track::LiveSocket& socket, Weight) {
    if (socket.state != tcp::State::ESTABLISHED || socket.numbers == nullptr ||
        !socket.numbers->since_received_ms || is_unanswered(socket))
        return;
    note(socket.who.netns, socket.who.tuple.remote.address,
         heard_at(*socket.numbers, socket.numbers_at.value_or(now_)));
}

bool HeardHosts::were_heard_between(std::uint32_t netns, const tcp::IpAddress& host, MonoTime from,
                                    MonoTime until) const {
    const auto found = hosts_.find({netns, host});
    if (found == hosts_.end()) return false;
    const auto is_within = [&](MonoTime at) { return from < at && at < until; };
    return std::ranges::any_of(found->second, [&](const Span& span) {
        return is_within(span.first) || is_within(span.last) ||
               (span.first <= from && span.last >= until && until - from > kPause);
    });
}

std::optional<MonoTime> HeardHosts::last_heard(std::uint32_t netns,
                                               const tcp::IpAddress& host) const {
    const auto found = hosts_.find({netns, host});
    if (found == hosts_.end()) return std::nullopt;
    return found->second.back().last;
}

/// Those that weren't heard in all of the last interval make room.
void HeardHosts::next_interval(MonoTime now) {
    for (auto each = hosts_.begin(); each != hosts_.end();)
        each = each->second.back().last < begin_ ? hosts_.erase(each) : std::next(each);
    begin_ = now;
}

} // namespace tcpdwell::analysis
