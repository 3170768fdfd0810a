/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records of mini-sockets (TIME_WAIT, orphaned FIN_WAIT2) and request sockets (SYN_RECV), and the
 * probe set that reaches them from their timers (the other one: fentry.bpf.h). A timer is an
 * untyped address to the verifier, so these objects are read by probe reads: one for all of
 * sock_common, one per other field.
 */
#ifndef TCPDWELL_MINIS_BPF_H
#define TCPDWELL_MINIS_BPF_H

#include "emit.bpf.h"
#include "filter.bpf.h"
#include "socket.bpf.h"

/* sock_common has been 136 bytes since 4.x (x86-64 and arm64); what we need of it lies within. */
#define SOCK_COMMON_BYTES 136

/* The object's first bytes; a field of sock_common is found in it by its relocated offset. */
typedef __u64 common_copy[SOCK_COMMON_BYTES / 8];

#define COMMON_FIELD(copy, type, field) \
    (*(type *)((char *)(copy) + bpf_core_field_offset(struct sock_common, field)))

static __always_inline void copy_v6(__u8 *to, const __u32 *from)
{
    __u32 *words = (__u32 *)to;

    words[0] = from[0];
    words[1] = from[1];
    words[2] = from[2];
    words[3] = from[3];
}

/* Fills the tuple and returns the namespace's inode. */
static __always_inline __u32 read_common(const __u64 *c, struct td_tuple *t)
{
    t->family = COMMON_FIELD(c, __u16, skc_family);
    if (t->family == AF_INET6) {
        copy_v6(t->local_addr, &COMMON_FIELD(c, __u32, skc_v6_rcv_saddr));
        copy_v6(t->remote_addr, &COMMON_FIELD(c, __u32, skc_v6_daddr));
    } else {
        put_v4(t->local_addr, COMMON_FIELD(c, __u32, skc_rcv_saddr));
        put_v4(t->remote_addr, COMMON_FIELD(c, __u32, skc_daddr));
    }
    t->local_port = COMMON_FIELD(c, __u16, skc_num);
    t->remote_port = bpf_ntohs(COMMON_FIELD(c, __u16, skc_dport));
    t->reserved = 0;
    return BPF_CORE_READ((struct net *)COMMON_FIELD(c, __u64, skc_net.net), ns.inum);
}

/* DCCP (until 6.16) keeps its own in the same objects, with the same functions: its protocols are
 * DCCP and DCCPv6, TCP's TCP and TCPv6. */
static __always_inline bool is_tcp(const __u64 *c)
{
    const struct proto *protocol = (void *)COMMON_FIELD(c, __u64, skc_prot);
    char name[4] = {};

    bpf_core_read(name, 3, &protocol->name);
    return name[0] == 'T' && name[1] == 'C' && name[2] == 'P';
}

/* The td_stack bit of the function that an address lies in; 0 for all others. A global function,
 * which the verifier looks at once and not once per frame. */
__noinline __u64 stack_bit(__u64 address)
{
    for (int i = 0; i < MAX_STACK_RANGES; i++) {
        if (i >= stack_range_count) break;
        if (address >= stack_ranges[i].start && address < stack_ranges[i].end)
            return stack_ranges[i].bit;
    }
    return 0;
}

/* Which of the known functions are in the kernel stack: from the inside out, up to the one that
 * caused it. On loopback the stack goes on into the peer's system call. */
static __always_inline __u16 stack_bits(void *ctx)
{
    __u64 frames[16] = {};
    __u64 bits = TD_STACK_TAKEN;

    if (stack_range_count == 0 || bpf_get_stack(ctx, frames, sizeof(frames), 0) <= 0) return 0;
    for (int i = 0; i < 16; i++) {
        bits |= stack_bit(frames[i]);
        if (bits & TD_STACK_CAUSES) break;
    }
    return bits;
}

/* Whether that many jiffies have come; false where that isn't known. */
static __always_inline bool is_due(__u64 expires)
{
    return knows_jiffies && (__s64)(bpf_jiffies64() - expires) >= 0;
}

/* Unwinding the stack costs microseconds: only of what the filters let pass. */
static __always_inline void emit_timewait(void *ctx, struct inet_timewait_sock *tw,
                                          enum td_timer_op op, __u64 expires, bool with_stack)
{
    common_copy common;
    struct td_tuple tuple;
    struct td_timewait *r;
    __u16 stack = 0;
    __u32 netns;

    if (bpf_probe_read_kernel(common, sizeof(common), tw)) return;
    netns = read_common(common, &tuple);
    if (!netns_passes(netns) || !tuple_passes(&tuple) || !is_tcp(common)) return;

    if (with_stack) stack = stack_bits(ctx);

    r = reserve(sizeof(*r), TD_PROBE_TIMEWAIT);
    if (!r) return;
    fill_header(&r->h, sizeof(*r), TD_TIMEWAIT, netns);
    r->mini = (__u64)tw;
    r->cookie = COMMON_FIELD(common, __u64, skc_cookie);
    r->tuple = tuple;
    r->expires = expires;
    r->entry_stamp = 0;
    if (bpf_core_field_exists(tw->tw_entry_stamp))
        r->entry_stamp = BPF_CORE_READ(tw, tw_entry_stamp);
    r->op = op;
    r->substate = BPF_CORE_READ(tw, tw_substate);
    r->stack = stack;
    submit(r);
}

/* Whether the softirq of this CPU makes a child: it has shown its birth, and its request, which it
 * takes the place of, is dropped next. */
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} child_in_making SEC(".maps");

static __always_inline void note_child(bool in_making)
{
    __u32 key = 0;
    __u32 *making = bpf_map_lookup_elem(&child_in_making, &key);

    if (making) *making = in_making;
}

static __always_inline bool makes_child(void)
{
    __u32 key = 0;
    __u32 *making = bpf_map_lookup_elem(&child_in_making, &key);

    return making && *making;
}

/* `with_stack`: why the request is dropped; not taken where a child takes its place. */
static __always_inline void emit_request(void *ctx, struct request_sock *req, enum td_timer_op op,
                                         bool with_stack)
{
    __u16 stack = 0;
    common_copy common;
    struct td_tuple tuple;
    struct td_request *r;
    __u32 netns;

    if (bpf_probe_read_kernel(common, sizeof(common), req)) return;
    netns = read_common(common, &tuple);
    if (!netns_passes(netns) || !tuple_passes(&tuple) || !is_tcp(common)) return;

    if (with_stack && !makes_child()) stack = stack_bits(ctx);

    r = reserve(sizeof(*r), TD_PROBE_REQUEST);
    if (!r) return;
    fill_header(&r->h, sizeof(*r), TD_REQUEST, netns);
    r->request = (__u64)req;
    r->listener = COMMON_FIELD(common, __u64, skc_listener);
    r->tuple = tuple;
    r->op = op;
    r->timeouts = BPF_CORE_READ_BITFIELD_PROBED(req, num_timeout);
    r->stack = stack;
    __builtin_memset(r->reserved, 0, sizeof(r->reserved));
    submit(r);
}

static __always_inline void on_timer(void *ctx, struct timer_list *timer, enum td_timer_op op)
{
    __u64 function = (__u64)READ(timer, function);

    if (function == timewait_timer_function) {
        __u64 expires = READ(timer, expires);

        /* A timer that is due is being expired, and the event that follows says so. */
        emit_timewait(ctx,
                      (void *)timer - bpf_core_field_offset(struct inet_timewait_sock, tw_timer),
                      op, expires, op == TD_TIMER_CANCEL && !is_due(expires));
    } else if (function == request_timer_function) {
        emit_request(ctx, (void *)timer - bpf_core_field_offset(struct request_sock, rsk_timer), op,
                     op == TD_TIMER_CANCEL && !is_due(READ(timer, expires)));
    }
}

#endif
