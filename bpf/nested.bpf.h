/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Nested events. The kernel doesn't run a tracing program that is running on the same CPU already
 * (prog->active,
 * __bpf_trace_run() in kernel/trace/bpf_trace.c): a softirq that interrupts one of ours would have
 * all its state changes skipped. So a program that can be interrupted by its own tracepoint has a
 * twin, attached after it. The first notes which event it has taken; the twin takes those that
 * haven't been noted. The notes of one CPU form a stack, since interrupts nest. (A flag "the first
 * is running" isn't enough: interrupts also come before it is set and after it is cleared.)
 *
 * Programs under the lock of a timer base run with interrupts off and need no twin; nor does a
 * system call's exit.
 */
#ifndef TCPDWELL_NESTED_BPF_H
#define TCPDWELL_NESTED_BPF_H

#include <bpf/bpf_helpers.h>

enum guard { GUARD_STATE, GUARD_RECEIVE_RESET, GUARD_SEND_RESET, GUARD_COUNT };

#define MOST_NESTED                                                                               \
    4 /* process, softirq, and room for strays; a power of two, so that a mask gives the verifier \
         the bounds */

struct notes {
    __u64 depth;
    __u64 events[MOST_NESTED];
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, GUARD_COUNT);
    __type(key, __u32);
    __type(value, struct notes);
} noted SEC(".maps");

/* Events taken by a twin; user space compares with recursion_misses to find what was lost
 * nevertheless. */
__u64 nested_events[GUARD_COUNT] = {};

/* Notes that the first has taken the event: `event` distinguishes it from any other that can nest
 * with it. */
static __always_inline void note(__u32 guard, __u64 event)
{
    __u32 key = guard;
    struct notes *n = bpf_map_lookup_elem(&noted, &key);

    if (!n) return;
    __u64 depth = *(volatile __u64 *)&n->depth;
    /* Strays are left behind where a task went to another CPU between the first and the twin
     * (tracepoints can be preempted since 7.x), and by events between the attachment of the two. */
    if (depth >= MOST_NESTED) depth = 0;
    *(volatile __u64 *)&n->events[depth & (MOST_NESTED - 1)] = event;
    *(volatile __u64 *)&n->depth = depth + 1;
}

/* For the twin: whether the first was skipped for this event. */
static __always_inline bool skipped(__u32 guard, __u64 event)
{
    __u32 key = guard;
    struct notes *n = bpf_map_lookup_elem(&noted, &key);

    if (!n) return false;
    __u64 depth = *(volatile __u64 *)&n->depth;
    if (depth > 0 && *(volatile __u64 *)&n->events[(depth - 1) & (MOST_NESTED - 1)] == event) {
        *(volatile __u64 *)&n->depth = depth - 1;
        return false;
    }
    __sync_fetch_and_add(&nested_events[guard], 1);
    return true;
}

#endif
