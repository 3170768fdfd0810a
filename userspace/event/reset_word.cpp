// SPDX-License-Identifier: Apache-2.0
#include "event/reset_word.h"

namespace tcpdwell::event {

std::string_view reset_word(td_reset_reason reason) {
    switch (reason) {
    case TD_REASON_UNKNOWN: return {};
    case TD_REASON_OTHER: return "other";
    case TD_REASON_ABORT_ON_DATA: return "tcp_abort_on_data";
    case TD_REASON_ABORT_ON_CLOSE: return "tcp_abort_on_close";
    case TD_REASON_ABORT_ON_LINGER: return "tcp_abort_on_linger";
    case TD_REASON_ABORT_ON_MEMORY: return "tcp_abort_on_memory";
    case TD_REASON_STATE: return "tcp_state";
    case TD_REASON_KEEPALIVE: return "tcp_keepalive_timeout";
    case TD_REASON_TIMEWAIT: return "tcp_timewait_socket";
    case TD_REASON_NO_SOCKET: return "no_socket";
    case TD_REASON_FLAGS: return "tcp_flags";
    }
    return {};
}

} // namespace tcpdwell::event
