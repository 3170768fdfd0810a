// SPDX-License-Identifier: Apache-2.0
// How a connection ended, from what was seen: pure functions over evidence. Absence of evidence
// counts only where nothing can have been lost.
#pragma once

#include <cstdint>
#include <optional>

#include "tcp/close.h"
#include "tcp/state.h"
#include "tcpdwell/wire.h"

namespace tcpdwell::track {

/// What was seen when a full socket went to CLOSE without leaving a mini-socket.
struct SocketClose {
    tcp::State from;
    tcp::Role role;
    std::uint8_t error;    ///< sk_err
    std::uint8_t shutdown; ///< sk_shutdown; 3 (SHUTDOWN_MASK) once close() has been called
    std::uint16_t flags;   ///< td_state_flags
    bool has_local_port;
    bool reset_received; ///< tcp_receive_reset at about the same time
    bool reset_sent;     ///< tcp_send_reset at about the same time
    bool reset_reply;    ///< it answered a segment
    td_reset_reason reset_reason;
    bool uncertain; ///< events may have been lost since the previous event of the connection
    bool cut_off;   ///< recording stopped before all that follows a close would have been seen
};

/// How a mini-socket ended.
struct MiniClose {
    tcp::State substate; ///< FIN_WAIT2 or TIME_WAIT
    bool expired;        ///< its timer ran out; else it was killed
    std::uint16_t stack; ///< td_stack bits of the cancel; 0: not taken
    bool answered_reset; ///< an RST was sent for the mini-socket (recorded since Linux 6.10)
    std::optional<tcp::TimeWaitEnd>
        follower; ///< reused or recycled, by the connection that took over the four-tuple
};

/// How a request socket ended that has become no connection.
struct RequestClose {
    bool expired;        ///< its timer ran out
    std::uint16_t stack; ///< td_stack bits of where it was dropped; 0: not taken
    bool reset_sent;     ///< its listener has sent an RST for it at about the same time
};

struct Classification {
    tcp::Ending ending = tcp::Ending::unknown;
    tcp::EndingDetail detail = tcp::EndingDetail::none;
    std::optional<tcp::TimeWaitEnd> time_wait; ///< set where a TIME_WAIT was, or should have been

    constexpr Classification() = default;
    constexpr explicit Classification(tcp::Ending e, tcp::EndingDetail d = tcp::EndingDetail::none,
                                      std::optional<tcp::TimeWaitEnd> t = std::nullopt)
        : ending(e), detail(d), time_wait(t) {}
};

Classification classify(const SocketClose& close);
Classification classify(const MiniClose& close);
Classification classify(const RequestClose& close);

/// Who closed first, where no FIN had decided it before the ending.
tcp::ClosedFirst closed_first_by(tcp::Ending ending);

} // namespace tcpdwell::track
