// SPDX-License-Identifier: Apache-2.0
// Times in which nothing was accepted although connections waited, which are over.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "base/time.h"

namespace tcpdwell::analysis {

/// Of one listening endpoint. Memory: 16 bytes for each of at most kMostSpans and kMostWaits.
class AcceptPauses {
public:
    /// Accepts that follow each other sooner are one span of work.
    static constexpr Nanoseconds kSpanGap = std::chrono::seconds(1);
    static constexpr std::size_t kMostSpans = 64;
    static constexpr std::size_t kMostWaits = 8;

    /// In any order; the same one may come again.
    void note(MonoTime established, MonoTime accepted);
    /// Those of the connections that waited longest begin anew.
    void forget_waits() { waits_.clear(); }

    struct Pause {
        MonoTime begin;
        MonoTime end;
        [[nodiscard]] Nanoseconds length() const { return end - begin; }
    };
    /// The longest that ended after that; nullopt: none that is known.
    [[nodiscard]] std::optional<Pause> longest(MonoTime after) const;
    /// Whether another one was at least half as long: it is the pace at which the program works.
    [[nodiscard]] bool is_usual(const Pause& pause) const;

private:
    struct Span {
        MonoTime first;
        MonoTime last;
    };
    struct Wait {
        MonoTime established;
        MonoTime accepted;
    };

    void note_accept(MonoTime at);
    /// In which it waited: up to its own accept(), from the last one before or since it came.
    [[nodiscard]] std::optional<Pause> pause_of(const Wait& wait) const;

    std::vector<Span> spans_;                 ///< in order, more than kSpanGap apart; the last ones
    std::vector<Wait> waits_;                 ///< the longest
    std::optional<MonoTime> forgotten_until_; ///< spans up to then may be missing
};

} // namespace tcpdwell::analysis
