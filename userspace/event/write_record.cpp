// SPDX-License-Identifier: Apache-2.0
#include "event/write_record.h"

#include <algorithm>
#include <cstring>

namespace tcpdwell {
namespace {

/// Room for the fixed part and `text` bytes, padded to a multiple of 8 with zeros. Text that a record can't hold is
/// cut.
std::vector<std::byte> sized(std::size_t fixed, std::size_t& text) {
    constexpr std::size_t kLargest = 0xfff8;
    text = std::min(text, kLargest - fixed - 8);
    return std::vector<std::byte>((fixed + text + 7) / 8 * 8);
}

} // namespace

std::vector<std::byte> fact_record(std::uint64_t time_ns, std::uint32_t netns, std::string_view key,
                                   std::string_view value) {
    std::size_t text = key.size() + 1 + value.size();
    auto record = sized(sizeof(td_fact), text);
    td_fact fixed{header_of<td_fact>(TD_FACT, time_ns, netns)};
    fixed.h.size = static_cast<__u16>(record.size());
    std::memcpy(record.data(), &fixed, sizeof(fixed));
    char* to = reinterpret_cast<char*>(record.data()) + sizeof(fixed);
    std::memcpy(to, key.data(), key.size());
    std::memcpy(to + key.size() + 1, value.data(), text - key.size() - 1);
    return record;
}

std::vector<std::byte> cgroup_record(std::uint64_t time_ns, std::uint64_t id, std::string_view path) {
    std::size_t text = path.size();
    auto record = sized(sizeof(td_cgroup), text);
    td_cgroup fixed{header_of<td_cgroup>(TD_CGROUP, time_ns, 0), id};
    fixed.h.size = static_cast<__u16>(record.size());
    std::memcpy(record.data(), &fixed, sizeof(fixed));
    std::memcpy(record.data() + sizeof(fixed), path.data(), text);
    return record;
}

} // namespace tcpdwell
