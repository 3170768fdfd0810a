// SPDX-License-Identifier: Apache-2.0
#include "analysis/end_cause.h"

#include <algorithm>

#include "analysis/end_facts.h"
#include "analysis/harmless_end.h"

namespace tcpdwell::analysis {
namespace {

using namespace std::chrono_literals;
using tcp::Ending;
using tcp::EndingDetail;

/// Whoever checks a port is no further away.
constexpr Nanoseconds kRoundTrip = 200ms;

/// Whether it is known to have carried no data either way.
bool has_carried_nothing(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    return n != nullptr && n->bytes_sent == OptionalNumber<std::uint64_t>(0) &&
           n->bytes_received == OptionalNumber<std::uint64_t>(0);
}

/// That no SYN was sent: there was no port, or the one that the program had chosen is in use
/// towards that remote endpoint (EADDRNOTAVAIL, tcp_v4_connect()).
bool was_never_sent(const track::ConnectionLine& line) {
    if (line.detail == EndingDetail::no_port) return true;
    return line.detail == EndingDetail::none && line.numbers != nullptr &&
           line.numbers->segments_sent == OptionalNumber<std::uint32_t>(0);
}

bool is_half_open_check(const track::ConnectionLine& line) {
    if (line.ending == Ending::handshake_failed) {
        if (line.detail != EndingDetail::reset_received) return false;
        // Later it is the answer to a SYN-ACK that came when its client had given up.
        const auto dwell = time_in(line, tcp::State::SYN_RECV);
        return dwell && *dwell < kRoundTrip;
    }
    if (!has_carried_nothing(line) || !was_established_briefly(line)) return false;
    if (is_server_end(line))
        return line.ending == Ending::reset_received &&
               line.closed_first == tcp::ClosedFirst::remote &&
               time_in(line, tcp::State::CLOSE_WAIT).value_or(Nanoseconds(0)) < kAtOnce;
    return line.ending == Ending::reset_sent && line.detail == EndingDetail::so_linger_zero;
}

/// A server that waited for a first request, in vain, hasn't turned anybody away.
bool was_closed_right_after_accept(const track::ConnectionLine& line) {
    const auto dwell = time_in(line, tcp::State::ESTABLISHED);
    return dwell && line.accept && line.accept->accepted &&
           *dwell - line.accept->delay.value_or(Nanoseconds(0)) < kIdle;
}

/// Whether its program is known to have read and sent nothing: what had come was left unread.
bool has_used_nothing(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    return n != nullptr && n->bytes_sent == OptionalNumber<std::uint64_t>(0) && n->bytes_received &&
           *n->bytes_received == n->unread.value_or(0);
}

bool is_turned_away(const track::ConnectionLine& line) {
    return is_server_end(line) && line.closed_first == tcp::ClosedFirst::local &&
           has_used_nothing(line) && was_closed_right_after_accept(line);
}

/// Whether its program read nothing, and sent what is no more than a reason before it closed: the
/// rest of a request that was read in part looks otherwise. Whether the request came before the
/// close or after it is chance; where none comes at all, it may be all that the service does.
bool is_turned_away_with_reason(const track::ConnectionLine& line) {
    constexpr std::uint64_t kReason = 1024;
    const bool met_request =
        line.detail == EndingDetail::unread_data || line.detail == EndingDetail::data_after_close;
    if (!is_server_end(line) || line.ending != Ending::reset_sent || !met_request ||
        !has_sent(line))
        return false;
    const event::SocketNumbers* n = line.numbers;
    const Nanoseconds waited = time_in(line, tcp::State::CLOSE_WAIT).value_or(Nanoseconds(0));
    return n->bytes_received && *n->bytes_received == n->unread.value_or(0) &&
           *n->bytes_sent <= kReason && waited < kIdle && was_closed_right_after_accept(line);
}

/// Where each connection has a process of its own, that ends because the connection does. Who holds
/// a connection from before tracing may be one of those.
bool has_accepter_closed(const track::ConnectionLine& line) {
    return is_server_end(line) && line.seen == tcp::Seen::whole && line.who->process &&
           line.who->closed_by && line.who->process->pid == line.who->closed_by->pid;
}

bool has_died(const track::ConnectionLine& line) {
    if (line.closed_first != tcp::ClosedFirst::local || !line.closed_how) return false;
    if (*line.closed_how == tcp::ClosedHow::signal) return true;
    if (*line.closed_how != tcp::ClosedHow::exit) return false;
    // The rest of its answers, or its clients' requests, came after it, or were there already. A
    // process for each connection that has answered leaves unread what it doesn't want to know.
    const bool is_awaited = is_client_end(line) || has_accepter_closed(line);
    if (has_left_unread(line)) return is_awaited || !has_sent(line);
    return is_awaited && line.detail == EndingDetail::data_after_close;
}

/// As proxies end their checks: soon, when the answer is there and nothing is on its way.
bool is_hung_up(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    const OptionalNumber<std::uint32_t> nothing = 0;
    return is_client_end(line) && was_established_briefly(line) && n != nullptr &&
           n->bytes_received.value_or(0) > 0 && n->unsent == nothing && n->unacked == nothing &&
           n->unread == nothing;
}

/// Whether the last pause was the longest: twice as long as those before were on average, of which
/// there were no more than segments that came.
bool was_idle_for_longest(const track::ConnectionLine& line, Nanoseconds idle) {
    const auto established = time_in(line, tcp::State::ESTABLISHED);
    const Nanoseconds before = established ? *established - idle : Nanoseconds(0);
    return idle * std::max(line.numbers->segments_received.value_or(1), 1u) >= 2 * before;
}

/// An RST answered the data that was sent after an idle time: the peer doesn't know the connection.
/// Nobody forgets connections sooner than after a second.
bool is_unknown_when_used(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    const auto idle = idle_before_close(line);
    return idle && *idle >= kAtOnce && n->unacked.value_or(0) > 0 &&
           n->bytes_received.value_or(0) > 0 && was_idle_for_longest(line, *idle);
}

/// A client that looks whether somebody listens: what a server says first meets its close, or stays
/// unread.
bool is_probe(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    return n != nullptr && was_established_for_less_than(line, kMoment) &&
           (is_client_end(line) ? n->bytes_sent : n->bytes_received) ==
               OptionalNumber<std::uint64_t>(0) &&
           (!is_client_end(line) || line.detail == EndingDetail::data_after_close ||
            line.detail == EndingDetail::unread_data);
}

/// As the server sees a client that ends its checks so (is_hung_up()): whether the answer had come
/// and was read, it doesn't know.
bool is_reset_answered(const track::ConnectionLine& line) {
    return was_established_for_less_than(line, kIdle) && has_sent(line) && has_received(line) &&
           !has_left_unread(line) && !time_in(line, tcp::State::CLOSE_WAIT);
}

EndCause cause_of_reset_there(const track::ConnectionLine& line) {
    if (is_server_end(line) && line.closed_first == tcp::ClosedFirst::remote) {
        if (is_probe(line)) return EndCause::probed;
        if (is_reset_answered(line)) return EndCause::reset_answered;
    }
    return EndCause::reset_there;
}

bool was_idle(const track::ConnectionLine& line) {
    const auto idle = idle_before_close(line);
    return idle && *idle >= kIdle;
}

/// Whether it was closed between two requests, however short the pause was: it had been in use for
/// some time, and neither had it sent anything just before, nor did the next data come just after.
bool was_closed_in_a_pause(const track::ConnectionLine& line) {
    constexpr Nanoseconds kPause = 50ms;
    const auto idle = idle_before_close(line);
    if (!idle || *idle < kMoment || was_established_briefly(line)) return false;
    const Nanoseconds closing = time_in(line, tcp::State::FIN_WAIT1).value_or(0ns) +
                                time_in(line, tcp::State::FIN_WAIT2).value_or(0ns);
    return *idle + closing >= kPause;
}

/// Data came to a server (or who may be one) after it had closed.
EndCause cause_of_data_after_close(const track::ConnectionLine& line) {
    const bool is_idle = was_idle(line);
    if (!has_sent(line)) return is_idle ? EndCause::closed_unanswered : EndCause::reset_here;
    if (is_idle || was_closed_in_a_pause(line)) return EndCause::idle_close;
    // So late it is no rest of what the peer was sending: it sent on a connection that was over. A
    // server that gives a reason before it closes has sent just then.
    if (time_in(line, tcp::State::FIN_WAIT2).value_or(Nanoseconds(0)) < kAtOnce)
        return EndCause::reset_here;
    // Closed so soon after its opening it hasn't been idle.
    return was_established_briefly(line) ? EndCause::late_word : EndCause::idle_close;
}

/// Who sends and closes without waiting for an answer has sent no request, but that it is done:
/// TLS's close_notify, the QUIT of many protocols.
bool has_sent_closing_message(const track::ConnectionLine& line) {
    const auto last_ack = time_in(line, tcp::State::LAST_ACK);
    if (!last_ack || !has_received(line) || !line.numbers->since_sent_ms) return false;
    return std::chrono::milliseconds(*line.numbers->since_sent_ms) - *last_ack < kIdle;
}

/// Whether it had been in use, and what it sent last was sent when the peer's FIN had come, or was
/// on its way. How long it had been idle then isn't known.
bool has_sent_at_the_close(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    return has_received(line) && n->unacked.value_or(0) > 0 && n->since_sent_ms &&
           n->since_received_ms && *n->since_sent_ms <= *n->since_received_ms;
}

/// Data was sent to a peer that had closed.
EndCause cause_of_meeting_a_close(const track::ConnectionLine& line) {
    if (!was_idle(line))
        return has_sent_at_the_close(line) ? EndCause::met_close : EndCause::reset_there;
    if (has_sent_closing_message(line)) return EndCause::closing_message;
    if (!has_received(line)) return EndCause::met_unanswered;
    return was_established_for_less_than(line, kIdle) ? EndCause::met_late_word
                                                      : EndCause::met_idle_close;
}

/// TCP_USER_TIMEOUT ends also what waits for a window that is 0, although the peer acknowledges
/// each probe (tcp_probe_timer()), which sets their number back.
bool was_not_read(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    return line.detail == EndingDetail::user_timeout && n != nullptr && n->unsent.value_or(0) > 0 &&
           n->unacked == OptionalNumber<std::uint32_t>(0) &&
           n->peer_window == OptionalNumber<std::uint32_t>(0) && n->probes <= 1;
}

/// With data to send that the peer's window had not let pass for some time.
bool has_given_up_sending(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    return n != nullptr && n->unsent.value_or(0) > 0 &&
           n->peer_window == OptionalNumber<std::uint32_t>(0) &&
           std::chrono::milliseconds(n->receiver_limited_ms.value_or(0)) >= kIdle;
}

/// A server's connection that had been in use, on which nothing was on its way.
bool was_ended_idle(const track::ConnectionLine& line) {
    const auto quiet = quiet_before_reset(line);
    return is_server_end(line) && quiet && *quiet >= kAtOnce && has_sent(line) &&
           has_received(line) && has_been_acknowledged(line) &&
           line.numbers->unread == OptionalNumber<std::uint32_t>(0);
}

EndCause cause_of_lingering(const track::ConnectionLine& line) {
    if (line.closed_first == tcp::ClosedFirst::local && was_ended_idle(line))
        return EndCause::ended_idle;
    if (line.closed_first == tcp::ClosedFirst::local && has_given_up_sending(line))
        return EndCause::gave_up_sending;
    return is_hung_up(line) ? EndCause::hung_up : EndCause::lingered;
}

EndCause cause_of_reset_here(const track::ConnectionLine& line) {
    if (is_client_end(line) && line.closed_first == tcp::ClosedFirst::local && is_probe(line))
        return EndCause::probe;
    if (has_discarded(line)) return EndCause::discarded;
    return has_left_a_stream(line) ? EndCause::left_stream : EndCause::reset_here;
}

EndCause cause_of_reset(const track::ConnectionLine& line) {
    if (line.detail == EndingDetail::listener_closed) return EndCause::listener_closed;
    if (line.detail == EndingDetail::admin_kill) return EndCause::admin_killed;
    if (line.ending == Ending::reset_sent && line.detail == EndingDetail::unread_data &&
        is_server_end(line) && has_sent(line))
        return EndCause::answered_unread;
    // A client that closes before its answer comes has given up: that one waited, it wasn't idle.
    if (line.ending == Ending::reset_sent && line.detail == EndingDetail::data_after_close &&
        !is_client_end(line))
        return cause_of_data_after_close(line);
    if (line.ending == Ending::reset_received && line.closed_first == tcp::ClosedFirst::remote &&
        !is_server_end(line)) {
        if (time_in(line, tcp::State::CLOSE_WAIT)) return cause_of_meeting_a_close(line);
        if (is_unknown_when_used(line)) return EndCause::reset_idle;
    }
    if (line.detail == EndingDetail::so_linger_zero) return cause_of_lingering(line);
    if (line.ending == Ending::reset_received) return cause_of_reset_there(line);
    return cause_of_reset_here(line);
}

} // namespace

std::optional<Nanoseconds> idle_before_close(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    if (n == nullptr || !n->since_sent_ms || !n->since_received_ms) return std::nullopt;
    const Nanoseconds since_sent = std::chrono::milliseconds(*n->since_sent_ms);
    // Who only says that it sends no more goes on waiting. The close() after that leaves a
    // mini-socket, of which nothing is read, or it isn't known when that was.
    if (is_client_end(line) && line.closed_how == tcp::ClosedHow::shutdown) {
        if (!line.closed || !line.numbers_at || *line.numbers_at == *line.closed)
            return std::nullopt;
        return since_sent;
    }
    if (line.closed_first == tcp::ClosedFirst::local) {
        // The answer was sent that long before the end, of which the close took a part.
        Nanoseconds closing{0};
        for (const tcp::State state : {tcp::State::FIN_WAIT1, tcp::State::FIN_WAIT2})
            closing += time_in(line, state).value_or(Nanoseconds(0));
        // Nothing is read of the mini-socket that a close leaves.
        if (line.closed && line.numbers_at) closing -= *line.closed - *line.numbers_at;
        return std::max(since_sent - std::max(closing, Nanoseconds(0)), Nanoseconds(0));
    }
    const Nanoseconds since_received = std::chrono::milliseconds(*n->since_received_ms);
    return std::max(since_received - since_sent, Nanoseconds(0));
}

bool has_sent_until_close(const track::ConnectionLine& line) {
    const auto idle = idle_before_close(line);
    const auto established = time_in(line, tcp::State::ESTABLISHED);
    if (!idle || !established || *established <= *idle) return false;
    // Of the segments sent some only acknowledge what came, so the pauses were longer than this.
    const std::uint32_t segments = line.numbers->segments_sent.value_or(0);
    return *idle * segments < 2 * (*established - *idle);
}

std::optional<Nanoseconds> quiet_before_reset(const track::ConnectionLine& line) {
    const event::SocketNumbers* n = line.numbers;
    const bool is_known = line.ending == tcp::Ending::reset_received ||
                          line.detail == tcp::EndingDetail::so_linger_zero;
    if (!is_known || n == nullptr || !n->since_sent_ms || !n->since_received_ms)
        return std::nullopt;
    return std::chrono::milliseconds(
        std::min<std::uint32_t>(*n->since_sent_ms, *n->since_received_ms));
}

MonoTime closing_began(const track::ConnectionLine& line) {
    MonoTime at = line.closed.value_or(MonoTime{});
    for (const track::PathStep& step : line.states) {
        const bool is_closing =
            step.state == tcp::State::FIN_WAIT1 || step.state == tcp::State::FIN_WAIT2 ||
            step.state == tcp::State::CLOSING || step.state == tcp::State::TIME_WAIT;
        if (is_closing) at -= step.dwell.value_or(step.at_least);
    }
    return at;
}

EndCause end_cause(const track::ConnectionLine& line) {
    switch (line.ending) {
    case Ending::refused: return EndCause::refused;
    case Ending::connect_failed:
        return was_never_sent(line) ? EndCause::none : EndCause::unanswered;
    case Ending::timed_out: return was_not_read(line) ? EndCause::not_read : EndCause::peer_gone;
    case Ending::open:
    case Ending::unknown: return EndCause::none;
    default: break;
    }
    if (has_died(line)) return EndCause::process_died;
    if (was_over_already(line)) return EndCause::none;
    if (is_half_open_check(line)) return EndCause::half_open_check;
    if (line.ending == Ending::handshake_failed)
        return line.detail == EndingDetail::admin_kill ? EndCause::none : EndCause::never_completed;
    if (is_turned_away(line) || is_turned_away_with_reason(line)) return EndCause::turned_away;
    if (line.ending == Ending::reset_sent || line.ending == Ending::reset_received)
        return cause_of_reset(line);
    return EndCause::none;
}

bool has_exited_unanswered(const track::ConnectionLine& line) {
    return line.closed_first == tcp::ClosedFirst::local &&
           line.closed_how == tcp::ClosedHow::exit && has_accepter_closed(line) &&
           line.numbers != nullptr &&
           line.numbers->bytes_sent == OptionalNumber<std::uint64_t>(0) &&
           line.numbers->bytes_received.value_or(0) > 0;
}

bool is_of_this_end(EndCause cause) {
    switch (cause) {
    case EndCause::process_died:
    case EndCause::listener_closed:
    case EndCause::half_open_check:
    case EndCause::turned_away:
    case EndCause::answered_unread:
    case EndCause::idle_close:
    case EndCause::late_word:
    case EndCause::closed_unanswered:
    case EndCause::probe:
    case EndCause::lingered:
    case EndCause::hung_up:
    case EndCause::gave_up_sending:
    case EndCause::ended_idle:
    case EndCause::admin_killed:
    case EndCause::discarded:
    case EndCause::left_stream:
    case EndCause::reset_here: return true;
    case EndCause::none:
    case EndCause::refused:
    case EndCause::unanswered:
    case EndCause::never_completed:
    case EndCause::met_close:
    case EndCause::met_idle_close:
    case EndCause::reset_idle:
    case EndCause::closing_message:
    case EndCause::met_late_word:
    case EndCause::met_unanswered:
    case EndCause::probed:
    case EndCause::reset_answered:
    case EndCause::peer_gone:
    case EndCause::not_read:
    case EndCause::unknown_there:
    case EndCause::reset_there: return false;
    }
    return false;
}

} // namespace tcpdwell::analysis
