/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Resets: received, sent for a socket, and sent in answer to segments that belong to none, or only
 * to a listener.
 */
#ifndef TCPDWELL_RESETS_BPF_H
#define TCPDWELL_RESETS_BPF_H

#include <bpf/bpf_tracing.h>

#include "emit.bpf.h"
#include "filter.bpf.h"
#include "minis.bpf.h"
#include "nested.bpf.h"
#include "socket.bpf.h"

static __always_inline void emit_reset(const struct sock *sk, __u8 direction, __u8 reason,
                                       __u8 reply)
{
    __u8 state = READ(sk, __sk_common.skc_state);
    __u32 netns = netns_of(sk);

    if (!netns_passes(netns)) return;
    /* By the sample only: what it leaves out are most of them. After a disconnect the socket has no
     * ports any more, and passes. */
    if (filter_sample) {
        struct td_tuple tuple;

        fill_tuple(&tuple, &sk->__sk_common, READ(sk, __sk_common.skc_num));
        if (!sample_passes(&tuple)) return;
    }

    struct td_reset *r = reserve(sizeof(*r), TD_PROBE_RESET);
    if (!r) return;
    fill_header(&r->h, sizeof(*r), TD_RESET, netns);
    r->sock = (__u64)sk;
    r->cookie = READ(sk, __sk_common.skc_cookie.counter);
    r->direction = direction;
    r->reason = reason;
    r->reply = reply;
    r->state = state;
    __builtin_memset(r->reserved, 0, sizeof(r->reserved));
    submit(r);
}

TRACEPOINT(tcp_receive_reset)
int BPF_PROG(on_receive_reset, struct sock *sk)
{
    note(GUARD_RECEIVE_RESET, sk, 0);
    emit_reset(sk, TD_RESET_RECEIVED, TD_REASON_UNKNOWN, 0);
    return 0;
}

TRACEPOINT(tcp_receive_reset)
int BPF_PROG(on_receive_reset_nested, struct sock *sk)
{
    if (skipped(GUARD_RECEIVE_RESET, sk, 0))
        emit_reset(sk, TD_RESET_RECEIVED, TD_REASON_UNKNOWN, 0);
    return 0;
}

#define REASON_IS(reason, name)                              \
    (bpf_core_enum_value_exists(enum sk_rst_reason, name) && \
     (reason) == bpf_core_enum_value(enum sk_rst_reason, name))

static __always_inline __u8 wire_reason(__u32 reason)
{
    if (REASON_IS(reason, SK_RST_REASON_TCP_ABORT_ON_DATA)) return TD_REASON_ABORT_ON_DATA;
    if (REASON_IS(reason, SK_RST_REASON_TCP_ABORT_ON_CLOSE)) return TD_REASON_ABORT_ON_CLOSE;
    if (REASON_IS(reason, SK_RST_REASON_TCP_ABORT_ON_LINGER)) return TD_REASON_ABORT_ON_LINGER;
    if (REASON_IS(reason, SK_RST_REASON_TCP_ABORT_ON_MEMORY)) return TD_REASON_ABORT_ON_MEMORY;
    if (REASON_IS(reason, SK_RST_REASON_TCP_STATE)) return TD_REASON_STATE;
    if (REASON_IS(reason, SK_RST_REASON_TCP_KEEPALIVE_TIMEOUT)) return TD_REASON_KEEPALIVE;
    if (REASON_IS(reason, SK_RST_REASON_TCP_TIMEWAIT_SOCKET)) return TD_REASON_TIMEWAIT;
    if (REASON_IS(reason, SK_RST_REASON_NO_SOCKET)) return TD_REASON_NO_SOCKET;
    if (REASON_IS(reason, SK_RST_REASON_TCP_FLAGS)) return TD_REASON_FLAGS;
    return TD_REASON_OTHER;
}

/* Each CPU records so many of a second; of those beyond, the 64th, 128th, 256th ... and each
 * 1024th: whoever sends segments to closed ports must not fill the buffer. */
#define STRAYS_PER_SECOND 32
#define SECOND_NS 1000000000ull

struct stray_rate {
    __u64 began_ns; /* the second */
    __u32 seen;     /* in it */
    __u32 left_out; /* since the last record */
};

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct stray_rate);
} stray_rates SEC(".maps");

/* Whether this one is recorded; `left_out`: how many others weren't. */
static __always_inline bool stray_is_due(__u32 *left_out)
{
    __u32 key = 0;
    struct stray_rate *rate = bpf_map_lookup_elem(&stray_rates, &key);
    __u64 now = bpf_ktime_get_ns();

    if (!rate) return false;
    if (now - rate->began_ns >= SECOND_NS) {
        rate->began_ns = now;
        rate->seen = 0;
    }
    __u32 seen = ++rate->seen;
    bool is_power = !(seen & (seen - 1));
    if (seen > STRAYS_PER_SECOND && !is_power && seen % 1024) {
        ++rate->left_out;
        return false;
    }
    *left_out = rate->left_out;
    rate->left_out = 0;
    return true;
}

#define TCP_FLAGS_AT 13 /* in the header (RFC 9293, section 3.1) */
#define TCP_SYN_FLAG 0x02
#define TCP_ACK_FLAG 0x10

/* The addresses of the segment, as the socket would have them that isn't there. False for a SYN,
 * unless a listener answers it (for a request socket): to refuse a connect is no stray reset. (A
 * SYN-ACK that answers no SYN of ours is one.) */
static __always_inline bool read_stray(const struct sk_buff *skb, bool listens, struct td_tuple *t)
{
    unsigned char *head = BPF_CORE_READ(skb, head);
    unsigned char *ip = head + BPF_CORE_READ(skb, network_header);
    unsigned char *tcp = head + BPF_CORE_READ(skb, transport_header);
    __u32 addresses[10]; /* of the header of IPv6; that of IPv4 has 20 bytes, and TCP's follows */
    __u16 ports[2];      /* source, destination */
    __u8 flags;

    if (bpf_probe_read_kernel(addresses, sizeof(addresses), ip) ||
        bpf_probe_read_kernel(ports, sizeof(ports), tcp) ||
        bpf_probe_read_kernel(&flags, sizeof(flags), tcp + TCP_FLAGS_AT))
        return false;
    if (!listens && (flags & (TCP_SYN_FLAG | TCP_ACK_FLAG)) == TCP_SYN_FLAG) return false;
    switch (*(__u8 *)addresses >> 4) {
    case 4:
        t->family = AF_INET;
        put_v4(t->remote_addr, addresses[3]);
        put_v4(t->local_addr, addresses[4]);
        break;
    case 6:
        t->family = AF_INET6;
        copy_v6(t->remote_addr, &addresses[2]);
        copy_v6(t->local_addr, &addresses[6]);
        break;
    default: return false;
    }
    t->remote_port = bpf_ntohs(ports[0]);
    t->local_port = bpf_ntohs(ports[1]);
    t->reserved = 0;
    return true;
}

static __always_inline void emit_stray_reset(const struct sk_buff *skb, bool listens, __u32 netns,
                                             __u8 reason)
{
    struct td_tuple tuple;
    __u32 left_out = 0;

    if (!read_stray(skb, listens, &tuple)) return;
    if (!netns_passes(netns) || !tuple_passes(&tuple) || !stray_is_due(&left_out)) return;

    struct td_stray_reset *r = reserve(sizeof(*r), TD_PROBE_RESET);
    if (!r) return;
    fill_header(&r->h, sizeof(*r), TD_STRAY_RESET, netns);
    r->tuple = tuple;
    r->reason = reason;
    __builtin_memset(r->reserved, 0, sizeof(r->reserved));
    r->left_out = left_out;
    submit(r);
}

/* A listener answers what belongs to none of its connections, or isn't the segment that its request
 * socket waits for. */
static __always_inline void trace_sent_reset(const struct sock *sk, const struct sk_buff *skb,
                                             __u8 reason)
{
    if (sk && READ(sk, __sk_common.skc_state) != TCP_LISTEN)
        return emit_reset(sk, TD_RESET_SENT, reason, skb != NULL);
    if (!skb) return; // either may be NULL to the verifier
    emit_stray_reset(skb, sk != NULL,
                     sk ? netns_of(sk) : BPF_CORE_READ(skb, dev, nd_net.net, ns.inum), reason);
}

/* Up to 6.9 the tracepoint has no reason, and full sockets only: no stray resets but
 * those of listeners. */
TRACEPOINT(tcp_send_reset)
int BPF_PROG(on_send_reset, struct sock *sk, struct sk_buff *skb)
{
    note(GUARD_SEND_RESET, sk, 0);
    trace_sent_reset(sk, skb, TD_REASON_UNKNOWN);
    return 0;
}

TRACEPOINT(tcp_send_reset)
int BPF_PROG(on_send_reset_nested, struct sock *sk, struct sk_buff *skb)
{
    if (skipped(GUARD_SEND_RESET, sk, 0)) trace_sent_reset(sk, skb, TD_REASON_UNKNOWN);
    return 0;
}

/* Since 6.10: with the reason, and also for mini-sockets, request sockets and no socket at all. */
TRACEPOINT(tcp_send_reset)
int BPF_PROG(on_send_reset_reason, struct sock *sk, struct sk_buff *skb, __u32 reason)
{
    note(GUARD_SEND_RESET, sk, 0);
    trace_sent_reset(sk, skb, wire_reason(reason));
    return 0;
}

TRACEPOINT(tcp_send_reset)
int BPF_PROG(on_send_reset_reason_nested, struct sock *sk, struct sk_buff *skb, __u32 reason)
{
    if (skipped(GUARD_SEND_RESET, sk, 0)) trace_sent_reset(sk, skb, wire_reason(reason));
    return 0;
}

#endif
