/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The second probe set: the kernel functions that make, set anew and end mini-sockets and request sockets. It costs
 * nothing while none of them is called, whereas the tracepoints of timers (minis.bpf.h) fire for every timer of the
 * machine; and it sees each change of a mini-socket, whether or not its timer moves to another bucket of the wheel.
 *
 * Only functions whose calls can't be inlined everywhere: they are called from other translation units of the kernel,
 * or through a pointer. That they really fire is proved on a connection of our own before they are relied on
 * (userspace/live/fentry_trial).
 */
#ifndef TCPDWELL_FENTRY_BPF_H
#define TCPDWELL_FENTRY_BPF_H

#include <bpf/bpf_tracing.h>

#include "minis.bpf.h"

/* The mini-socket whose timer is expiring on this CPU: the handler runs to its end there, in softirq context. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} expiring SEC(".maps");

static __always_inline void begin_mini(struct inet_timewait_sock *tw, __u64 expires)
{
    emit_timewait(tw, TD_TIMER_START, expires, 0);
}

/* In 5.10 and 6.1 the timer has been set by now. */
SEC("?fentry/inet_twsk_hashdance")
int BPF_PROG(on_mini_hashed, struct inet_timewait_sock *tw)
{
    begin_mini(tw, BPF_CORE_READ(tw, tw_timer.expires));
    return 0;
}

/* In 6.12 and later: this sets the timer itself. */
SEC("?fentry/inet_twsk_hashdance_schedule")
int BPF_PROG(on_mini_scheduled, struct inet_timewait_sock *tw, struct sock *sk, void *hashinfo, int length)
{
    begin_mini(tw, bpf_jiffies64() + length);
    return 0;
}

/* Called for the first time a mini-socket's timer is set, and for each time it is set anew. 5.10 leaves what it likes
 * in the upper bytes of a bool argument. */
SEC("?fentry/__inet_twsk_schedule")
int BPF_PROG(on_mini_rearmed, struct inet_timewait_sock *tw, int length, __u64 anew)
{
    if (anew & 0xff) emit_timewait(tw, TD_TIMER_REARM, bpf_jiffies64() + length, 0);
    return 0;
}

SEC("?fentry/tw_timer_handler")
int BPF_PROG(on_mini_expired, struct timer_list *timer)
{
    struct inet_timewait_sock *tw = (void *)timer - bpf_core_field_offset(struct inet_timewait_sock, tw_timer);
    __u32 key = 0;
    __u64 *now = bpf_map_lookup_elem(&expiring, &key);

    if (now) *now = (__u64)tw;
    emit_timewait(tw, TD_TIMER_EXPIRE, timer->expires, 0);
    return 0;
}

/* Where inet_twsk_kill() is inlined here, nobody else forgets the mini-socket, whose address is soon another one's. */
SEC("?fexit/tw_timer_handler")
int BPF_PROG(on_mini_expiry_done, struct timer_list *timer)
{
    __u32 key = 0;
    __u64 *now = bpf_map_lookup_elem(&expiring, &key);

    if (now) *now = 0;
    return 0;
}

/* The end of every mini-socket. */
SEC("?fentry/inet_twsk_kill")
int BPF_PROG(on_mini_killed, struct inet_timewait_sock *tw)
{
    __u32 key = 0;
    __u64 *now = bpf_map_lookup_elem(&expiring, &key);

    if (now && *now == (__u64)tw) return 0;
    emit_timewait(tw, TD_TIMER_KILL, BPF_CORE_READ(tw, tw_timer.expires), stack_bits(ctx));
    return 0;
}

/* At its exit, because the SYN may turn out to be one that is being answered already (later kernels then say so). */
SEC("?fexit/inet_csk_reqsk_queue_hash_add")
int BPF_PROG(on_request_hashed, struct sock *sk, struct request_sock *req, unsigned long length)
{
    emit_request(req, TD_TIMER_START);
    return 0;
}

SEC("?fexit/inet_csk_reqsk_queue_hash_add")
int BPF_PROG(on_request_hashed_or_not, struct sock *sk, struct request_sock *req, unsigned long length, __u64 hashed)
{
    if (hashed & 0xff) emit_request(req, TD_TIMER_START);
    return 0;
}

/* In 7.2 without the time-out. */
SEC("?fexit/inet_csk_reqsk_queue_hash_add")
int BPF_PROG(on_request_hashed_or_not_72, struct sock *sk, struct request_sock *req, __u64 hashed)
{
    if (hashed & 0xff) emit_request(req, TD_TIMER_START);
    return 0;
}

SEC("?fentry/inet_csk_reqsk_queue_drop")
int BPF_PROG(on_request_dropped, struct sock *sk, struct request_sock *req)
{
    emit_request(req, TD_TIMER_CANCEL);
    return 0;
}

/* Calls the former, perhaps inlined. */
SEC("?fentry/inet_csk_reqsk_queue_drop_and_put")
int BPF_PROG(on_request_dropped_and_put, struct sock *sk, struct request_sock *req)
{
    emit_request(req, TD_TIMER_CANCEL);
    return 0;
}

/* At its exit: if the SYN-ACK has been sent again the timer is pending again, else the request has been given up. */
SEC("?fexit/reqsk_timer_handler")
int BPF_PROG(on_request_expired, struct timer_list *timer)
{
    if (!BPF_CORE_READ(timer, entry.pprev))
        emit_request((void *)timer - bpf_core_field_offset(struct request_sock, rsk_timer), TD_TIMER_EXPIRE);
    return 0;
}

#endif
