// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The programs: guard, filter, fill, submit. Dwell times are computed and endings classified
 * elsewhere, so that all of it can be tested without a kernel. What fires when, and in which order:
 * userspace/track/EVENTS.md.
 */
#include "kernel.bpf.h"

#include <bpf/bpf_tracing.h>

#include "accept.bpf.h"
#include "config.bpf.h"
#include "emit.bpf.h"
#include "filter.bpf.h"
#include "hook.bpf.h"
#include "minis.bpf.h"
#include "nested.bpf.h"
#include "numbers.bpf.h"
#include "resets.bpf.h"
#include "socket.bpf.h"
#include "task.bpf.h"
#ifndef TCPDWELL_RAW
#include "fentry.bpf.h"
#endif

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The local port at a transition: skc_num is already 0 at ->CLOSE, and inet_sport still that of the
 * previous attempt on the same socket at ->SYN_SENT. */
static __always_inline __u16 local_port(const struct sock *sk, const struct tcp_sock *tp, int to)
{
    __u16 port = READ(sk, __sk_common.skc_num);

    if (to == TCP_CLOSE && port == 0 && tp)
        port = bpf_ntohs(READ(tp, inet_conn.icsk_inet.inet_sport));
    return port;
}

/* 0 if the socket never had a retransmission timer. */
static __always_inline unsigned long retransmission_expires(const struct sock *sk,
                                                            const struct tcp_sock *tp)
{
    if (bpf_core_field_exists(sk->tcp_retransmit_timer))
        return READ(sk, tcp_retransmit_timer.expires);
    return READ(tp, inet_conn.icsk_retransmit_timer.expires);
}

/* MPTCP, and TCP_REPAIR. */
static __always_inline __u16 kind_flags(const struct tcp_sock *tp)
{
    __u16 bits = READ_BITS(tp, repair) ? TD_STATE_REPAIR : 0;

    if (!is_subflow(tp)) return bits;
    bits |= TD_STATE_MPTCP;
    struct mptcp_subflow_context *subflow = READ(tp, inet_conn.icsk_ulp_data);
    struct mptcp_sock *above = (void *)mptcp_socket(tp);

    if (!subflow) return bits;
    if (bpf_core_field_exists(subflow->send_fastclose) &&
        BPF_CORE_READ_BITFIELD_PROBED(subflow, send_fastclose))
        bits |= TD_STATE_FASTCLOSE;
    if (bpf_core_field_exists(above->rcv_fastclose) && above && BPF_CORE_READ(above, rcv_fastclose))
        bits |= TD_STATE_FASTCLOSE;
    return bits;
}

static __always_inline __u16 state_flags(const struct sock *sk, const struct tcp_sock *tp,
                                         bool owned, int from, int to)
{
    unsigned long flags = READ(sk, __sk_common.skc_flags);
    __u16 bits = 0;

    if (owned) bits |= TD_STATE_OWNED;
    if (flags & (1 << SOCK_DEAD_BIT)) bits |= TD_STATE_ORPHAN;
    if (flags & (1 << SOCK_DONE_BIT)) bits |= TD_STATE_FIN_RECEIVED;
    if (READ(sk, sk_socket)) bits |= TD_STATE_HAS_SOCKET;
    if (to == TCP_CLOSE && tp) {
        if ((flags & (1 << SOCK_LINGER_BIT)) && READ(sk, sk_lingertime) == 0)
            bits |= TD_STATE_LINGER_ZERO;
        if (READ(tp, linger2) < 0) bits |= TD_STATE_LINGER2_NEG;
        if (READ(tp, inet_conn.icsk_user_timeout)) bits |= TD_STATE_USER_TIMEOUT;
        bits |= kind_flags(tp);
    }
    if (from == TCP_SYN_SENT && to == TCP_CLOSE && tp && READ(tp, packets_out))
        bits |= TD_STATE_UNANSWERED;
    /* A child made by a SYN with a TFO cookie has had its retransmission timer set for the SYN-ACK
     * (tcp_fastopen_create_child()); any other is made by the ACK that it now processes, its
     * SYN-ACK having been sent for the request socket, or with a SYN cookie. */
    if (from == TCP_SYN_RECV && tp && retransmission_expires(sk, tp)) bits |= TD_STATE_FASTOPEN;
    return bits;
}

static __always_inline void fill_state(struct td_state *r, const struct sock *sk,
                                       const struct tcp_sock *tp, int from, int to,
                                       const struct td_tuple *tuple, bool owned)
{
    r->sock = (__u64)sk;
    r->tuple = *tuple;
    r->from = from;
    r->to = to;
    r->error = READ(sk, sk_err);
    r->shutdown = READ(sk, sk_shutdown);
    r->flags = state_flags(sk, tp, owned, from, to);
    r->signal = 0;
}

/* What brought a process to this transition. */
static __always_inline void fill_manner(struct td_state *r, const struct sock *sk,
                                        const struct current_task *current)
{
    if (is_exiting(current)) {
        r->flags |= TD_STATE_EXITING;
        r->signal = ending_signal(current);
    }

    const struct socket *socket = READ(sk, sk_socket);
    if (!socket) return;
    const struct file *file = READ(socket, file);
    if (!file) return;
    const struct file___ref *by_ref = (const void *)file;
    const struct file___count *by_count = (const void *)file;
    bool released;

    if (bpf_core_field_exists(by_ref->f_ref))
        released = READ(by_ref, f_ref.refcnt.counter) < 0;
    else if (bpf_core_field_exists(by_count->f_count))
        released = READ(by_count, f_count.counter) == 0;
    else
        return;
    r->flags |= released ? TD_STATE_RELEASED : TD_STATE_KEPT;
}

static __always_inline void emit_numbers(struct sock *sk, struct tcp_sock *tp, __u32 netns,
                                         __u64 cookie, __u8 state)
{
    struct td_numbers *r = reserve(sizeof(*r), TD_PROBE_STATE);

    if (!r) return;
    fill_header(&r->h, sizeof(*r), TD_NUMBERS, netns);
    fill_numbers(r, sk, tp, cookie, state, knows_jiffies ? bpf_jiffies64() : 0);
    submit(r);
}

static __always_inline int trace_state(struct sock *sk, int from, int to, __u16 nested)
{
    /* Also fires for SCTP, DCCP and the MPTCP socket that stands above its subflows with the same
     * ports. */
    if (READ(sk, sk_protocol) != IPPROTO_TCP) return 0;

    if (from == TCP_LISTEN || from == TCP_SYN_RECV) note_child(to == TCP_SYN_RECV);

    /* It takes a call, and no other transition needs it. */
    struct tcp_sock *tp = to == TCP_CLOSE || from == TCP_SYN_RECV ? tcp_part(sk) : NULL;
    __u32 netns = netns_of(sk);
    struct td_tuple tuple;

    fill_tuple(&tuple, &sk->__sk_common, local_port(sk, tp, to));
    if (!netns_passes(netns)) return 0;
    /* Listeners are few, and their owners are needed for the connections that they accept. */
    bool listener = to == TCP_LISTEN || (from == TCP_LISTEN && to == TCP_CLOSE);
    if (!listener && !tuple_passes(&tuple)) return 0;

    /* Up to 6.12 the child carries its listener's cookie here, and gets its own only afterwards. */
    __u64 cookie = 0;
    if (!(from == TCP_LISTEN && to == TCP_SYN_RECV)) {
        cookie = READ(sk, __sk_common.skc_cookie.counter);
        if (!cookie && can_make_cookies) cookie = make_cookie(sk);
    }

    if (with_numbers && to == TCP_CLOSE && from != TCP_LISTEN && tp)
        emit_numbers(sk, tp, netns, cookie, from);

    bool owned = READ(sk, sk_lock.owned);
    if (owned || (from == TCP_SYN_RECV && to == TCP_ESTABLISHED)) {
        struct td_state_by_thread *r = reserve(sizeof(*r), TD_PROBE_STATE);
        if (!r) return 0;
        struct td_state *state = &r->by_task.state;
        fill_header(&state->h, sizeof(*r), TD_STATE, netns);
        fill_state(state, sk, tp, from, to, &tuple, owned);
        state->flags |= nested;
        state->cookie = cookie;
        state->has_task = 1;
        fill_owner(&r->by_task.task, sk);
        __builtin_memset(r->thread, 0, sizeof(r->thread));
        if (owned) {
            struct current_task current;

            read_current(&current);
            if (add_current(&current, &r->by_task.task, r->thread))
                fill_manner(state, sk, &current);
        }
        submit(r);
    } else {
        struct td_state *r = reserve(sizeof(*r), TD_PROBE_STATE);
        if (!r) return 0;
        fill_header(&r->h, sizeof(*r), TD_STATE, netns);
        fill_state(r, sk, tp, from, to, &tuple, owned);
        r->flags |= nested;
        r->cookie = cookie;
        r->has_task = 0;
        submit(r);
    }
    return 0;
}

/* Both are less than 16. */
static __always_inline __u8 transition(int from, int to) { return from << 4 | (to & 15); }

/* See nested.bpf.h for the pairs. */
TRACEPOINT(inet_sock_set_state)
int BPF_PROG(on_state, struct sock *sk, int from, int to)
{
    note(GUARD_STATE, sk, transition(from, to));
    trace_state(sk, from, to, 0);
    return 0;
}

TRACEPOINT(inet_sock_set_state)
int BPF_PROG(on_state_nested, struct sock *sk, int from, int to)
{
    if (skipped(GUARD_STATE, sk, transition(from, to))) trace_state(sk, from, to, TD_STATE_NESTED);
    return 0;
}

TRACEPOINT(timer_start)
int BPF_PROG(on_timer_start, struct timer_list *timer)
{
    on_timer(ctx, timer, TD_TIMER_START);
    return 0;
}

TRACEPOINT(timer_cancel)
int BPF_PROG(on_timer_cancel, struct timer_list *timer)
{
    on_timer(ctx, timer, TD_TIMER_CANCEL);
    return 0;
}

TRACEPOINT(timer_expire_entry)
int BPF_PROG(on_timer_expire, struct timer_list *timer)
{
    on_timer(ctx, timer, TD_TIMER_EXPIRE);
    return 0;
}

/* A new process, not a thread. */
TRACEPOINT(sched_process_fork)
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
    if (BPF_CORE_READ(child, group_leader) != child) return 0;

    struct td_fork *r = reserve(sizeof(*r), TD_PROBE_PORT);
    if (!r) return 0;
    fill_header(&r->h, sizeof(*r), TD_FORK, 0);
    r->parent = current_pid();
    r->pid = pid_of(child);
    submit(r);
    return 0;
}

/* A retransmitted SYN: by now the socket has a local port, which it hadn't at CLOSE -> SYN_SENT. */
TRACEPOINT(tcp_retransmit_skb)
int BPF_PROG(on_retransmit, struct sock *sk)
{
    if (READ(sk, __sk_common.skc_state) != TCP_SYN_SENT) return 0;

    __u32 netns = netns_of(sk);
    struct td_tuple tuple;

    fill_tuple(&tuple, &sk->__sk_common, READ(sk, __sk_common.skc_num));
    if (!netns_passes(netns) || !tuple_passes(&tuple)) return 0;

    struct td_port *r = reserve(sizeof(*r), TD_PROBE_PORT);
    if (!r) return 0;
    fill_header(&r->h, sizeof(*r), TD_PORT, netns);
    r->sock = (__u64)sk;
    r->cookie = READ(sk, __sk_common.skc_cookie.counter);
    r->tuple = tuple;
    submit(r);
    return 0;
}
