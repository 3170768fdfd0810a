/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs are compiled twice. Where the kernel describes its types to the verifier, their
 * hooks are typed tracepoints (tp_btf) and a field of an argument is a plain load. A kernel built
 * without CONFIG_DEBUG_INFO_BTF loads no such program; for it (TCPDWELL_RAW) the same functions are
 * attached to raw tracepoints, whose arguments are numbers to the verifier, and each field is a
 * probe read, relocated against a BTF file that user space is given.
 */
#ifndef TCPDWELL_HOOK_BPF_H
#define TCPDWELL_HOOK_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.bpf.h"

/* READ(p, a, b) is p->a->b for a pointer that came as an argument of a tracepoint, or from one that
 * did. No pointer on the way may be NULL: a fault in a program that has subprograms is an oops on
 * older kernels (seen on 5.10: search_bpf_extables() finds the program without the table of its
 * function). Where one can be, BPF_CORE_READ() reads by a helper. */
#ifdef TCPDWELL_RAW
#define TRACEPOINT(name) SEC("raw_tp/" #name)
#define READ(...) BPF_CORE_READ(__VA_ARGS__)
#else
#define TRACEPOINT(name) SEC("tp_btf/" #name)
#define READ(...) (___arrow(__VA_ARGS__))
#endif

/* The TCP part of a full TCP socket; NULL if the kernel says it isn't one. */
static __always_inline struct tcp_sock *tcp_part(struct sock *sk)
{
#ifdef TCPDWELL_RAW
    return (struct tcp_sock *)sk;
#else
    return bpf_skc_to_tcp_sock(sk);
#endif
}

/* The socket's cookie, generated now if need be; for typed arguments only (and since 5.12, commit
 * c5dbb89fc2ac). */
static __always_inline __u64 make_cookie(struct sock *sk)
{
#ifdef TCPDWELL_RAW
    return 0;
#else
    return bpf_get_socket_cookie(sk);
#endif
}

/* A number that is another one for each socket, as long as `anchor`, a pointer, is the same: the
 * verifier lets a number be made of typed arguments only by subtraction. */
static __always_inline __u64 number_of(const struct sock *sk, const void *anchor)
{
#ifdef TCPDWELL_RAW
    return (__u64)sk;
#else
    return (__u64)sk - (__u64)anchor;
#endif
}

#endif
