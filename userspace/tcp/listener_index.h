// SPDX-License-Identifier: Apache-2.0
// Finds the listening sockets that a connection may belong to, in a time that doesn't depend on how
// many there are: by namespace, port and address.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "base/hash.h"
#include "tcp/address.h"

namespace tcpdwell::tcp {

/// A listener bound to the connection's very address comes before one bound to all (kernel:
/// compute_score() in inet_hashtables.c): find() that address, then those of wildcards_for() it.
template <class Value>
class ListenerIndex {
public:
    /// The endpoints of one port.
    class AtPort {
    public:
        /// nullptr: there is nothing.
        [[nodiscard]] const Value* find(const IpAddress& address) const {
            if (values_.size() == 1) { // nearly always: no hash is needed
                const auto& [only, value] = *values_.begin();
                return only == address ? &value : nullptr;
            }
            const auto it = values_.find(address);
            return it == values_.end() ? nullptr : &it->second;
        }

    private:
        friend ListenerIndex;
        struct Hash {
            std::size_t operator()(const IpAddress& address) const { return mix64(address.bytes); }
        };
        std::unordered_map<IpAddress, Value, Hash> values_;
    };

    /// The addresses that stand for all those that a connection's local address is one of, as the
    /// kernel prefers them: an IPv4 connection belongs to a listener of 0.0.0.0 before one of [::]
    /// (which may be for IPv6 alone), an IPv6 connection to none of 0.0.0.0.
    static std::span<const IpAddress> wildcards_for(const IpAddress& local) {
        return std::span(kWildcards).subspan(local.is_v4() ? 0 : 1);
    }

    /// What is known at the endpoint; a new value if there is nothing.
    Value& at(std::uint32_t netns, const Endpoint& local) {
        const auto [it, is_new] = ports_[key(netns, local.port)].values_.try_emplace(local.address);
        size_ += is_new;
        return it->second;
    }
    /// nullptr: there is nothing.
    [[nodiscard]] const AtPort* at_port(std::uint32_t netns, Port port) const {
        const auto it = ports_.find(key(netns, port));
        return it == ports_.end() ? nullptr : &it->second;
    }
    [[nodiscard]] const Value* find(std::uint32_t netns, const Endpoint& local) const {
        const AtPort* const port = at_port(netns, local.port);
        return port ? port->find(local.address) : nullptr;
    }
    void erase(std::uint32_t netns, const Endpoint& local) {
        const auto it = ports_.find(key(netns, local.port));
        if (it == ports_.end()) return;
        size_ -= it->second.values_.erase(local.address);
        if (it->second.values_.empty()) ports_.erase(it);
    }
    [[nodiscard]] std::size_t size() const { return size_; } ///< endpoints

private:
    /// Of IPv4, and of IPv6.
    static constexpr std::array<IpAddress, 2> kWildcards = [] {
        std::array<IpAddress, 2> both{};
        both[0].bytes[10] = both[0].bytes[11] = 0xff;
        return both;
    }();

    static std::uint64_t key(std::uint32_t netns, Port port) {
        return (std::uint64_t{netns} << 16) | port;
    }
    struct PortHash {
        std::size_t operator()(std::uint64_t key) const { return mix64(key); }
    };

    std::unordered_map<std::uint64_t, AtPort, PortHash> ports_;
    std::size_t size_ = 0;
};

} // namespace tcpdwell::tcp
