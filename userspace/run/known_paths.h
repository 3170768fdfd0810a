// SPDX-License-Identifier: Apache-2.0
// The paths of cgroups, as far as there is room for them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/byte_budget.h"

namespace tcpdwell::run {

class KnownPaths {
public:
    /// 100 000 paths of 100 bytes, and some more.
    static constexpr std::size_t kMostBytes = 24 << 20;

    explicit KnownPaths(std::size_t most_bytes = kMostBytes)
        : most_bytes_(most_bytes), budget_(most_bytes) {}

    /// How many paths had to go for it: the oldest ones that nobody has asked for since the last
    /// time that room was needed. One that has no room at all counts as gone, too.
    std::size_t learn(std::uint64_t id, std::string_view path);
    [[nodiscard]] std::optional<std::string_view> find(std::uint64_t id) const;

private:
    struct Known {
        std::string path;
        mutable bool is_used = false; ///< since it was last in line to go
    };
    static std::size_t cost_of(std::string_view path);
    void drop_one();

    std::size_t most_bytes_;
    ByteBudget budget_;
    std::unordered_map<std::uint64_t, Known> paths_;
    std::deque<std::uint64_t> line_; ///< the ids of paths_; the first is the next to go
};

} // namespace tcpdwell::run
