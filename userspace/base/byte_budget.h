// SPDX-License-Identifier: Apache-2.0
// A bound for the memory of what is kept for as long as a run lasts, and whose size the input
// decides.
#pragma once

#include <cstddef>

namespace tcpdwell {

class ByteBudget {
public:
    explicit ByteBudget(std::size_t bytes) : left_(bytes) {}

    /// False, and nothing is taken, if there isn't that much left.
    bool take(std::size_t bytes) {
        if (bytes > left_) return false;
        left_ -= bytes;
        return true;
    }
    void give_back(std::size_t bytes) { left_ += bytes; }
    /// give_back(before) and take(after), or neither.
    bool exchange(std::size_t before, std::size_t after) {
        if (after > before) return take(after - before);
        give_back(before - after);
        return true;
    }

private:
    std::size_t left_;
};

} // namespace tcpdwell
