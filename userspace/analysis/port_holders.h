// SPDX-License-Identifier: Apache-2.0
// Which programs hold local ports now, and what their connections do.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "analysis/analysis.h"
#include "base/word_enum.h"

namespace tcpdwell::analysis {

// clang-format off
#define TCPDWELL_PORT_STATE_LIST(X) \
    X(time_wait, "in TIME_WAIT") X(close_wait, "in CLOSE_WAIT") \
    X(idle, "open and idle") /* nothing has come or gone for kIdlePort */ X(other, "in use")
// clang-format on
TCPDWELL_WORD_ENUM(PortState, TCPDWELL_PORT_STATE_LIST)

constexpr Nanoseconds kIdlePort = std::chrono::seconds(1);

/// Memory: 600 bytes at most.
class PortHolders {
public:
    static constexpr std::size_t kMostPrograms = 8;

    struct Program {
        std::array<char, TD_COMM_LEN> comm{}; ///< empty: others, or it isn't known
        std::uint64_t ports = 0;
    };

    void note(const track::LiveSocket& socket, MonoTime now, Weight weight);
    void clear() { *this = PortHolders(); }

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t in(PortState state) const { return states_[state]; }
    /// In which more than half of them are; `other` if there is none.
    [[nodiscard]] PortState most_are() const;
    /// The ones with the most first.
    [[nodiscard]] std::vector<Program> programs() const;
    /// Whether it isn't known of all which program they are of.
    [[nodiscard]] bool has_unknown() const;

private:
    EnumArray<PortState, std::uint64_t> states_;
    std::vector<Program> programs_;
    std::uint64_t count_ = 0;
};

} // namespace tcpdwell::analysis
