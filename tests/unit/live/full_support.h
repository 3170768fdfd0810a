// SPDX-License-Identifier: Apache-2.0
// A host that has everything.
#pragma once

#include <cstdint>

#include "live/kernel_support.h"

namespace tcpdwell::test {

constexpr std::uint64_t tw_address = 0xffffffff82006870, reqsk_address = 0xffffffff82008db0;

inline live::KernelSupport full_support() {
    using live::FunctionFact, live::Support;
    live::KernelSupport support;
    support.release = "6.18.1-amd64";
    support.version = {6, 18};
    support.machine = "x86_64";
    support.capabilities = {true, true, true, true, true, true, true};
    for (Support* fact : {&support.memlock,
                          &support.btf,
                          &support.types,
                          &support.jiffies,
                          &support.inet_sock_set_state,
                          &support.timer_start,
                          &support.timer_cancel,
                          &support.timer_expire_entry,
                          &support.tcp_receive_reset,
                          &support.tcp_send_reset,
                          &support.tcp_retransmit_skb,
                          &support.sched_process_fork,
                          &support.tracing_programs,
                          &support.socket_cookie,
                          &support.tcp_iterator,
                          &support.functions,
                          &support.migrations,
                          &support.accept_function,
                          &support.reset_reason,
                          &support.entry_stamp,
                          &support.stacks,
                          &support.sock_diag})
        *fact = Support::yes();
    support.tw_timer_handler = {FunctionFact::Status::found, tw_address, {}};
    support.reqsk_timer_handler = {FunctionFact::Status::found, reqsk_address, {}};
    support.stack_ranges = {{TD_STACK_RUN_TIMERS, 1, 2, "__run_timers"}};
    support.accept_id = 2231;
    support.accept4_id = 2233;
    return support;
}

} // namespace tcpdwell::test
