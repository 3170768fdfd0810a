/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Nested events. The kernel doesn't run a tracing program that is running on the same CPU already
 * (prog->active,
 * __bpf_trace_run() in kernel/trace/bpf_trace.c): a softirq that interrupts one of ours would have
 * all its state changes skipped. So a program that can be interrupted by its own tracepoint has a
 * twin, attached after it. The first notes which event it has taken; the twin takes those that
 * haven't been noted. (A flag "the first is running" isn't enough: interrupts also come before it
 * is set and after it is cleared.)
 *
 * Since 7.x tracepoints are preemptible: between the two another task can run on this CPU, for as
 * long as it likes, and the first task can go on on another CPU. So a note has a place of its own,
 * by its socket, and isn't the top of a stack; and what the twin takes is marked TD_STATE_NESTED,
 * because in the latter case it is written twice.
 *
 * Programs under the lock of a timer base run with interrupts off and need no twin; nor does a
 * system call's exit.
 */
#ifndef TCPDWELL_NESTED_BPF_H
#define TCPDWELL_NESTED_BPF_H

#include <bpf/bpf_helpers.h>

#include "hook.bpf.h"

enum guard { GUARD_STATE, GUARD_RECEIVE_RESET, GUARD_SEND_RESET, GUARD_COUNT };

#define NOTES \
    64 /* per CPU and guard; a power of two, so that a mask gives the verifier the bounds */

struct notes {
    __u64 events[NOTES];
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

struct event {
    __u64 id;
    volatile __u64 *place;
};

/* What distinguishes an event of `sk` from all that can come between the first and its twin on one
 * CPU, and the place for its note; false if there is none. `kind` goes where the addresses of all
 * sockets are the same. */
static __always_inline bool find_event(struct event *e, __u32 guard, const struct sock *sk,
                                       __u8 kind)
{
    struct notes *n = bpf_map_lookup_elem(&noted, &guard);

    if (!n) return false;
    __u64 number = number_of(sk, n);

    e->id = number ^ (__u64)kind << 56;
    /* Sockets are some KiB apart: the product spreads them over all places. */
    e->place = &n->events[((__u32)(number >> 6) * 0x9E3779B1u) >> 26 & (NOTES - 1)];
    return true;
}

/* Notes that the first has taken the event. A note that is overwritten, and one that a migrated
 * task leaves behind, cost a record that is written twice. */
static __always_inline void note(__u32 guard, const struct sock *sk, __u8 kind)
{
    struct event e;

    if (find_event(&e, guard, sk, kind)) *e.place = e.id;
}

/* For the twin: whether the first was skipped for this event. */
static __always_inline bool skipped(__u32 guard, const struct sock *sk, __u8 kind)
{
    struct event e;

    if (!find_event(&e, guard, sk, kind)) return false;
    if (*e.place == e.id) {
        *e.place = 0;
        return false;
    }
    __sync_fetch_and_add(&nested_events[guard], 1);
    return true;
}

#endif
