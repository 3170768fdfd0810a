// SPDX-License-Identifier: Apache-2.0
// The address book of the pretended kernel.
#include "synth/setting.h"

#include <algorithm>

namespace tcpdwell::synth {
namespace {

constexpr std::uint64_t kFirstAddress = 0xffff888000000000;
constexpr std::uint64_t kSlabDistance = 0x100000000;
constexpr std::uint64_t kObjectSize = 0x980;

} // namespace

std::uint64_t KernelMemory::take(Slab slab, MonoTime now) {
    auto& slots = slabs_[static_cast<std::size_t>(slab)];
    auto slot =
        std::find_if(slots.begin(), slots.end(), [&](const Slot& s) { return s.free_from <= now; });
    if (slot == slots.end())
        slot = slots.insert(slot,
                            Slot{kFirstAddress + static_cast<std::uint64_t>(slab) * kSlabDistance +
                                     slots.size() * kObjectSize,
                                 MonoTime::min()});
    slot->free_from = MonoTime::max();
    return slot->address;
}

void KernelMemory::give_back(Slab slab, std::uint64_t address, MonoTime now) {
    for (Slot& slot : slabs_[static_cast<std::size_t>(slab)])
        if (slot.address == address) slot.free_from = now;
}

} // namespace tcpdwell::synth
