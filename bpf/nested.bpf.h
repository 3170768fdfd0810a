/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Nested events. The kernel doesn't run a tracing program that is running on the same CPU already (since 5.12 or so: prog->active,
 * __bpf_trace_run() in kernel/trace/bpf_trace.c). A softirq that interrupts one of ours, on the way out of the timer interrupt say,
 * would have all its state changes skipped. So each program that can be interrupted by its own tracepoint has a twin: the first
 * says that it is running, and the twin takes the events for which the first is skipped. Programs under the lock of a timer base
 * run with interrupts off and need none; timer_*, sys_exit_accept.
 */
#ifndef TCPDWELL_NESTED_BPF_H
#define TCPDWELL_NESTED_BPF_H

#include <bpf/bpf_helpers.h>

enum guard { GUARD_STATE, GUARD_RECEIVE_RESET, GUARD_SEND_RESET, GUARD_COUNT };

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, GUARD_COUNT);
    __type(key, __u32);
    __type(value, __u32);
} running SEC(".maps");

/* Events taken by a twin; user space compares with recursion_misses to tell what was lost all the same. */
__u64 nested_events[GUARD_COUNT] = {};

static __always_inline void set_running(__u32 guard, __u32 value)
{
    __u32 key = guard;
    __u32 *flag = bpf_map_lookup_elem(&running, &key);

    if (flag) *(volatile __u32 *)flag = value;
}

static __always_inline void enter(__u32 guard)
{
    set_running(guard, 1);
}

static __always_inline void leave(__u32 guard)
{
    set_running(guard, 0);
}

static __always_inline bool interrupted(__u32 guard)
{
    __u32 key = guard;
    __u32 *flag = bpf_map_lookup_elem(&running, &key);

    if (!flag || !*(volatile __u32 *)flag) return false;
    __sync_fetch_and_add(&nested_events[guard], 1);
    return true;
}

#endif
