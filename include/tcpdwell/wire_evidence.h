/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Wire records that say more of a connection than its states. Included by wire.h, whose rules hold.
 */
#ifndef TCPDWELL_WIRE_EVIDENCE_H
#define TCPDWELL_WIRE_EVIDENCE_H

/* What isn't known: the kernel has no such field, or it isn't read. */
#define TD_UNKNOWN32 0xffffffffu
#define TD_UNKNOWN64 0xffffffffffffffffull

enum td_numbers_flags {
    TD_NUMBERS_REPAIR = 1 << 0,       /* TCP_REPAIR is on */
    TD_NUMBERS_MPTCP = 1 << 1,        /* a subflow of an MPTCP connection */
    TD_NUMBERS_FIN_RECEIVED = 1 << 2, /* SOCK_DONE: the peer's FIN is counted as a byte below */
    TD_NUMBERS_HAS_SOCKET = 1 << 3,   /* sk_socket != NULL: accepted and not yet closed */
    TD_NUMBERS_LISTED = 1 << 4,       /* of an open socket; else at its ->CLOSE */
    TD_NUMBERS_PAYLOAD = 1 << 5,      /* SYN and FIN are taken out already: of a copy */
};

/* Of struct tcp_sock, as the kernel counts: the sequence numbers of SYN and FIN are bytes to it
 * (tcp_info does likewise). Written before the td_state record of the socket's ->CLOSE, and after
 * its td_socket record in a listing. */
struct td_numbers {
    struct td_header h;
    __u64 sock;
    __u64 cookie;
    __u64 bytes_sent;             /* payload, retransmissions included (since 4.19) */
    __u64 bytes_acked;            /* sequence numbers, that of an active open's SYN included */
    __u64 bytes_received;         /* sequence numbers */
    __u32 unsent;                 /* write_seq - snd_nxt */
    __u32 unacked;                /* snd_nxt - snd_una */
    __u32 unread;                 /* rcv_nxt - copied_seq; of a listener: waiting for accept() */
    __u32 backlog;                /* of a listener: how many may wait (sk_max_ack_backlog) */
    __u32 segments_sent;          /* segs_out */
    __u32 segments_received;      /* segs_in */
    __u32 segments_retransmitted; /* total_retrans */
    __u32 rtt_us;                 /* srtt_us / 8; 0: none measured */
    __u32 rtt_min_us;             /* ~0 as well where none was measured */
    __u32 receiver_limited;       /* jiffies: chronos of the kernel (tcp_chrono_stop()) */
    __u32 send_buffer_limited;    /* jiffies */
    __u32 since_received;         /* jiffies since the last segment with data or an ACK */
    __u32 since_sent;             /* jiffies since data was sent last */
    __u32 peer_window;            /* snd_wnd, bytes */
    __u8 timeouts;                /* icsk_retransmits: in a row */
    __u8 probes;                  /* icsk_probes_out */
    __u8 state;                   /* of the socket */
    __u8 mptcp_state;             /* of the MPTCP socket above the subflow; 0: none */
    __u8 flags;                   /* enum td_numbers_flags */
    __u8 reserved[3];
};

struct td_holder {
    __u32 pid; /* as in td_task */
    char comm[TD_COMM_LEN];
};

#define TD_MOST_HOLDERS 16

/* Written for sockets whose holders were looked for, also if there are none. Followed by the first
 * td_holder (the lowest pids; at most TD_MOST_HOLDERS), and zero bytes to a multiple of 8. */
struct td_holders {
    struct td_header h; /* time_ns: the beginning of the search */
    __u64 sock;
    __u64 cookie;
    __u32 count;  /* of holders */
    __u8 partial; /* 1: there may be more: not all processes could be looked into */
    __u8 reserved[3];
};

struct td_stray_reset {
    struct td_header h;
    struct td_tuple tuple; /* as the socket that isn't there would have it */
    __u8 reason;           /* enum td_reset_reason */
    __u8 reserved[3];
    __u32 left_out; /* others before this one, on its CPU, for which there is no record: in a second
                       there are only some */
};

/* The programs were switched off: that nothing is recorded afterwards says nothing. */
struct td_stop {
    struct td_header h;
};

/* Written only where the connections of a process and its descendants are wanted. Numbers as in
 * td_task. */
struct td_fork {
    struct td_header h;
    __u32 parent;
    __u32 pid;
};

/* Followed by text, padded with zero bytes to a multiple of 8: "TcpExt.ListenOverflows 12\n" for
 * each counter that the kernel has. */
struct td_counters {
    struct td_header h;
};

/* Followed by the container's text (userspace/event/container_path.h), padded with zero bytes to a
 * multiple of 8. */
struct td_container {
    struct td_header h;
    __u64 cgroup; /* its id, as in td_cgroup */
};

#ifdef __cplusplus
static_assert(sizeof(td_numbers) == 120);
static_assert(sizeof(td_holder) == 20 && sizeof(td_holders) == 40);
static_assert(sizeof(td_stray_reset) == 64);
static_assert(sizeof(td_fork) == 24);
static_assert(sizeof(td_container) == 24);
#endif

#endif
