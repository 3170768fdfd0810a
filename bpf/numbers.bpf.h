/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The numbers of a full socket (td_numbers), for the probes and the listing alike.
 */
#ifndef TCPDWELL_NUMBERS_BPF_H
#define TCPDWELL_NUMBERS_BPF_H

#include <tcpdwell/wire.h>

#include "hook.bpf.h"

/* enum tcp_chrono (include/net/tcp.h), since 4.10. */
#define CHRONO_RWND_LIMITED 2
#define CHRONO_SNDBUF_LIMITED 3

#ifdef TCPDWELL_RAW
#define READ_BITS(p, field) BPF_CORE_READ_BITFIELD_PROBED(p, field)
#else
#define READ_BITS(p, field) BPF_CORE_READ_BITFIELD(p, field)
#endif

static __always_inline bool is_subflow(const struct tcp_sock *tp)
{
    return bpf_core_field_exists(tp->is_mptcp) && READ(tp, is_mptcp);
}

/* The MPTCP socket above a subflow; NULL if there is none (any more). */
static __always_inline struct sock *mptcp_socket(const struct tcp_sock *tp)
{
    struct mptcp_subflow_context *subflow = READ(tp, inet_conn.icsk_ulp_data);

    return subflow ? BPF_CORE_READ(subflow, conn) : NULL;
}

/* Jiffies since the stamp, of which 0 is none (the low 32 bits of jiffies, tcp_jiffies32). */
static __always_inline __u32 ticks_since(__u64 now, __u32 stamp)
{
    return now && stamp ? (__u32)now - stamp : TD_UNKNOWN32;
}

/* tcp_get_info_chrono_stats(), net/ipv4/tcp.c. */
static __always_inline __u32 chrono_ticks(const struct tcp_sock *tp, __u64 now, __u32 stat,
                                          __u8 running, __u8 which)
{
    __u32 ticks = stat;

    if (running != which) return ticks;
    return now ? ticks + ((__u32)now - READ(tp, chrono_start)) : TD_UNKNOWN32;
}

/* All but the header. `now`: jiffies; 0: not known. */
static __always_inline void fill_numbers(struct td_numbers *r, const struct sock *sk,
                                         const struct tcp_sock *tp, __u64 cookie, __u8 state,
                                         __u64 now)
{
    bool listens = state == TCP_LISTEN;
    __u32 received = ticks_since(now, READ(tp, inet_conn.icsk_ack.lrcvtime));
    __u32 acked = ticks_since(now, READ(tp, rcv_tstamp));
    __u8 chrono = READ_BITS(tp, chrono_type);
    __u8 flags = 0;

    r->sock = (__u64)sk;
    r->cookie = cookie;
    r->bytes_sent = READ(tp, bytes_sent);
    r->bytes_acked = READ(tp, bytes_acked);
    r->bytes_received = READ(tp, bytes_received);
    r->unsent = READ(tp, write_seq) - READ(tp, snd_nxt);
    r->unacked = READ(tp, snd_nxt) - READ(tp, snd_una);
    r->unread = listens ? READ(sk, sk_ack_backlog) : READ(tp, rcv_nxt) - READ(tp, copied_seq);
    r->backlog = listens ? READ(sk, sk_max_ack_backlog) : TD_UNKNOWN32;
    r->segments_sent = READ(tp, segs_out);
    r->segments_received = READ(tp, segs_in);
    r->segments_retransmitted = READ(tp, total_retrans);
    r->rtt_us = READ(tp, srtt_us) >> 3;
    r->rtt_min_us = READ(tp, rtt_min.s[0].v);
    r->receiver_limited = chrono_ticks(tp, now, READ(tp, chrono_stat[CHRONO_RWND_LIMITED - 1]),
                                       chrono, CHRONO_RWND_LIMITED);
    r->send_buffer_limited = chrono_ticks(tp, now, READ(tp, chrono_stat[CHRONO_SNDBUF_LIMITED - 1]),
                                          chrono, CHRONO_SNDBUF_LIMITED);
    r->since_received = received < acked ? received : acked;
    r->since_sent = ticks_since(now, READ(tp, lsndtime));
    r->peer_window = READ(tp, snd_wnd);
    r->timeouts = READ(tp, inet_conn.icsk_retransmits);
    r->probes = READ(tp, inet_conn.icsk_probes_out);
    r->state = state;
    r->mptcp_state = 0;
    if (is_subflow(tp)) {
        struct sock *above = mptcp_socket(tp);

        flags |= TD_NUMBERS_MPTCP;
        if (above) r->mptcp_state = BPF_CORE_READ(above, __sk_common.skc_state);
    }
    if (READ_BITS(tp, repair)) flags |= TD_NUMBERS_REPAIR;
    if (READ(sk, __sk_common.skc_flags) & (1 << SOCK_DONE_BIT)) flags |= TD_NUMBERS_FIN_RECEIVED;
    if (READ(sk, sk_socket)) flags |= TD_NUMBERS_HAS_SOCKET;
    r->flags = flags;
    __builtin_memset(r->reserved, 0, sizeof(r->reserved));
}

#endif
