/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * The only contract between the kernel side and user space: the wire records.
 *
 * Everything that tcpdwell learns is one of these records, whoever writes it: the BPF programs
 * (events), the listing iterator (sockets that exist), or user space itself (facts, owners found
 * in /proc, losses). Records are interpreted in the order in which they are written.
 *
 * Rules
 *  - Plain C, little or big endian as the host; fixed-width fields, explicit padding, no pointers
 * to follow.
 *  - Every record starts with struct td_header; `size` counts the whole record and is a multiple
 * of 8. A reader skips kinds it doesn't know, and accepts a record longer than its struct (fields
 * are only ever appended).
 *  - Times are CLOCK_MONOTONIC nanoseconds. `expires` fields are raw jiffies (64 bits); td_clock
 * relates them.
 *  - Sentinels: cookie 0 = the kernel had generated none; pid 0 = not known; port 0 = not known or
 * none; uid TD_NO_UID = not known; cgroup 0 = not known; an address of 16 zero bytes with port 0 =
 * no peer.
 *  - `sock`, `mini` and `request` are kernel addresses. They identify an object only while it
 * lives: the slabs are SLAB_TYPESAFE_BY_RCU, so the same address is soon another connection.
 */
#ifndef TCPDWELL_WIRE_H
#define TCPDWELL_WIRE_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define TD_COMM_LEN 16
#define TD_NO_UID 0xffffffffu

enum td_kind {
    TD_STATE = 1,    /* td_state: inet_sock_set_state of a full TCP socket */
    TD_TIMEWAIT = 2, /* td_timewait: a timer event of a mini-socket (struct inet_timewait_sock) */
    TD_REQUEST = 3,  /* td_request: a timer event of a request socket (struct request_sock) */
    TD_RESET = 4,    /* td_reset: an RST sent or received for a known socket */
    TD_OWNER = 5,    /* td_owner: a process that holds a socket */
    TD_SOCKET = 6,   /* td_socket: a socket that exists, from the listing iterator */
    TD_SNAPSHOT =
        7, /* td_snapshot: bracket around the td_socket records of one pass over one namespace */
    TD_LOST = 8,    /* td_lost: how many records could not be written so far */
    TD_CLOCK = 9,   /* td_clock: relation of monotonic time, wall time and jiffies */
    TD_CGROUP = 10, /* td_cgroup: path of a cgroup id */
    TD_FACT = 11,   /* td_fact: key and value about the host or a namespace */
    TD_PORT = 12,   /* td_port: the local port that a connecting socket has been given */
    TD_NOW =
        13, /* td_header alone: all records of earlier times have been written (recordings only) */
    TD_GAP = 14, /* td_gap: records are missing here (made by the reader of a recording; only copies
                    hold it) */
    TD_NUMBERS = 15, /* td_numbers: what a full socket has carried, and its queues */
    TD_HOLDERS = 16, /* td_holders: the processes that have a descriptor of a socket now */
    TD_STRAY_RESET =
        17, /* td_stray_reset: an RST in answer to a segment that belongs to no connection */
    TD_COUNTERS = 18,  /* td_counters: the kernel's own counters of a namespace */
    TD_STOP = 19,      /* td_stop: from then on no events were recorded */
    TD_FORK = 20,      /* td_fork: a process has made another one */
    TD_CONTAINER = 21, /* td_container: the container whose cgroup it is */
};

enum td_flags {
    TD_REPEATED = 1 << 0, /* written before: repeated at the beginning of a segment, for readers
                             that begin there */
};

struct td_header {
    __u16 size;  /* bytes of the record, header included */
    __u8 kind;   /* enum td_kind */
    __u8 flags;  /* enum td_flags; a reader ignores those it doesn't know */
    __u32 netns; /* inode of the network namespace (ns.inum); 0 where the record has none */
    __u64 time_ns;
};

/* Ports are in host order. IPv4 addresses are stored as ::ffff:a.b.c.d; `family` is the socket's
 * own (AF_INET, AF_INET6), so a v4-mapped connection of a v6 socket is AF_INET6. */
struct td_tuple {
    __u8 local_addr[16];
    __u8 remote_addr[16];
    __u16 local_port;
    __u16 remote_port;
    __u16 family;
    __u16 reserved;
};

/* The owner side of a socket: uid and cgroup are the socket's own (sk_uid, sk_cgrp_data) and hold
 * in any context; pid and comm are those of the task that operates on the socket, 0 and "" where no
 * task does. */
struct td_task {
    __u64 cgroup; /* kernfs id of the cgroup v2 node */
    __u32 uid;
    __u32 pid; /* thread group id in the pid namespace of the fact "pid_namespace", or in the
                  initial one where there is no such fact; 0: it has none there (comm is known), or
                  no task (comm is empty) */
    char comm[TD_COMM_LEN];
};

enum td_state_flags {
    TD_STATE_OWNED = 1 << 0,      /* sk_lock.owned: a task holds the socket, so td_task names it */
    TD_STATE_ORPHAN = 1 << 1,     /* SOCK_DEAD */
    TD_STATE_HAS_SOCKET = 1 << 2, /* sk_socket != NULL: accepted and not yet closed */
    TD_STATE_FIN_RECEIVED = 1 << 3, /* SOCK_DONE: tcp_fin() has seen the peer's FIN */
    TD_STATE_LINGER_ZERO = 1 << 4,  /* SO_LINGER on with a time of 0 */
    TD_STATE_LINGER2_NEG = 1 << 5,  /* TCP_LINGER2 < 0 */
    TD_STATE_USER_TIMEOUT = 1 << 6, /* TCP_USER_TIMEOUT is set */
    TD_STATE_FASTOPEN =
        1 << 7, /* SYN_RECV -> X of a child that answered a SYN itself: made by TCP Fast Open */
    TD_STATE_UNANSWERED = 1 << 8, /* SYN_SENT -> CLOSE with a SYN under way */
    TD_STATE_NESTED = 1 << 9,     /* the first of two programs seems to have been skipped
                                     (bpf/nested.bpf.h): the only records that can be there twice */
    TD_STATE_EXITING = 1 << 10,   /* by a process that is ending (PF_EXITING) */
    TD_STATE_RELEASED = 1 << 11, /* the socket's file has no reference any more: by close(), and not
                                    by shutdown() */
    TD_STATE_REPAIR = 1 << 12,   /* TCP_REPAIR is on: nothing is sent */
    TD_STATE_MPTCP = 1 << 13,    /* a subflow of an MPTCP connection */
    TD_STATE_FASTCLOSE = 1 << 14, /* of a subflow: MP_FASTCLOSE (RFC 8684, section 3.5) was sent or
                                     received */
    TD_STATE_KEPT = 1 << 15, /* the file has references: by shutdown(), disconnect, or `ss -K` */
};

/* The tracepoint fires before the state is stored (kernel: inet_sk_state_store()). td_task follows
 * only where `has_task` is 1: in process context, and at SYN_RECV -> ESTABLISHED (then with pid 0).
 */
struct td_state {
    struct td_header h;
    __u64 sock;
    __u64 cookie;
    struct td_tuple tuple;
    __u8 from; /* TCP_ESTABLISHED (1) .. TCP_NEW_SYN_RECV (12), as in the UAPI */
    __u8 to;
    __u8 error;    /* sk_err */
    __u8 shutdown; /* sk_shutdown */
    __u16 flags;   /* enum td_state_flags */
    __u8 has_task;
    __u8 signal; /* that ends the process, with TD_STATE_EXITING; 0: none */
};

struct td_state_by_task {
    struct td_state state;
    struct td_task task;
};

/* Since 0.2.0 td_task names the process by its group leader, and the name of the thread follows
 * where it is another one; zeros where it isn't. */
struct td_state_by_thread {
    struct td_state_by_task by_task;
    char thread[TD_COMM_LEN];
};

enum td_timer_op {
    TD_TIMER_START = 1,
    TD_TIMER_CANCEL = 2, /* detached: killed, re-armed or about to expire */
    TD_TIMER_EXPIRE = 3, /* the handler is about to run */
    TD_TIMER_REARM = 4,  /* set anew, `expires` is the new end (from the function itself, so none is
                            missed); of a  request: it goes on as a copy, at another address */
    TD_TIMER_KILL = 5,   /* the mini-socket is taken out of the kernel's tables before its time */
};

/* Functions found in the kernel stack of a cancelled TIME_WAIT timer, or where a request is dropped
 * (a set of bits). */
enum td_stack {
    TD_STACK_TAKEN = 1 << 0, /* a stack was taken and its functions are known */
    TD_STACK_RUN_TIMERS = 1 << 1,
    TD_STACK_MOD_TIMER = 1 << 2,
    TD_STACK_TIMEWAIT_PROCESS = 1 << 3, /* tcp_timewait_state_process() */
    TD_STACK_DESCHEDULE = 1 << 4,       /* inet_twsk_deschedule_put() */
    TD_STACK_RECEIVE = 1 << 5,          /* tcp_v4_rcv(), tcp_v6_rcv() */
    TD_STACK_CONNECT = 1 << 6, /* __inet_hash_connect(), __inet_check_established(), __inet6_... */
    TD_STACK_ABORT = 1 << 7,   /* tcp_abort(), tcp_diag_destroy() */
    TD_STACK_PURGE = 1 << 8,   /* inet_twsk_purge() */
    TD_STACK_CHECK_REQUEST = 1 << 9, /* tcp_check_req() */
};

/* With one of these the cause is complete; frames further out in the stack aren't recorded. */
#define TD_STACK_CAUSES \
    (TD_STACK_RUN_TIMERS | TD_STACK_RECEIVE | TD_STACK_CONNECT | TD_STACK_ABORT | TD_STACK_PURGE)

struct td_timewait {
    struct td_header h;
    __u64 mini;
    __u64 cookie;
    struct td_tuple tuple;
    __u64 expires;     /* timer->expires: nominal end, jiffies */
    __u32 entry_stamp; /* tw_entry_stamp: low 32 bits of monotonic ms; 0 where the kernel has no
                          such field */
    __u8 op;           /* enum td_timer_op */
    __u8 substate;     /* 5 FIN_WAIT2 or 6 TIME_WAIT */
    __u16 stack;       /* enum td_stack; 0 where none was taken */
};

struct td_request {
    struct td_header h;
    __u64 request;
    __u64 listener; /* address of the listening socket */
    struct td_tuple tuple;
    __u8 op;       /* enum td_timer_op */
    __u8 timeouts; /* SYN-ACK time-outs so far */
    __u16 stack;   /* enum td_stack, since 0.2.0; 0 where none was taken */
    __u8 reserved[4];
};

enum td_reset_direction { TD_RESET_RECEIVED = 1, TD_RESET_SENT = 2 };

/* Why the kernel sent an RST (enum sk_rst_reason, resolved by name; Linux 6.10 and later). */
enum td_reset_reason {
    TD_REASON_UNKNOWN = 0, /* the kernel gives none */
    TD_REASON_OTHER = 1,
    TD_REASON_ABORT_ON_DATA = 2,
    TD_REASON_ABORT_ON_CLOSE = 3,
    TD_REASON_ABORT_ON_LINGER = 4,
    TD_REASON_ABORT_ON_MEMORY = 5,
    TD_REASON_STATE = 6, /* tcp_disconnect() */
    TD_REASON_KEEPALIVE = 7,
    TD_REASON_TIMEWAIT = 8,
    TD_REASON_NO_SOCKET = 9,
    TD_REASON_FLAGS = 10, /* a listener got a segment of a connection that it doesn't know */
};

struct td_reset {
    struct td_header h;
    __u64 sock; /* of a full socket or a mini-socket */
    __u64 cookie;
    __u8 direction; /* enum td_reset_direction */
    __u8 reason;    /* enum td_reset_reason */
    __u8 reply;     /* 1: in answer to a segment (skb != NULL); 0: by our own choice */
    __u8 state;     /* of the socket when the RST was seen */
    __u8 reserved[4];
};

enum td_owner_how {
    TD_OWNER_ACCEPTED = 1, /* accept() returned the socket to this task */
    TD_OWNER_HOLDS = 2,    /* /proc/PID/fd has the socket; how it got there is not known */
};

struct td_owner {
    struct td_header h;
    __u64 sock;
    __u64 cookie;
    struct td_task task;
    __u8 how; /* enum td_owner_how */
    __u8 reserved[7];
};

/* As td_state_by_thread. */
struct td_owner_by_thread {
    struct td_owner owner;
    char thread[TD_COMM_LEN];
};

enum td_socket_flags {
    TD_SOCKET_MINI = 1 << 0,    /* an inet_timewait_sock */
    TD_SOCKET_REQUEST = 1 << 1, /* a request_sock */
    TD_SOCKET_SWEEP = 1 << 2,  /* from a sweep: only what changed; nothing follows for the others */
    TD_SOCKET_HELD = 1 << 3,   /* a full socket with a file (sk_socket) */
    TD_SOCKET_UNHELD = 1 << 4, /* a full socket without: it waits for accept(), or was closed */
};

struct td_socket {
    struct td_header h;
    __u64 sock; /* full socket, mini-socket or request socket */
    __u64 cookie;
    struct td_tuple tuple;
    __u64 expires;       /* of the mini-socket's or request's timer */
    __u64 inode;         /* of the socket's file; 0 if it has none */
    struct td_task task; /* pid always 0 here */
    __u64 listener;      /* of a request socket */
    __u32 entry_stamp;
    __u8 state; /* what ss shows: the substate of a mini-socket, SYN_RECV of a request */
    __u8 flags; /* enum td_socket_flags */
    __u16 reserved;
};

enum td_snapshot_op { TD_SNAPSHOT_BEGIN = 1, TD_SNAPSHOT_END = 2 };

/* A complete pass over one namespace. A connection of that namespace which had no event since BEGIN
 * and is not listed by END is no longer in the kernel. */
struct td_snapshot {
    struct td_header h;
    __u8 op;       /* enum td_snapshot_op */
    __u8 complete; /* at END: 1 if the pass listed everything */
    __u8 reserved[6];
};

/* Programs that can lose a record. */
enum td_probe {
    TD_PROBE_STATE = 0, /* also counts events for which the program wasn't run (recursion_misses) */
    TD_PROBE_TIMEWAIT = 1,
    TD_PROBE_REQUEST = 2,
    TD_PROBE_RESET = 3,
    TD_PROBE_OWNER = 4,
    TD_PROBE_PORT = 5, /* also td_fork */
    TD_PROBE_COUNT = 6,
};

/* Totals since the start, so that a repeated record adds nothing. */
struct td_lost {
    struct td_header h;
    __u64 total[TD_PROBE_COUNT];
};

struct td_gap {
    struct td_header h; /* time_ns: the last moment before the hole */
    __u64 until_ns;     /* the first after it */
    __u8 new_run;       /* 1: what follows was recorded by another run, whose totals begin anew */
    __u8 reserved[7];
};

struct td_clock {
    struct td_header h; /* time_ns: the monotonic side */
    __s64 wall_ns;      /* CLOCK_REALTIME at the same moment, ns since 1970 */
    __u64 jiffies;      /* jiffies64 at the same moment; 0 = not known */
    __u32 hz;           /* 0 = not known */
    __u32 reserved;
};

/* Followed by the path, padded with zero bytes to a multiple of 8. */
struct td_cgroup {
    struct td_header h;
    __u64 id;
};

/* Followed by key, a zero byte, value, and zero bytes to a multiple of 8. */
struct td_fact {
    struct td_header h;
};

struct td_port {
    struct td_header h;
    __u64 sock;
    __u64 cookie;
    struct td_tuple tuple;
};

#include "wire_evidence.h" /* the structs that came with 0.2.0 */

#ifdef __cplusplus
static_assert(sizeof(td_header) == 16);
static_assert(sizeof(td_tuple) == 40);
static_assert(sizeof(td_task) == 32);
static_assert(sizeof(td_state) == 80 && sizeof(td_state_by_task) == 112);
static_assert(sizeof(td_timewait) == 88);
static_assert(sizeof(td_request) == 80);
static_assert(sizeof(td_reset) == 40);
static_assert(sizeof(td_owner) == 72);
static_assert(sizeof(td_socket) == 136);
static_assert(sizeof(td_snapshot) == 24);
static_assert(sizeof(td_lost) == 64);
static_assert(sizeof(td_gap) == 32);
static_assert(sizeof(td_clock) == 40);
static_assert(sizeof(td_port) == 72);
#endif

#endif
