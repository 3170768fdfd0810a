// SPDX-License-Identifier: Apache-2.0
#include "recording/preamble.h"

#include <cstring>

#include "tcpdwell/wire.h"

namespace tcpdwell::recording {
namespace {

td_header header_of_record(std::span<const std::byte> record) {
    td_header header;
    std::memcpy(&header, record.data(), sizeof(header));
    return header;
}

/// What distinguishes a fact or a path from others: its kind, its namespace, and its key or id.
std::string key_of(std::span<const std::byte> record, const td_header& header) {
    std::string key(1, static_cast<char>(header.kind));
    key.append(reinterpret_cast<const char*>(&header.netns), sizeof(header.netns));
    const std::string_view rest(reinterpret_cast<const char*>(record.data()) + sizeof(td_header),
                                record.size() - sizeof(td_header));
    if (header.kind == TD_CGROUP) return key.append(rest.substr(0, sizeof(td_cgroup) - sizeof(td_header)));
    return key.append(rest.substr(0, rest.find('\0')));
}

} // namespace

void Preamble::note(std::span<const std::byte> record) {
    const td_header header = header_of_record(record);
    if (header.kind == TD_CLOCK) {
        clock_.assign(record.begin(), record.end());
    } else if (header.kind == TD_LOST) {
        lost_.assign(record.begin(), record.end());
    } else if (header.kind == TD_FACT || header.kind == TD_CGROUP) {
        const std::string key = key_of(record, header);
        const auto known = others_.find(key);
        if (known != others_.end())
            known->second.assign(record.begin(), record.end());
        else if (others_.size() < kMostEntries)
            others_.emplace(key, Bytes(record.begin(), record.end()));
    }
}

void Preamble::for_each(const std::function<void(std::span<const std::byte> record)>& visit) const {
    if (clock_.empty()) return;
    const std::uint64_t now = header_of_record(clock_).time_ns;
    const auto tell = [&](Bytes record) {
        td_header header = header_of_record(record);
        header.flags |= TD_REPEATED;
        header.time_ns = now;
        std::memcpy(record.data(), &header, sizeof(header));
        visit(record);
    };
    tell(clock_);
    if (!lost_.empty()) tell(lost_);
    for (const auto& [key, record] : others_) tell(record);
}

} // namespace tcpdwell::recording
