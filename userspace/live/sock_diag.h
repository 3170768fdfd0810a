// SPDX-License-Identifier: Apache-2.0
// The kernel's own list of TCP sockets of one network namespace, through NETLINK_SOCK_DIAG (what ss
// uses).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "tcp/address.h"
#include "tcp/state.h"

struct nlmsghdr;

namespace tcpdwell::live {

/// The timer that runs for a socket; values of inet_diag_msg::idiag_timer.
enum class DiagTimer : std::uint8_t {
    none = 0,
    retransmit = 1,
    keepalive = 2,
    time_wait = 3,
    zero_window_probe = 4
};

/// One socket as sock_diag shows it.
struct DiagSocket {
    MonoTime asked{};                     ///< the kernel looked at it between these two,
    MonoTime seen{};                      ///< which mostly are less than a millisecond apart
    tcp::State state = tcp::State::CLOSE; ///< of a mini-socket its substate, of a request SYN_RECV
    bool mini = false;                    ///< an inet_timewait_sock: no inode, uid or cgroup
    bool request = false;                 ///< a request_sock: the same
    tcp::FourTuple tuple;
    std::uint32_t interface = 0; ///< bound interface index, 0 if none
    std::uint64_t cookie = 0;
    std::uint64_t inode =
        0; ///< of the socket's file; 0 if no process has it: not accepted yet, or orphaned
    std::optional<std::uint32_t> uid;
    DiagTimer timer = DiagTimer::none;
    std::uint8_t retransmits = 0;
    std::chrono::milliseconds expires{}; ///< until the timer's nominal end; 0 without a timer
    std::uint32_t receive_queue = 0; ///< bytes; of a listener: connections that wait for accept()
    std::uint32_t send_queue = 0;    ///< bytes; of a listener: the limit of its accept queue
    std::uint64_t cgroup = 0;        ///< cgroup v2 id; 0: not known
};

/// Bit 1 << state for each of the states ESTABLISHED to CLOSING; SYN_RECV includes requests.
inline constexpr std::uint32_t all_diag_states = 0xffe;

/// TCP sockets of the calling thread's network namespace, both families: listeners, full sockets,
/// mini-sockets and requests. Not: MPTCP sockets (their subflows are), sockets in CLOSE. The kernel
/// walks its tables in pieces, so sockets that come or go meanwhile may be missing. Side effect:
/// the kernel generates a cookie for every socket listed. Needs no rights.
Result<std::vector<DiagSocket>> dump_tcp_sockets(std::uint32_t states = all_diag_states);

/// The socket in one netlink message of type SOCK_DIAG_BY_FAMILY; nullopt if it is cut short or in
/// no TCP state.
std::optional<DiagSocket> parse_diag_message(const nlmsghdr& message);

} // namespace tcpdwell::live
