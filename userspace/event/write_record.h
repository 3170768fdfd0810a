// SPDX-License-Identifier: Apache-2.0
// Wire records that user space itself writes: those with text, and small ones. (The kernel side writes its own.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tcpdwell/wire.h"

namespace tcpdwell {

/// A td_fact record; `netns` 0 for facts about the host.
std::vector<std::byte> fact_record(std::uint64_t time_ns, std::uint32_t netns, std::string_view key,
                                   std::string_view value);
/// A td_cgroup record.
std::vector<std::byte> cgroup_record(std::uint64_t time_ns, std::uint64_t id, std::string_view path);

/// The header of a record of type T.
template <class T>
td_header header_of(td_kind kind, std::uint64_t time_ns, std::uint32_t netns) {
    return td_header{sizeof(T), static_cast<__u8>(kind), 0, netns, time_ns};
}

/// The bytes of a record; valid as long as the record.
template <class T>
std::span<const std::byte> bytes_of(const T& record) {
    return std::as_bytes(std::span(&record, 1));
}

} // namespace tcpdwell
