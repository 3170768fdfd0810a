/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The user's filters, as far as they can be decided in the kernel; used by the probes and the
 * listing alike. Lists that are longer than these are decided in user space only. A count of 0
 * lets everything pass.
 */
#ifndef TCPDWELL_FILTER_BPF_H
#define TCPDWELL_FILTER_BPF_H

#include <tcpdwell/config.h>
#include <tcpdwell/wire.h>

#define MAX_PORTS 16
#define MAX_NETWORKS 8
#define MAX_NETNS 8

const volatile __u16 filter_family = 0;
const volatile __u32 filter_netns_count = 0;
const volatile __u32 filter_netns[MAX_NETNS] = {};
const volatile __u32 filter_port_count = 0;
const volatile __u16 filter_ports[MAX_PORTS] = {};
const volatile __u32 filter_local_port_count = 0;
const volatile __u16 filter_local_ports[MAX_PORTS] = {};
const volatile __u32 filter_remote_port_count = 0;
const volatile __u16 filter_remote_ports[MAX_PORTS] = {};

const volatile __u32 filter_network_count = 0;
const volatile struct td_network filter_networks[MAX_NETWORKS] = {};

static __always_inline bool filters_set(void)
{
    return filter_family || filter_netns_count || filter_port_count || filter_local_port_count ||
           filter_remote_port_count || filter_network_count;
}

static __always_inline bool netns_passes(__u32 netns)
{
    if (filter_netns_count == 0) return true;
    for (int i = 0; i < MAX_NETNS; i++) {
        if (i >= filter_netns_count) break;
        if (filter_netns[i] == netns) return true;
    }
    return false;
}

static __always_inline bool port_listed(const volatile __u16 *ports, __u32 count, __u16 port)
{
    for (int i = 0; i < MAX_PORTS; i++) {
        if (i >= count) break;
        if (ports[i] == port) return true;
    }
    return false;
}

static __always_inline bool address_listed(const __u8 *address)
{
    const __u32 *words = (const __u32 *)address;

    for (int i = 0; i < MAX_NETWORKS; i++) {
        if (i >= filter_network_count) break;
        const volatile struct td_network *n = &filter_networks[i];
        if ((words[0] & n->mask[0]) == n->address[0] && (words[1] & n->mask[1]) == n->address[1] &&
            (words[2] & n->mask[2]) == n->address[2] && (words[3] & n->mask[3]) == n->address[3])
            return true;
    }
    return false;
}

/* Whether a socket may be wanted. What isn't known yet (port 0, no peer) passes; user space decides
 * again, with all known. */
static __always_inline bool tuple_passes(const struct td_tuple *t)
{
    if (filter_family && t->family != filter_family) return false;
    if (filter_local_port_count && t->local_port &&
        !port_listed(filter_local_ports, filter_local_port_count, t->local_port))
        return false;
    if (t->remote_port == 0) return true;
    if (filter_remote_port_count &&
        !port_listed(filter_remote_ports, filter_remote_port_count, t->remote_port))
        return false;
    if (filter_port_count && t->local_port &&
        !port_listed(filter_ports, filter_port_count, t->local_port) &&
        !port_listed(filter_ports, filter_port_count, t->remote_port))
        return false;
    if (filter_network_count && !address_listed(t->local_addr) && !address_listed(t->remote_addr))
        return false;
    return true;
}

#endif
