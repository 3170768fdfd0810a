/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types and fields that tcpdwell depends on, and nothing else. Every access is relocated
 * (CO-RE) against the running kernel, so offsets, order and missing neighbours don't matter; a
 * field that changed its kind has a flavour (name___suffix) with the version that made it needed.
 * Used instead of a generated dump of all kernel types so that the dependence on the kernel can be
 * read, and the object built on a machine without BTF.
 */
#ifndef TCPDWELL_KERNEL_BPF_H
#define TCPDWELL_KERNEL_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>

#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_FIN_WAIT1 4
#define TCP_FIN_WAIT2 5
#define TCP_TIME_WAIT 6
#define TCP_CLOSE 7
#define TCP_CLOSE_WAIT 8
#define TCP_LAST_ACK 9
#define TCP_LISTEN 10
#define TCP_CLOSING 11
#define TCP_NEW_SYN_RECV 12

/* enum sock_flags (include/net/sock.h): bit numbers that haven't changed since 2.6. */
#define SOCK_DEAD_BIT 0
#define SOCK_DONE_BIT 1
#define SOCK_LINGER_BIT 4

#define PF_EXITING 0x00000004 /* include/linux/sched.h */
#define PF_KTHREAD 0x00200000

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct in6_addr {
    union {
        __u32 u6_addr32[4];
    } in6_u;
};

struct ns_common {
    unsigned int inum;
};

struct net {
    struct ns_common ns;
};

typedef struct {
    struct net *net;
} possible_net_t;

typedef struct {
    __s64 counter;
} atomic64_t;

typedef struct {
    __u32 val;
} kuid_t;

typedef struct {
    int owned;
} socket_lock_t;

struct proto {
    char name[32];
};

struct hlist_node {
    struct hlist_node **pprev;
};

struct sock_common {
    __u32 skc_daddr;
    __u32 skc_rcv_saddr;
    __u16 skc_dport;
    __u16 skc_num;
    unsigned short skc_family;
    volatile unsigned char skc_state;
    struct hlist_node skc_node;
    struct proto *skc_prot;
    possible_net_t skc_net;
    struct in6_addr skc_v6_daddr;
    struct in6_addr skc_v6_rcv_saddr;
    atomic64_t skc_cookie;
    union {
        unsigned long skc_flags;
        struct sock *skc_listener;
    };
};

struct kernfs_node {
    __u64 id;
};

struct cgroup {
    struct kernfs_node *kn;
};

struct sock_cgroup_data {
    struct cgroup *cgroup;
};

/* Before 5.15 (commit 8520e224f547 "bpf, cgroups: Fix cgroup v2 fallback on v1/v2 mixed mode",
 * which stable kernels got later) the member was a tagged u64: the low bits say whether it is a
 * cgroup pointer at all. */
struct sock_cgroup_data___tagged {
    __u64 val;
};

struct inode {
    unsigned long i_ino;
};

struct socket {
    struct file *file;
    struct sock *sk;
};

struct socket_alloc {
    struct socket socket;
    struct inode vfs_inode;
};

struct timer_list {
    struct hlist_node entry;
    unsigned long expires;
    void (*function)(struct timer_list *);
};

struct sock {
    struct sock_common __sk_common;
    int sk_err;
    struct socket *sk_socket;
    socket_lock_t sk_lock;
    kuid_t sk_uid;
    __u16 sk_protocol;
    __u8 sk_shutdown;
    unsigned long sk_lingertime;
    struct sock_cgroup_data sk_cgrp_data;
    __u32 sk_ack_backlog;
    __u32 sk_max_ack_backlog;
    struct timer_list
        tcp_retransmit_timer; /* in 7.2, not in 6.18: see struct inet_connection_sock */
};

struct inet_sock {
    __be16 inet_sport;
};

struct inet_connection_sock {
    struct inet_sock icsk_inet;
    __u32 icsk_user_timeout;
    struct timer_list icsk_retransmit_timer; /* in 6.18, not in 7.2: see struct sock */
    void *icsk_ulp_data;
    __u8 icsk_retransmits;
    __u8 icsk_probes_out;
    struct {
        __u32 lrcvtime;
    } icsk_ack;
};

struct minmax_sample {
    __u32 t;
    __u32 v;
};

struct minmax {
    struct minmax_sample s[3];
};

struct tcp_sock {
    struct inet_connection_sock inet_conn;
    __u32 packets_out;
    int linger2;
    __u64 bytes_sent;
    __u64 bytes_acked;
    __u64 bytes_received;
    __u32 write_seq;
    __u32 snd_nxt;
    __u32 snd_una;
    __u32 snd_wnd;
    __u32 rcv_nxt;
    __u32 copied_seq;
    __u32 segs_out;
    __u32 segs_in;
    __u32 total_retrans;
    __u32 srtt_us;
    struct minmax rtt_min;
    __u32 chrono_start;
    __u32 chrono_stat[3];
    __u8 chrono_type : 2;
    __u8 repair : 1;
    __u32 rcv_tstamp;
    __u32 lsndtime;
    bool is_mptcp; /* with CONFIG_MPTCP */
};

/* Of an MPTCP subflow: icsk_ulp_data (net/mptcp/protocol.h). */
struct mptcp_subflow_context {
    __u32 send_fastclose : 1;
    struct sock *conn;
};

struct mptcp_sock {
    bool rcv_fastclose;
    struct sock *first; /* the subflow that it was made with */
};

struct inet_timewait_sock {
    struct sock_common __tw_common;
    volatile unsigned char tw_substate;
    __u32 tw_entry_stamp; /* since 6.14 */
    struct timer_list tw_timer;
};

struct tcp_timewait_sock {
    struct inet_timewait_sock tw_sk;
};

struct request_sock {
    struct sock_common __req_common;
    __u8 num_timeout : 7;
    struct timer_list rsk_timer;
};

struct inet_request_sock {
    struct request_sock req;
};

struct tcp_request_sock {
    struct inet_request_sock req;
};

struct file {
    void *private_data;
};

/* Until 6.12: 0 while the file is released. */
struct file___count {
    atomic64_t f_count;
};

typedef struct {
    atomic64_t refcnt;
} file_ref_t;

/* Since 6.13: negative then (FILE_REF_DEAD, include/linux/file_ref.h). */
struct file___ref {
    file_ref_t f_ref;
};

struct fdtable {
    struct file **fd;
};

struct files_struct {
    struct fdtable *fdt;
};

struct pid_namespace {
    struct ns_common ns;
};

struct upid {
    int nr;
    struct pid_namespace *ns;
};

struct pid {
    unsigned int level;
    struct upid numbers[1];
};

struct cred {
    kuid_t fsuid;
};

struct task_struct {
    unsigned int flags;
    const struct cred *cred;
    struct task_struct *group_leader;
    struct pid *thread_pid;
    struct files_struct *files;
    int exit_code;
    char comm[16];
};

struct net_device {
    possible_net_t nd_net;
};

struct sk_buff {
    struct net_device *dev;
    unsigned char *head;
    __u16 transport_header; /* from head */
    __u16 network_header;
};

struct seq_file;

struct bpf_iter_meta {
    struct seq_file *seq;
};

struct bpf_iter__tcp {
    struct bpf_iter_meta *meta;
    struct sock_common *sk_common;
};

#pragma clang attribute pop

/* Since 6.10; the values differ between versions and are resolved by name when the program is
 * loaded. */
enum sk_rst_reason {
    SK_RST_REASON_TCP_ABORT_ON_DATA,
    SK_RST_REASON_TCP_TIMEWAIT_SOCKET,
    SK_RST_REASON_TCP_ABORT_ON_CLOSE,
    SK_RST_REASON_TCP_ABORT_ON_LINGER,
    SK_RST_REASON_TCP_ABORT_ON_MEMORY,
    SK_RST_REASON_TCP_STATE,
    SK_RST_REASON_TCP_KEEPALIVE_TIMEOUT,
    SK_RST_REASON_NO_SOCKET,
    SK_RST_REASON_TCP_FLAGS,
};

#endif
