// SPDX-License-Identifier: Apache-2.0
// A hash index over objects in a pool. The keys stay in the objects: an entry is eight bytes, and a
// look-up touches hardly any object but the one it finds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "track/pool.h"

namespace tcpdwell::track {

/// Open addressing with linear probing, at most three quarters full. The low half of a hash has to
/// be well mixed.
class SlotIndex {
public:
    /// The slot with that hash for which `is_it` says so; 0 if there is none.
    template <class Predicate>
    [[nodiscard]] Slot find(std::uint64_t hash, Predicate is_it) const {
        if (entries_.empty()) return 0;
        const auto low = static_cast<std::uint32_t>(hash);
        for (std::size_t i = low & mask();; i = (i + 1) & mask()) {
            const Entry& e = entries_[i];
            if (e.slot == 0) return 0;
            if (e.hash == low && is_it(e.slot)) return e.slot;
        }
    }
    /// It must not be in the index with this hash.
    void insert(std::uint64_t hash, Slot slot);
    /// Does nothing if it isn't in the index with this hash.
    void erase(std::uint64_t hash, Slot slot);

    [[nodiscard]] std::size_t size() const { return size_; }

private:
    struct Entry {
        std::uint32_t hash = 0;
        Slot slot = 0; ///< 0: empty
    };
    [[nodiscard]] std::size_t mask() const { return entries_.size() - 1; }
    void put(Entry entry);
    void grow();

    std::vector<Entry> entries_; ///< none, or a power of two
    std::size_t size_ = 0;
};

} // namespace tcpdwell::track
