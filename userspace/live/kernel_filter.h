// SPDX-License-Identifier: Apache-2.0
// From a Filter to the constants that the BPF programs read (bpf/filter.bpf.h).
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "event/filter.h"

namespace tcpdwell::live {

/// Copies a list, unless it is longer than the kernel side has room for: then it is decided in user
/// space only.
template <class Array, class Count, class List>
void set_filter_list(Array& array, Count& count, const List& list) {
    if (list.size() > std::size(array)) return;
    std::copy(list.begin(), list.end(), array);
    count = static_cast<Count>(list.size());
}

/// `rodata` is the constants of a skeleton whose programs include filter.bpf.h.
template <class Rodata>
void set_kernel_filter(Rodata& rodata, const event::Filter& filter) {
    if (filter.family)
        rodata.filter_family = *filter.family == tcp::Family::ipv4 ? AF_INET : AF_INET6;
    set_filter_list(rodata.filter_netns, rodata.filter_netns_count, filter.netns);
    set_filter_list(rodata.filter_ports, rodata.filter_port_count, filter.ports);
    set_filter_list(rodata.filter_local_ports, rodata.filter_local_port_count, filter.local_ports);
    set_filter_list(rodata.filter_remote_ports, rodata.filter_remote_port_count,
                    filter.remote_ports);
    if (filter.addresses.size() > std::size(rodata.filter_networks)) return;
    for (std::size_t i = 0; i < filter.addresses.size(); ++i) {
        const tcp::Cidr& cidr = filter.addresses[i];
        std::array<std::uint8_t, 16> mask{};
        for (unsigned bit = 0; bit < cidr.prefix; ++bit)
            mask[bit / 8] = static_cast<std::uint8_t>(mask[bit / 8] | (0x80u >> (bit % 8)));
        std::memcpy(rodata.filter_networks[i].address, cidr.network.bytes.data(), 16);
        std::memcpy(rodata.filter_networks[i].mask, mask.data(), 16);
    }
    rodata.filter_network_count = static_cast<std::uint32_t>(filter.addresses.size());
}

} // namespace tcpdwell::live
