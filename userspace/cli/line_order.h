// SPDX-License-Identifier: Apache-2.0
// Printed lines in order of time, though the tracker hands them out when it is sure of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/time.h"

namespace tcpdwell::cli {

struct PrintedLine {
    std::string text;
    bool counts; ///< one of those that the user asked for, not about the run
};

class LineOrder {
public:
    /// Returns false if it takes no more.
    using Take = std::function<bool(const PrintedLine& line)>;

    /// How long a line waits for others that are earlier: longer than the tracker waits for an RST
    /// that explains an end.
    static constexpr Nanoseconds kWait = std::chrono::milliseconds(50);

    void add(MonoTime at, PrintedLine line) { lines_.emplace(Key(at, ++count_), std::move(line)); }
    /// Hands over the lines of before `now` - kWait, the earliest first.
    void release(MonoTime now, const Take& take);
    /// All of them.
    void release_all(const Take& take);

private:
    using Key = std::pair<MonoTime, std::uint64_t>; ///< lines of one time stay in their order

    std::map<Key, PrintedLine> lines_;
    std::uint64_t count_ = 0;
};

} // namespace tcpdwell::cli
