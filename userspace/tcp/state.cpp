// SPDX-License-Identifier: Apache-2.0
// The RFC's names of the TCP states, and the states of the kernel's numbers.
#include "tcp/state.h"

namespace tcpdwell {

std::string_view rfc_name(TcpState state) {
    switch (state) {
#define TCPDWELL_CASE(name, word, value, rfc) \
    case TcpState::name: return rfc;
        TCPDWELL_STATE_LIST(TCPDWELL_CASE)
#undef TCPDWELL_CASE
    }
    return {};
}

std::optional<TcpState> state_from_kernel(unsigned value) {
    constexpr unsigned kNewSynRecv = 12;
    constexpr unsigned kBoundInactive = 13;
    if (value >= 1 && value <= kCountOf<TcpState>) return static_cast<TcpState>(value);
    if (value == kNewSynRecv) return TcpState::SYN_RECV;
    if (value == kBoundInactive) return TcpState::CLOSE;
    return std::nullopt;
}

} // namespace tcpdwell
