/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who takes a connection from the accept queue: the task that accepts it, whoever listens. Seen in
 * the kernel's function where functions can be attached to, else at the end of the system calls,
 * which io_uring (IORING_OP_ACCEPT) doesn't make.
 */
#ifndef TCPDWELL_ACCEPT_BPF_H
#define TCPDWELL_ACCEPT_BPF_H

#include <bpf/bpf_tracing.h>

#include "emit.bpf.h"
#include "filter.bpf.h"
#include "minis.bpf.h"
#include "task.bpf.h"

static __always_inline bool is_full_tcp(const struct sock *sk)
{
    __u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

    return (family == AF_INET || family == AF_INET6) &&
           BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

static __always_inline void emit_accepted(const struct sock *sk, __u32 uid)
{
    /* The tuple is wanted for filters only: user space knows the connection by its address. */
    if (filters_set()) {
        common_copy common;
        struct td_tuple tuple;
        if (bpf_probe_read_kernel(common, sizeof(common), sk)) return;
        if (!netns_passes(read_common(common, &tuple)) || !tuple_passes(&tuple)) return;
    }

    struct td_owner_by_thread *r = reserve(sizeof(*r), TD_PROBE_OWNER);
    if (!r) return;
    struct td_owner *owner = &r->owner;
    fill_header(&owner->h, sizeof(*r), TD_OWNER, 0);
    owner->sock = (__u64)sk;
    owner->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
    owner->task.cgroup = 0;
    owner->task.uid = uid;
    owner->task.pid = 0;
    __builtin_memset(owner->task.comm, 0, sizeof(owner->task.comm));
    struct current_task current;

    read_current(&current);
    add_current(&current, &owner->task, r->thread);
    owner->how = TD_OWNER_ACCEPTED;
    __builtin_memset(owner->reserved, 0, sizeof(owner->reserved));
    submit(r);
}

/* What was accepted, where that is an MPTCP socket: inet_csk_accept() has returned the subflow. */
static __always_inline struct sock *first_subflow(struct sock *sk)
{
    struct mptcp_sock *above = (void *)sk;

    return bpf_core_field_exists(above->first) ? BPF_CORE_READ(above, first) : NULL;
}

struct sys_exit_args {
    __u64 common;
    long number;
    long result;
};

/* accept() and accept4() return a descriptor. */
static __always_inline int on_accept(struct sys_exit_args *args)
{
    long fd = args->result;
    if (fd < 0) return 0;

    struct task_struct *task = (void *)bpf_get_current_task();
    struct file **files = BPF_CORE_READ(task, files, fdt, fd);
    struct file *file = NULL;
    bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
    struct socket *socket = BPF_CORE_READ(file, private_data);
    struct sock *sk = BPF_CORE_READ(socket, sk);
    __u32 uid = BPF_CORE_READ(sk, sk_uid.val);
    if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP) sk = first_subflow(sk);
    if (is_full_tcp(sk)) emit_accepted(sk, uid);
    return 0;
}

SEC("tracepoint/syscalls/sys_exit_accept")
int on_accept_exit(struct sys_exit_args *args) { return on_accept(args); }

SEC("tracepoint/syscalls/sys_exit_accept4")
int on_accept4_exit(struct sys_exit_args *args) { return on_accept(args); }

#ifndef TCPDWELL_RAW
/* Returns the child, or NULL: after two arguments since 6.10, before that after four. It has no
 * file yet, and its listener's uid until it gets one, whose uid is that of the task (sock_alloc()).
 */
SEC("?fexit/inet_csk_accept")
int BPF_PROG(on_accepted)
{
    struct sock *sk = NULL;
    struct task_struct *task = (void *)bpf_get_current_task();

    if (accept_result == 2) sk = (void *)ctx[2];
    if (accept_result == 4) sk = (void *)ctx[4];
    if (sk && is_full_tcp(sk)) emit_accepted(sk, BPF_CORE_READ(task, cred, fsuid.val));
    return 0;
}
#endif

#endif
