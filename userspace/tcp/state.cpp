// SPDX-License-Identifier: Apache-2.0
// The RFC's names of the TCP states, and the states of the kernel's numbers.
#include "tcp/state.h"

namespace tcpdwell::tcp {

std::string_view rfc_name(State state) {
    switch (state) {
#define TCPDWELL_CASE(name, word, value, rfc) \
    case State::name: return rfc;
        TCPDWELL_STATE_LIST(TCPDWELL_CASE)
#undef TCPDWELL_CASE
    }
    return {};
}

std::optional<State> state_from_kernel(unsigned value) {
    constexpr unsigned kNewSynRecv = 12;
    constexpr unsigned kBoundInactive = 13;
    if (value >= 1 && value <= kCountOf<State>) return static_cast<State>(value);
    if (value == kNewSynRecv) return State::SYN_RECV;
    if (value == kBoundInactive) return State::CLOSE;
    return std::nullopt;
}

} // namespace tcpdwell::tcp
