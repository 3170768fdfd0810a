// SPDX-License-Identifier: Apache-2.0
#include "store/ends.h"

#include "event/filter.h"

namespace tcpdwell::store {

bool has_ended(const track::ConnectionLine& line) {
    return !line.evicted && !line.idle && line.ending != tcp::Ending::open &&
           !line.who->tuple.remote.empty();
}

MonoTime ended_at(const track::ConnectionLine& line) {
    if (!line.closed) return line.entered;
    const bool is_known = line.time_wait && line.time_wait->dwell;
    return is_known ? shifted(*line.closed, -*line.time_wait->dwell) : *line.closed;
}

bool ended_badly(const track::ConnectionLine& line) {
    return line.ending != tcp::Ending::fin || line.seen == tcp::Seen::gap;
}

std::optional<std::uint64_t> sampled_weight(const track::ConnectionLine& line, std::uint64_t flow,
                                            const Sampling& sampling) {
    if (ended_badly(line)) return sampling.traced;
    if (flow % sampling.kept != 0) return std::nullopt;
    return event::sample_of_both(sampling.traced, sampling.kept);
}

} // namespace tcpdwell::store
