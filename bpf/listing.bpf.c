// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The listing: every TCP socket of one network namespace, in whatever form the kernel keeps it,
 * written as td_socket records to the iterator's file (iter/tcp, Linux 5.9). Also used to sweep for
 * mini-sockets that went from FIN_WAIT2 to TIME_WAIT, which fires no event, to find the sockets
 * that wait for a process or a peer, and to learn the addresses of the timer functions where
 * /proc/kallsyms hides them.
 */
#include "kernel.bpf.h"

#include <bpf/bpf_tracing.h>

#include "filter.bpf.h"
#include "numbers.bpf.h"
#include "socket.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile bool can_make_cookies = false;
const volatile bool with_numbers = false;

/* Set by user space before each pass. */
bool sweep =
    false; /* only mini-sockets in TIME_WAIT whose timer was set for sweep_expires or later */
__u64 sweep_expires = 0;   /* jiffies */
bool only_waiting = false; /* only full sockets that wait: waits() */
__u64 idle_ticks = 0;      /* jiffies */

/* Read by user space after a pass. */
__u64 seen_timewait_timer = 0;
__u64 seen_request_timer = 0;

static __always_inline void fill_common(struct td_socket *r, struct sock_common *skc)
{
    r->h.size = sizeof(*r);
    r->h.kind = TD_SOCKET;
    r->h.netns = skc->skc_net.net->ns.inum;
    r->h.time_ns = bpf_ktime_get_ns();
    r->sock = (__u64)skc;
    r->cookie = can_make_cookies ? bpf_get_socket_cookie(skc) : skc->skc_cookie.counter;
    fill_tuple(&r->tuple, skc, skc->skc_num);
    if (sweep) r->flags |= TD_SOCKET_SWEEP;
}

/* The timers' `expires` is an unsigned long; on 64-bit kernels that is jiffies64 as it stands. */
static __always_inline bool fill_timewait(struct td_socket *r, struct sock_common *skc)
{
    struct tcp_timewait_sock *tcp_tw = bpf_skc_to_tcp_timewait_sock(skc);
    if (!tcp_tw) return false;
    struct inet_timewait_sock *tw = &tcp_tw->tw_sk;

    seen_timewait_timer = (__u64)tw->tw_timer.function;
    r->state = tw->tw_substate;
    r->expires = tw->tw_timer.expires;
    if (sweep && (r->state != TCP_TIME_WAIT || (__s64)(r->expires - sweep_expires) < 0))
        return false;
    if (bpf_core_field_exists(tw->tw_entry_stamp)) r->entry_stamp = tw->tw_entry_stamp;
    r->flags |= TD_SOCKET_MINI;
    return true;
}

static __always_inline bool fill_request(struct td_socket *r, struct sock_common *skc)
{
    struct tcp_request_sock *tcp_req = bpf_skc_to_tcp_request_sock(skc);
    if (!tcp_req) return false;
    struct request_sock *req = &tcp_req->req.req;

    seen_request_timer = (__u64)req->rsk_timer.function;
    r->state = TCP_SYN_RECV;
    r->expires = req->rsk_timer.expires;
    r->listener = (__u64)skc->skc_listener;
    r->flags |= TD_SOCKET_REQUEST;
    return true;
}

static __always_inline bool fill_full(struct td_socket *r, struct sock_common *skc)
{
    struct tcp_sock *tp = bpf_skc_to_tcp_sock(skc);
    if (!tp) return false;
    struct sock *sk = (struct sock *)tp;

    r->state = skc->skc_state;
    r->task.cgroup = cgroup_of(sk);
    r->task.uid = BPF_CORE_READ(sk, sk_uid.val);
    struct socket_alloc *file = (struct socket_alloc *)BPF_CORE_READ(sk, sk_socket);
    if (file) r->inode = BPF_CORE_READ(file, vfs_inode.i_ino);
    r->flags |= file ? TD_SOCKET_HELD : TD_SOCKET_UNHELD;
    return true;
}

static __always_inline bool read_numbers(struct td_numbers *n, const struct td_socket *of,
                                         struct sock_common *skc)
{
    struct tcp_sock *tp = bpf_skc_to_tcp_sock(skc);

    if (!tp) return false;
    n->h = of->h;
    n->h.size = sizeof(*n);
    n->h.kind = TD_NUMBERS;
    fill_numbers(n, (struct sock *)tp, tp, of->cookie, of->state, bpf_jiffies64());
    n->sock = of->sock;
    n->flags |= TD_NUMBERS_LISTED;
    return true;
}

/* Whether the socket may be waiting for its process or its peer: a listener, one of which one side
 * has closed, one with data that wait to be read or acknowledged, one that waits for accept(), or
 * an established one without traffic for idle_ticks. */
static __always_inline bool waits(const struct td_numbers *n)
{
    switch (n->state) {
    case TCP_LISTEN:
    case TCP_CLOSE_WAIT:
    case TCP_FIN_WAIT1:
    case TCP_FIN_WAIT2:
    case TCP_LAST_ACK:
    case TCP_CLOSING: return true;
    case TCP_ESTABLISHED:
        return n->unread || n->unacked || n->unsent || !(n->flags & TD_NUMBERS_HAS_SOCKET) ||
               (n->since_received >= idle_ticks && n->since_sent >= idle_ticks);
    default: return false;
    }
}

/* Whether the socket is what it was when the record's time was taken. The kernel collects a whole
 * bucket of its table before it shows the first socket of it (bpf_iter_tcp_batch(),
 * net/ipv4/tcp_ipv4.c, since 5.14), and the program may lose its CPU at any place: meanwhile a
 * request may have become a connection, and a TIME_WAIT may have made way for one. What changed by
 * an event is known from the event. */
static __always_inline bool still_holds(struct sock_common *skc, int state)
{
    return skc->skc_state == state && skc->skc_node.pprev; /* sk_unhashed() */
}

SEC("iter/tcp")
int list_sockets(struct bpf_iter__tcp *ctx)
{
    struct sock_common *skc = ctx->sk_common;
    struct td_socket r = {};
    struct td_numbers n = {};
    bool has_numbers = false;
    bool wanted;

    r.task.uid = TD_NO_UID;
    if (!skc) return 0;

    int state = skc->skc_state;
    if (only_waiting && (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)) return 0;
    if (state == TCP_TIME_WAIT)
        wanted = fill_timewait(&r, skc);
    else if (sweep)
        wanted = false;
    else if (state == TCP_NEW_SYN_RECV)
        wanted = fill_request(&r, skc);
    else
        wanted = fill_full(&r, skc);
    if (!wanted) return 0;

    fill_common(&r, skc);
    if (state != TCP_LISTEN && !tuple_passes(&r.tuple))
        return 0; /* owners and roles follow from listeners */
    if ((with_numbers || only_waiting) && state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV)
        has_numbers = read_numbers(&n, &r, skc);
    if (only_waiting && !(has_numbers && waits(&n))) return 0;
    if (!still_holds(skc, state)) return 0;
    bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
    if (has_numbers && with_numbers) bpf_seq_write(ctx->meta->seq, &n, sizeof(n));
    return 0;
}
