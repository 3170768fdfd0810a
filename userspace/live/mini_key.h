// SPDX-License-Identifier: Apache-2.0
// What distinguishes one mini-socket from another, whichever source lists it: not every listing
// knows kernel addresses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>

#include "tcpdwell/wire.h"

namespace tcpdwell::live {

/// Namespace and four-tuple, without the family (a v4-mapped mini-socket is the same in either).
class MiniKey {
public:
    MiniKey(std::uint32_t netns, const td_tuple& tuple) : netns_(netns) {
        std::memcpy(bytes_.data(), tuple.local_addr, sizeof(tuple.local_addr));
        std::memcpy(bytes_.data() + 16, tuple.remote_addr, sizeof(tuple.remote_addr));
        std::memcpy(bytes_.data() + 32, &tuple.local_port, sizeof(tuple.local_port));
        std::memcpy(bytes_.data() + 34, &tuple.remote_port, sizeof(tuple.remote_port));
    }
    [[nodiscard]] std::uint32_t netns() const { return netns_; }
    bool operator==(const MiniKey&) const = default;

    struct Hash {
        std::size_t operator()(const MiniKey& key) const {
            return std::hash<std::string_view>()({key.bytes_.data(), key.bytes_.size()}) ^
                   key.netns_;
        }
    };

private:
    std::uint32_t netns_;
    std::array<char, 36> bytes_{};
};

} // namespace tcpdwell::live
