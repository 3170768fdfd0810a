/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From kernel sockets to the parts of wire records: tuple, owner, cookie.
 */
#ifndef TCPDWELL_SOCKET_BPF_H
#define TCPDWELL_SOCKET_BPF_H

#include <bpf/bpf_endian.h>
#include <tcpdwell/config.h>
#include <tcpdwell/wire.h>

#include "hook.bpf.h"

static __always_inline void put_v4(__u8 *to, __u32 address)
{
    __u32 *words = (__u32 *)to;

    words[0] = 0;
    words[1] = 0;
    words[2] = bpf_htonl(0xffff);
    words[3] = address;
}

static __always_inline void put_v6(__u8 *to, const struct in6_addr *address)
{
    __u32 *words = (__u32 *)to;

    words[0] = READ(address, in6_u.u6_addr32[0]);
    words[1] = READ(address, in6_u.u6_addr32[1]);
    words[2] = READ(address, in6_u.u6_addr32[2]);
    words[3] = READ(address, in6_u.u6_addr32[3]);
}

/* Addresses, remote port and family; `local_port` is the caller's, because where it stands depends
 * on the moment. */
static __always_inline void fill_tuple(struct td_tuple *t, const struct sock_common *skc,
                                       __u16 local_port)
{
    t->family = READ(skc, skc_family);
    if (t->family == AF_INET6) {
        put_v6(t->local_addr, &skc->skc_v6_rcv_saddr);
        put_v6(t->remote_addr, &skc->skc_v6_daddr);
    } else {
        put_v4(t->local_addr, READ(skc, skc_rcv_saddr));
        put_v4(t->remote_addr, READ(skc, skc_daddr));
    }
    t->local_port = local_port;
    t->remote_port = bpf_ntohs(READ(skc, skc_dport));
    t->reserved = 0;
}

static __always_inline __u32 netns_of(const struct sock *sk)
{
    return READ(sk, __sk_common.skc_net.net, ns.inum);
}

static __always_inline __u64 cgroup_of(const struct sock *sk)
{
    if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
        return READ(sk, sk_cgrp_data.cgroup, kn, id);

    struct sock_cgroup_data___tagged *tagged = (void *)&sk->sk_cgrp_data;
    __u64 value = BPF_CORE_READ(tagged, val);
    if ((value & 3) || !value) return 0;
    return BPF_CORE_READ((struct cgroup *)value, kn, id);
}

/* The socket's own side of td_task; no task. */
static __always_inline void fill_owner(struct td_task *to, const struct sock *sk)
{
    to->cgroup = cgroup_of(sk);
    to->uid = READ(sk, sk_uid.val);
    to->pid = 0;
    __builtin_memset(to->comm, 0, sizeof(to->comm));
}

#endif
