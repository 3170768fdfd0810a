// SPDX-License-Identifier: Apache-2.0
// Printed lines in order of time, though the tracker hands them out when it is sure of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace tcpdwell::cli {

/// Valid during a call.
struct PrintedLine {
    std::string_view text;
    bool counts; ///< one of those that the user asked for, not about the run
};

class LineOrder {
public:
    /// Returns false if it takes no more.
    using Take = std::function<bool(const PrintedLine& line)>;

    /// How long a line waits for others that are earlier: longer than the tracker waits for an RST
    /// that explains an end.
    static constexpr Nanoseconds kWait = std::chrono::milliseconds(50);

    void add(MonoTime at, const PrintedLine& line);
    /// Hands over the lines of before `now` - kWait, the earliest first.
    void release(MonoTime now, const Take& take);
    /// All of them.
    void release_all(const Take& take);

private:
    struct Waiting {
        MonoTime at;
        std::uint64_t number; ///< lines of one time stay in their order
        std::size_t text;     ///< in texts_
        bool counts;
    };
    static bool is_later(const Waiting& a, const Waiting& b);
    /// The earliest one; false if it isn't taken.
    bool release_first(const Take& take);

    std::vector<Waiting> waiting_;   ///< a heap, the earliest line at its top
    std::vector<std::string> texts_; ///< their memory serves line after line
    std::vector<std::size_t> free_;  ///< those of texts_ that no line has
    std::uint64_t count_ = 0;
};

} // namespace tcpdwell::cli
