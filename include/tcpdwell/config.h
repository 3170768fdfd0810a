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

struct td_network_list {
    __u32 count;
    struct td_network items[8];
};

/* Ports in host order, both ends included; `first` is at least 1. */
struct td_port_range {
    __u16 first;
    __u16 last;
};

struct td_port_list {
    __u32 count;
    struct td_port_range items[16];
};

/* Inodes of network namespaces. */
struct td_netns_list {
    __u32 count;
    __u32 items[8];
};

#endif
