// SPDX-License-Identifier: Apache-2.0
// The names of the kinds of records, and the records that carry text.
#include "event/record.h"

#include <algorithm>
#include <numeric>

namespace tcpdwell::event {
namespace {} // namespace

std::string_view kind_name(std::size_t kind) {
    if (kind >= kRecordKindEnd) return {}; // no value of the enumeration
    switch (static_cast<td_kind>(kind)) {
#define TCPDWELL_CASE(kind, name, Struct) \
    case kind: return name;
        TCPDWELL_RECORD_LIST(TCPDWELL_CASE)
#undef TCPDWELL_CASE
    }
    return {};
}

FactText fact_text(std::span<const std::byte> record) {
    const std::string_view text = text_after<td_fact>(record);
    const std::size_t zero = text.find('\0');
    if (zero == std::string_view::npos) return {text, {}};
    return {text.substr(0, zero), text.substr(zero + 1)};
}

std::uint64_t lost_in(std::span<const std::byte> record) {
    if (read_header(record).kind != TD_LOST) return 0;
    const auto lost = as<td_lost>(record);
    if (!lost || std::ranges::any_of(lost->total, [](auto n) { return n > kMostLost; })) return 0;
    return std::accumulate(std::begin(lost->total), std::end(lost->total), std::uint64_t{0});
}

td_header mark_record(MonoTime now, std::uint8_t flags) {
    td_header mark = header_of<td_header>(TD_NOW, wire_ns(now), 0);
    mark.flags = flags;
    return mark;
}

std::vector<std::byte> fact_record(std::uint64_t time_ns, std::uint32_t netns, std::string_view key,
                                   std::string_view value) {
    std::size_t size = key.size() + 1 + value.size();
    auto record = begin_record(td_fact{header_of<td_fact>(TD_FACT, time_ns, netns)}, size);
    const auto text = std::as_writable_bytes(std::span(record)).subspan(sizeof(td_fact), size);
    std::ranges::copy(std::as_bytes(std::span(key)), text.begin());
    std::ranges::copy(std::as_bytes(std::span(value)).first(size - key.size() - 1),
                      text.begin() + static_cast<std::ptrdiff_t>(key.size() + 1));
    return record;
}

std::vector<std::byte> cgroup_record(std::uint64_t time_ns, std::uint64_t id,
                                     std::string_view path) {
    return record_with(td_cgroup{header_of<td_cgroup>(TD_CGROUP, time_ns, 0), id},
                       std::as_bytes(std::span(path)));
}

std::vector<std::byte> container_record(std::uint64_t time_ns, std::uint64_t cgroup,
                                        std::string_view container) {
    return record_with(td_container{header_of<td_container>(TD_CONTAINER, time_ns, 0), cgroup},
                       std::as_bytes(std::span(container)));
}

} // namespace tcpdwell::event
