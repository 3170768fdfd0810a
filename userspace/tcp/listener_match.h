// SPDX-License-Identifier: Apache-2.0
// Which listening socket a connection belongs to.
#pragma once

#include <iterator>

#include "tcp/address.h"

namespace tcpdwell::tcp {

/// Among the listeners at one port, the one that a connection to `local` belongs to: one bound to
/// that very address before one bound to all (kernel: compute_score() in inet_hashtables.c);
/// nullptr if there is neither. `address_of` returns a pointer to a listener's address, nullptr to
/// pass it over.
template <class Listeners, class AddressOf>
auto match_listener(Listeners& listeners, const IpAddress& local, AddressOf address_of)
    -> decltype(&*std::begin(listeners)) {
    decltype(&*std::begin(listeners)) wildcard = nullptr;
    for (auto& listener : listeners) {
        const IpAddress* const address = address_of(listener);
        if (!address) continue;
        if (*address == local) return &listener;
        if (address->is_unspecified()) wildcard = &listener;
    }
    return wildcard;
}

} // namespace tcpdwell::tcp
