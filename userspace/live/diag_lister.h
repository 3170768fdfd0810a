// SPDX-License-Identifier: Apache-2.0
// The listing from sock_diag, for kernels without iter/tcp. It shows no kernel addresses: what it
// lists is known by four-tuple and cookie (which being listed gives every socket). Timers are
// reported in whole milliseconds from the moment of the listing, the owner only of sockets that a
// process holds, and cgroups (since Linux 5.8, commit 6e3a401fc8af).
#pragma once

#include <cstdint>
#include <optional>

#include "event/filter.h"
#include "live/kernel_clock.h"
#include "live/socket_lister.h"
#include "tcpdwell/wire.h"

namespace tcpdwell::live {

struct DiagSocket;

/// The record of a listed socket, with sock 0. What sock_diag doesn't report is recorded as not
/// known.
td_socket diag_record(const DiagSocket& socket, std::uint32_t netns, const JiffiesClock& clock);

/// What sock_diag reports of a full socket's numbers without INET_DIAG_INFO (tcp_diag_get_info(),
/// net/ipv4/tcp_diag.c); the others are recorded as not known.
td_numbers diag_numbers(const DiagSocket& socket, std::uint32_t netns);

class DiagLister final : public SocketLister {
public:
    /// `clock` gives the timers' jiffies.
    DiagLister(const JiffiesClock& clock, const event::Filter& filter);

    Result<void> list(const event::RecordSink& sink) override;
    Result<void> list_waiting(std::uint64_t idle, const event::RecordSink& sink) override;
    Result<void> sweep(std::uint64_t expires, const event::RecordSink& sink) override;

private:
    JiffiesClock clock_;
    event::Filter filter_;
    std::optional<std::uint64_t>
        unswept_since_; ///< `expires` of sweeps that had to leave something out
};

} // namespace tcpdwell::live
