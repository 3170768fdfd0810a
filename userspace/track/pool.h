// SPDX-License-Identifier: Apache-2.0
// Storage for many objects of one type that are named by 32-bit numbers, and never move.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tcpdwell::track {

/// Number of an object in its pool; 0 names none.
using Slot = std::uint32_t;

/// What was given back can still be looked at (its memory is kept), and is handed out again first.
/// kNext: a member of T that the pool may use between give_back() and take().
template <class T, Slot T::*kNext>
class Pool {
public:
    /// A fresh T.
    Slot take() {
        if (free_ == 0) {
            if (used_ % kChunk == 0) chunks_.push_back(std::make_unique<T[]>(kChunk));
            return static_cast<Slot>(++used_);
        }
        const Slot slot = free_;
        T& object = (*this)[slot];
        free_ = object.*kNext;
        object = T{};
        return slot;
    }
    void give_back(Slot slot) {
        (*this)[slot].*kNext = free_;
        free_ = slot;
    }
    /// How many objects there have been at the same time, at most: their slots are 1 to this.
    [[nodiscard]] std::size_t used() const { return used_; }
    T& operator[](Slot slot) { return chunks_[(slot - 1) / kChunk][(slot - 1) % kChunk]; }
    const T& operator[](Slot slot) const {
        return chunks_[(slot - 1) / kChunk][(slot - 1) % kChunk];
    }

private:
    static constexpr std::size_t kChunk = 1024;
    std::vector<std::unique_ptr<T[]>> chunks_;
    std::size_t used_ = 0; ///< ever
    Slot free_ = 0;
};

} // namespace tcpdwell::track
