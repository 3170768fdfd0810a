/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Types of the variables by which user space configures the BPF programs before they are loaded
 * (bpf/config.bpf.h).
 */
#ifndef TCPDWELL_CONFIG_H
#define TCPDWELL_CONFIG_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

/* What the sampler process calls itself: TD_COMM_LEN bytes with the final zero. */
#define TD_SAMPLER_COMM "tcpdwell-sample"

/* Kernel code [start, end) that stands for one bit of enum td_stack. */
struct td_stack_range {
    __u64 start;
    __u64 end;
    __u64 bit;
};

/* Addresses a with (a & mask) == address; network order, IPv4 as ::ffff:a.b.c.d. */
struct td_network {
    __u32 address[4];
    __u32 mask[4];
};

#endif
