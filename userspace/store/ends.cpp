// SPDX-License-Identifier: Apache-2.0
#include "store/ends.h"

namespace tcpdwell::store {

bool has_ended(const track::ConnectionLine& line) {
    return !line.evicted && !line.idle && line.ending != tcp::Ending::open &&
           !line.who->tuple.remote.empty();
}

bool ended_badly(const track::ConnectionLine& line) {
    return line.ending != tcp::Ending::fin || line.seen == tcp::Seen::gap;
}

std::optional<std::uint64_t> sampled_weight(const track::ConnectionLine& line, std::uint64_t flow,
                                            std::uint64_t sample) {
    if (ended_badly(line)) return 1;
    if (flow % sample != 0) return std::nullopt;
    return sample;
}

} // namespace tcpdwell::store
