// SPDX-License-Identifier: Apache-2.0
// Finds the listening sockets that a connection may belong to, in a time that doesn't depend on how
// many there are: by namespace, port and address.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <unordered_map>

#include "base/hash.h"
#include "tcp/address.h"

namespace tcpdwell::tcp {

/// A listener bound to the connection's very address comes before one bound to all (kernel:
/// compute_score() in inet_hashtables.c): find() that address, then those of wildcards().
template <class Value>
class ListenerIndex {
public:
    /// What is known at the endpoint; a new value if there is nothing.
    Value& at(std::uint32_t netns, const Endpoint& local) { return values_[{netns, local}]; }
    /// nullptr: there is nothing.
    [[nodiscard]] const Value* find(std::uint32_t netns, const Endpoint& local) const {
        const auto it = values_.find({netns, local});
        return it == values_.end() ? nullptr : &it->second;
    }
    void erase(std::uint32_t netns, const Endpoint& local) { values_.erase({netns, local}); }
    [[nodiscard]] std::size_t size() const { return values_.size(); } ///< endpoints

    /// The endpoints of that port that stand for all addresses.
    static std::array<Endpoint, 2> wildcards(Port port) {
        IpAddress v4;
        v4.bytes[10] = v4.bytes[11] = 0xff;
        return {Endpoint{IpAddress{}, port}, Endpoint{v4, port}};
    }

private:
    struct Key {
        std::uint32_t netns;
        Endpoint local;

        bool operator==(const Key&) const = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const {
            std::array<std::uint64_t, 2> words{};
            std::memcpy(words.data(), key.local.address.bytes.data(), sizeof(words));
            const std::uint64_t place = (std::uint64_t{key.netns} << 16) | key.local.port;
            return mix64(words[1] ^ mix64(words[0] ^ mix64(place)));
        }
    };

    std::unordered_map<Key, Value, Hash> values_;
};

} // namespace tcpdwell::tcp
