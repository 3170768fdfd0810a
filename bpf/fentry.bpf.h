/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The second probe set: the kernel functions that make, set anew and end mini-sockets and request
 * sockets. It costs nothing while none of them is called, whereas the tracepoints of timers
 * (minis.bpf.h) fire for every timer of the machine; and it sees each change of a mini-socket,
 * whether or not its timer moves to another bucket of the wheel.
 *
 * Only functions whose calls can't be inlined everywhere: they are called from other translation
 * units of the kernel, or through a pointer. That they really fire is proved on a connection of our
 * own before they are relied on (userspace/live/fentry_trial).
 */
#ifndef TCPDWELL_FENTRY_BPF_H
#define TCPDWELL_FENTRY_BPF_H

#include <bpf/bpf_tracing.h>

#include "minis.bpf.h"

/* The mini-socket whose timer is expiring on this CPU: the handler runs to its end there, in
 * softirq context. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} expiring SEC(".maps");

/* In 5.10 and 6.1 the timer has been set by now. */
SEC("?fentry/inet_twsk_hashdance")
int BPF_PROG(on_mini_hashed, struct inet_timewait_sock *tw)
{
    emit_timewait(ctx, tw, TD_TIMER_START, BPF_CORE_READ(tw, tw_timer.expires), false);
    return 0;
}

/* In 6.12 and later: this sets the timer itself. */
SEC("?fentry/inet_twsk_hashdance_schedule")
int BPF_PROG(on_mini_scheduled, struct inet_timewait_sock *tw, struct sock *sk, void *hashinfo,
             int length)
{
    emit_timewait(ctx, tw, TD_TIMER_START, bpf_jiffies64() + length, false);
    return 0;
}

/* Called for the first time a mini-socket's timer is set, and for each time it is set anew. 5.10
 * leaves the upper bytes of a bool argument undefined. */
SEC("?fentry/__inet_twsk_schedule")
int BPF_PROG(on_mini_rearmed, struct inet_timewait_sock *tw, int length, __u64 anew)
{
    if (anew & 0xff) emit_timewait(ctx, tw, TD_TIMER_REARM, bpf_jiffies64() + length, false);
    return 0;
}

SEC("?fentry/tw_timer_handler")
int BPF_PROG(on_mini_expired, struct timer_list *timer)
{
    struct inet_timewait_sock *tw =
        (void *)timer - bpf_core_field_offset(struct inet_timewait_sock, tw_timer);
    __u32 key = 0;
    __u64 *now = bpf_map_lookup_elem(&expiring, &key);

    if (now) *now = (__u64)tw;
    emit_timewait(ctx, tw, TD_TIMER_EXPIRE, timer->expires, false);
    return 0;
}

/* Where inet_twsk_kill() is inlined here, nothing else clears the note of the mini-socket, whose
 * address is soon another one's. */
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
    emit_timewait(ctx, tw, TD_TIMER_KILL, BPF_CORE_READ(tw, tw_timer.expires), true);
    return 0;
}

/* At its exit, because the SYN may turn out to be one that is being answered already. Then later
 * kernels return false, in 7.2 after two arguments, before it after three; a read of what a kernel
 * doesn't have is dead code to it. */
SEC("?fexit/inet_csk_reqsk_queue_hash_add")
int BPF_PROG(on_request_hashed, struct sock *sk, struct request_sock *req)
{
    if (hash_add_result == 2 && !(ctx[2] & 0xff)) return 0;
    if (hash_add_result == 3 && !(ctx[3] & 0xff)) return 0;
    emit_request(ctx, req, TD_TIMER_START, false);
    return 0;
}

/* The timer of a request that is dropped because it has run out isn't pending. */
static __always_inline bool is_pending(const struct request_sock *req)
{
    return BPF_CORE_READ(req, rsk_timer.entry.pprev);
}

SEC("?fentry/inet_csk_reqsk_queue_drop")
int BPF_PROG(on_request_dropped, struct sock *sk, struct request_sock *req)
{
    emit_request(ctx, req, TD_TIMER_CANCEL, is_pending(req));
    return 0;
}

/* Calls the former, perhaps inlined. */
SEC("?fentry/inet_csk_reqsk_queue_drop_and_put")
int BPF_PROG(on_request_dropped_and_put, struct sock *sk, struct request_sock *req)
{
    emit_request(ctx, req, TD_TIMER_CANCEL, is_pending(req));
    return 0;
}

/* The request that another listener has taken over last, on this CPU. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} migrated SEC(".maps");

/* A request whose listener is gone, and for which there is another one in its group
 * (tcp_migrate_req, Linux 5.14): it goes on as a copy (inet_reqsk_clone()), made either by
 * reqsk_timer_handler() or when the handshake is complete. Children that wait for accept() come by
 * here, too. */
SEC("?fexit/reuseport_migrate_sock")
int BPF_PROG(on_request_migrated, struct sock *sk, struct sock *migrating, struct sk_buff *skb,
             struct sock *heir)
{
    __u32 key = 0;
    __u64 *last = bpf_map_lookup_elem(&migrated, &key);

    if (!heir || BPF_CORE_READ(migrating, __sk_common.skc_state) != TCP_NEW_SYN_RECV) return 0;
    if (last) *last = (__u64)migrating;
    emit_request(ctx, (struct request_sock *)migrating, TD_TIMER_REARM, false);
    return 0;
}

/* At its exit: if the SYN-ACK has been sent again the timer is pending again; else the request has
 * been given up, unless it lives on as a copy. */
SEC("?fexit/reqsk_timer_handler")
int BPF_PROG(on_request_expired, struct timer_list *timer)
{
    struct request_sock *req =
        (void *)timer - bpf_core_field_offset(struct request_sock, rsk_timer);
    __u32 key = 0;
    __u64 *last = bpf_map_lookup_elem(&migrated, &key);

    if (last && *last == (__u64)req)
        *last = 0;
    else if (!BPF_CORE_READ(timer, entry.pprev))
        emit_request(ctx, req, TD_TIMER_EXPIRE, false);
    return 0;
}

#endif
