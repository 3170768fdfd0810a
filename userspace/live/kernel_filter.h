// SPDX-License-Identifier: Apache-2.0
// From a Filter to the constants that the BPF programs read (bpf/filter.bpf.h).
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <vector>

#include <tcpdwell/config.h>

#include "event/filter.h"

namespace tcpdwell::live {

/// Copies a list, unless it is longer than the kernel side has room for: then it is decided in user
/// space only.
template <class KernelList, class Item, class Convert>
void set_filter_list(KernelList& kernel, const std::vector<Item>& list, Convert convert) {
    if (list.size() > std::size(kernel.items)) return;
    std::transform(list.begin(), list.end(), kernel.items, convert);
    kernel.count = static_cast<std::uint32_t>(list.size());
}

inline td_network kernel_network(const tcp::Cidr& cidr) {
    std::array<std::uint8_t, 16> mask{};
    for (unsigned bit = 0; bit < cidr.prefix; ++bit)
        mask[bit / 8] = static_cast<std::uint8_t>(mask[bit / 8] | (0x80u >> (bit % 8)));
    td_network network{};
    std::memcpy(network.address, cidr.network.bytes.data(), sizeof(network.address));
    std::memcpy(network.mask, mask.data(), sizeof(network.mask));
    return network;
}

/// `rodata` is the constants of a skeleton whose programs include filter.bpf.h.
template <class Rodata>
void set_kernel_filter(Rodata& rodata, const event::Filter& filter) {
    if (filter.family)
        rodata.filter_family = *filter.family == tcp::Family::ipv4 ? AF_INET : AF_INET6;
    rodata.filter_sample = filter.sample > 1 ? filter.sample : 0;
    const auto set = [](auto& wanted, auto& excluded, const auto& list, auto convert) {
        set_filter_list(wanted, list.wanted, convert);
        set_filter_list(excluded, list.excluded, convert);
    };
    const auto port = [](const event::PortRange& range) {
        return td_port_range{range.first, range.last};
    };
    set(rodata.filter_netns, rodata.excluded_netns, filter.netns, std::identity());
    set(rodata.filter_ports, rodata.excluded_ports, filter.ports, port);
    set(rodata.filter_local_ports, rodata.excluded_local_ports, filter.local_ports, port);
    set(rodata.filter_remote_ports, rodata.excluded_remote_ports, filter.remote_ports, port);
    set(rodata.filter_networks, rodata.excluded_networks, filter.addresses, kernel_network);
}

} // namespace tcpdwell::live
