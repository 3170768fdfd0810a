// SPDX-License-Identifier: Apache-2.0
#include "track/slot_index.h"

#include <algorithm>
#include <utility>

namespace tcpdwell::track {

void SlotIndex::put(Entry entry) {
    std::size_t i = entry.hash & mask();
    while (entries_[i].slot != 0) i = (i + 1) & mask();
    entries_[i] = entry;
}

void SlotIndex::grow() {
    const std::vector<Entry> old = std::exchange(entries_, {});
    entries_.resize(std::max<std::size_t>(16, old.size() * 2));
    for (const Entry& entry : old)
        if (entry.slot != 0) put(entry);
}

void SlotIndex::insert(std::uint64_t hash, Slot slot) {
    if (4 * (size_ + 1) > 3 * entries_.size()) grow();
    put({static_cast<std::uint32_t>(hash), slot});
    ++size_;
}

void SlotIndex::erase(std::uint64_t hash, Slot slot) {
    if (entries_.empty()) return;
    const auto low = static_cast<std::uint32_t>(hash);
    std::size_t hole = low & mask();
    // The slot may have another entry, with another hash.
    for (; entries_[hole].slot != slot || entries_[hole].hash != low; hole = (hole + 1) & mask())
        if (entries_[hole].slot == 0) return;
    // Entries behind the hole move up, unless that would bring them before the place where the
    // search for them begins.
    for (std::size_t i = hole;;) {
        i = (i + 1) & mask();
        const Entry& e = entries_[i];
        if (e.slot == 0) break;
        const std::size_t from_home = (i - e.hash) & mask();
        const std::size_t from_hole = (i - hole) & mask();
        if (from_home < from_hole) continue;
        entries_[hole] = e;
        hole = i;
    }
    entries_[hole] = {};
    --size_;
}

} // namespace tcpdwell::track
