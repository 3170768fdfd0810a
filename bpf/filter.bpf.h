/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The user's filters, as far as they can be decided in the kernel; used by the probes and the
 * listing alike. Lists that are longer than there is room for are decided in user space only. A
 * list that is empty lets everything pass.
 */
#ifndef TCPDWELL_FILTER_BPF_H
#define TCPDWELL_FILTER_BPF_H

#include <bpf/bpf_endian.h>
#include <tcpdwell/config.h>
#include <tcpdwell/flow.h>
#include <tcpdwell/wire.h>

const volatile __u16 filter_family = 0;
const volatile struct td_netns_list filter_netns = {};
const volatile struct td_port_list filter_ports = {};
const volatile struct td_port_list filter_local_ports = {};
const volatile struct td_port_list filter_remote_ports = {};
const volatile struct td_network_list filter_networks = {};

/* One flow in so many (td_flow()); 0: all. */
const volatile __u32 filter_sample = 0;

/* What a filter excludes by '!'. */
const volatile struct td_netns_list excluded_netns = {};
const volatile struct td_port_list excluded_ports = {};
const volatile struct td_port_list excluded_local_ports = {};
const volatile struct td_port_list excluded_remote_ports = {};
const volatile struct td_network_list excluded_networks = {};

#define ROOM(list) ((int)(sizeof((list)->items) / sizeof((list)->items[0])))

static __always_inline bool filters_set(void)
{
    return filter_family || filter_sample || filter_netns.count || filter_ports.count ||
           filter_local_ports.count || filter_remote_ports.count || filter_networks.count ||
           excluded_netns.count || excluded_ports.count || excluded_local_ports.count ||
           excluded_remote_ports.count || excluded_networks.count;
}

static __always_inline bool netns_listed(const volatile struct td_netns_list *list, __u32 netns)
{
    for (int i = 0; i < ROOM(list); i++) {
        if (i >= list->count) break;
        if (list->items[i] == netns) return true;
    }
    return false;
}

static __always_inline bool netns_passes(__u32 netns)
{
    if (filter_netns.count && !netns_listed(&filter_netns, netns)) return false;
    return !netns_listed(&excluded_netns, netns);
}

/* Port 0 is in no list. */
static __always_inline bool port_listed(const volatile struct td_port_list *list, __u16 port)
{
    for (int i = 0; i < ROOM(list); i++) {
        if (i >= list->count) break;
        if (list->items[i].first <= port && port <= list->items[i].last) return true;
    }
    return false;
}

static __always_inline bool address_listed(const volatile struct td_network_list *list,
                                           const __u8 *address)
{
    const __u32 *words = (const __u32 *)address;

    for (int i = 0; i < ROOM(list); i++) {
        if (i >= list->count) break;
        const volatile struct td_network *n = &list->items[i];
        if ((words[0] & n->mask[0]) == n->address[0] && (words[1] & n->mask[1]) == n->address[1] &&
            (words[2] & n->mask[2]) == n->address[2] && (words[3] & n->mask[3]) == n->address[3])
            return true;
    }
    return false;
}

/* Whether what is known already excludes a socket. */
static __always_inline bool tuple_excluded(const struct td_tuple *t)
{
    return port_listed(&excluded_local_ports, t->local_port) ||
           port_listed(&excluded_remote_ports, t->remote_port) ||
           port_listed(&excluded_ports, t->local_port) ||
           port_listed(&excluded_ports, t->remote_port) ||
           (t->local_port && address_listed(&excluded_networks, t->local_addr)) ||
           (t->remote_port && address_listed(&excluded_networks, t->remote_addr));
}

static __always_inline __u64 big_endian(const __u32 *words)
{
    return (__u64)bpf_ntohl(words[0]) << 32 | bpf_ntohl(words[1]);
}

static __always_inline struct td_flow_end flow_end(const __u8 *address, __u16 port)
{
    const __u32 *words = (const __u32 *)address;
    struct td_flow_end end = {big_endian(words), big_endian(words + 2), port};

    return end;
}

/* Whether the flow may be one of the sample: one of which a port isn't known yet may, and what has
 * no peer (a listener) is. */
static __always_inline bool sample_passes(const struct td_tuple *t)
{
    if (!filter_sample || !t->local_port || !t->remote_port) return true;
    return td_flow(flow_end(t->local_addr, t->local_port),
                   flow_end(t->remote_addr, t->remote_port)) %
               filter_sample ==
           0;
}

/* Whether a socket may be wanted. What isn't known yet (port 0, no peer) passes; user space decides
 * again, with all known. */
static __always_inline bool tuple_passes(const struct td_tuple *t)
{
    if (filter_family && t->family != filter_family) return false;
    if (tuple_excluded(t)) return false;
    if (filter_local_ports.count && t->local_port &&
        !port_listed(&filter_local_ports, t->local_port))
        return false;
    if (t->remote_port == 0) return true;
    if (filter_remote_ports.count && !port_listed(&filter_remote_ports, t->remote_port))
        return false;
    if (filter_ports.count && t->local_port && !port_listed(&filter_ports, t->local_port) &&
        !port_listed(&filter_ports, t->remote_port))
        return false;
    if (filter_networks.count && !address_listed(&filter_networks, t->local_addr) &&
        !address_listed(&filter_networks, t->remote_addr))
        return false;
    return sample_passes(t);
}

#endif
