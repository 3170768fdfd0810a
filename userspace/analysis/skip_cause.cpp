// SPDX-License-Identifier: Apache-2.0
// No default in these: the compiler asks for each new ending, and each detail of one.
#include "analysis/skip_cause.h"

namespace tcpdwell::analysis {
namespace {

SkipCause cause_of_reset(tcp::EndingDetail detail) {
    using enum tcp::EndingDetail;
    switch (detail) {
    case so_linger_zero: return SkipCause::so_linger_zero;
    case unread_data: return SkipCause::unread_data;
    case data_after_close: return SkipCause::data_after_close;
    case linger2: return SkipCause::linger2;
    case none:
    case listener_closed:
    case disconnect:
    case admin_kill:
    case orphan_limit:
    case retransmission:
    case user_timeout:
    case keepalive:
    case timeout:
    case unreachable:
    case no_port:
    case given_up:
    case mptcp_fastclose:
    case repair:
    case reset_sent:
    case reset_received:
    case peer_fin_not_seen: break;
    }
    return SkipCause::other_reset_sent;
}

} // namespace

std::optional<SkipCause> skip_cause(const track::ConnectionLine& line) {
    if (line.closed_first != tcp::ClosedFirst::local && line.closed_first != tcp::ClosedFirst::both)
        return std::nullopt;
    if (line.time_wait && line.time_wait->end != tcp::TimeWaitEnd::overflow) return std::nullopt;
    if (line.time_wait) return SkipCause::overflow;
    using enum tcp::Ending;
    switch (line.ending) {
    case reset_sent: return cause_of_reset(line.detail);
    case reset_received: return SkipCause::reset_received;
    case timed_out: return SkipCause::timed_out;
    case fin_wait2_expired: return SkipCause::fin_wait2_expired;
    case fin:
    case refused:
    case connect_failed:
    case handshake_failed:
    case dropped_silently: // on purpose, and nothing of TCP's closing took place
    case open:
    case unknown: break;
    }
    return std::nullopt;
}

} // namespace tcpdwell::analysis
