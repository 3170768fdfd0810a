// SPDX-License-Identifier: Apache-2.0
// Names of the TCP states.
#include "tcp/state.h"

namespace tcpdwell {

std::string_view name(TcpState state) {
    switch (state) {
#define TCPDWELL_CASE(value, name, rfc) \
    case TcpState::name: return #name;
        TCPDWELL_STATE_LIST(TCPDWELL_CASE)
#undef TCPDWELL_CASE
    }
    return {};
}

std::string_view rfc_name(TcpState state) {
    switch (state) {
#define TCPDWELL_CASE(value, name, rfc) \
    case TcpState::name: return rfc;
        TCPDWELL_STATE_LIST(TCPDWELL_CASE)
#undef TCPDWELL_CASE
    }
    return {};
}

std::optional<TcpState> state_from_kernel(unsigned value) {
    constexpr unsigned kNewSynRecv = 12;
    constexpr unsigned kBoundInactive = 13;
    if (value >= 1 && value <= kAllStates.size()) return static_cast<TcpState>(value);
    if (value == kNewSynRecv) return TcpState::SYN_RECV;
    if (value == kBoundInactive) return TcpState::CLOSE;
    return std::nullopt;
}

} // namespace tcpdwell
