// SPDX-License-Identifier: Apache-2.0
// The TCP states: one list, from which the enum, the names and the tests come.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tcpdwell {

// value as in the kernel (include/net/tcp_states.h), Linux name, name in RFC 9293, section 3.3.2
#define TCPDWELL_STATE_LIST(X)       \
    X(1, ESTABLISHED, "ESTABLISHED") \
    X(2, SYN_SENT, "SYN-SENT")       \
    X(3, SYN_RECV, "SYN-RECEIVED")   \
    X(4, FIN_WAIT1, "FIN-WAIT-1")    \
    X(5, FIN_WAIT2, "FIN-WAIT-2")    \
    X(6, TIME_WAIT, "TIME-WAIT")     \
    X(7, CLOSE, "CLOSED")            \
    X(8, CLOSE_WAIT, "CLOSE-WAIT")   \
    X(9, LAST_ACK, "LAST-ACK")       \
    X(10, LISTEN, "LISTEN")          \
    X(11, CLOSING, "CLOSING")

enum class TcpState : std::uint8_t {
#define TCPDWELL_ENUM(value, name, rfc) name = value,
    TCPDWELL_STATE_LIST(TCPDWELL_ENUM)
#undef TCPDWELL_ENUM
};

inline constexpr std::array kAllStates = {
#define TCPDWELL_ENTRY(value, name, rfc) TcpState::name,
    TCPDWELL_STATE_LIST(TCPDWELL_ENTRY)
#undef TCPDWELL_ENTRY
};

/// Linux name: "FIN_WAIT1".
std::string_view name(TcpState state);
/// Name in RFC 9293: "FIN-WAIT-1".
std::string_view rfc_name(TcpState state);

/// The state that a kernel value means to a user. TCP_NEW_SYN_RECV (12) is SYN_RECV in a request socket (kernel
/// tcp_states.h); TCP_BOUND_INACTIVE (13, since 6.8, only ever shown by sock_diag) is CLOSE. nullopt: not a TCP state.
std::optional<TcpState> state_from_kernel(unsigned value);

} // namespace tcpdwell
