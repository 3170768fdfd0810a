// SPDX-License-Identifier: Apache-2.0
// The TCP states: one list, from which the enum, the names, the order in tables and the tests come.
#pragma once

#include <optional>

#include "base/word_enum.h"

namespace tcpdwell::tcp {

// In the order of a connection's life: opening, open, closed by this side first, closed by the peer
// first, over. Tables, charts and the page show states in this order (kAllOf<State>).
// Linux name, the same as a word, value in the kernel (include/net/tcp_states.h), name in RFC 9293,
// section 3.3.2
#define TCPDWELL_STATE_LIST(X)                      \
    X(LISTEN, "LISTEN", 10, "LISTEN")               \
    X(SYN_SENT, "SYN_SENT", 2, "SYN-SENT")          \
    X(SYN_RECV, "SYN_RECV", 3, "SYN-RECEIVED")      \
    X(ESTABLISHED, "ESTABLISHED", 1, "ESTABLISHED") \
    X(FIN_WAIT1, "FIN_WAIT1", 4, "FIN-WAIT-1")      \
    X(FIN_WAIT2, "FIN_WAIT2", 5, "FIN-WAIT-2")      \
    X(CLOSING, "CLOSING", 11, "CLOSING")            \
    X(TIME_WAIT, "TIME_WAIT", 6, "TIME-WAIT")       \
    X(CLOSE_WAIT, "CLOSE_WAIT", 8, "CLOSE-WAIT")    \
    X(LAST_ACK, "LAST_ACK", 9, "LAST-ACK")          \
    X(CLOSE, "CLOSE", 7, "CLOSED")

enum class State : std::uint8_t {
#define TCPDWELL_VALUE(name, word, value, rfc) name = value,
    TCPDWELL_STATE_LIST(TCPDWELL_VALUE)
#undef TCPDWELL_VALUE
};

/// name(): the Linux name, "FIN_WAIT1".
TCPDWELL_ENUM_WORDS(State, TCPDWELL_STATE_LIST)

/// Name in RFC 9293: "FIN-WAIT-1".
std::string_view rfc_name(State state);

/// Whether it is a state of a connection: LISTEN and CLOSE are states without one.
constexpr bool has_connection(State state) {
    return state != State::LISTEN && state != State::CLOSE;
}

/// The state that a kernel value means to a user. TCP_NEW_SYN_RECV (12) is SYN_RECV in a request
/// socket (kernel tcp_states.h); TCP_BOUND_INACTIVE (13, since 6.8, only ever shown by sock_diag)
/// is CLOSE. nullopt: not a TCP state.
std::optional<State> state_from_kernel(unsigned value);

} // namespace tcpdwell::tcp
