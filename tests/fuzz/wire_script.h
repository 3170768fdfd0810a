// SPDX-License-Identifier: Apache-2.0
// Wire records as the bytes of a fuzzer's input: of any kind and with any values, but whole, so
// that what is behind the reader gets them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "event/record.h"

namespace tcpdwell::test {

/// A record in a script: kind, flags, how many words follow behind the header; the time since the
/// record before, whose unit is 2^shift ns (negative: two CPUs, or the past); the namespace; words.
struct WireScriptHead {
    std::uint8_t kind;
    std::uint8_t flags;
    std::uint8_t words;
    std::uint8_t shift;
    std::int16_t later;
    std::uint16_t netns;
};
static_assert(sizeof(WireScriptHead) == 8);

inline constexpr std::uint64_t kScriptBegin = 1'000'000'000'000;

/// Calls take(record) for each record of the script.
template <class Take>
void for_each_in_script(std::span<const std::uint8_t> script, const Take& take) {
    std::uint64_t now = kScriptBegin;
    WireScriptHead head{};
    while (script.size() >= sizeof(head)) {
        std::memcpy(&head, script.data(), sizeof(head));
        script = script.subspan(sizeof(head));
        const std::size_t text = std::min<std::size_t>(std::size_t{head.words} * 8, script.size());
        now += static_cast<std::uint64_t>(std::int64_t{head.later}) << (head.shift % 64);
        std::vector<std::byte> record(sizeof(td_header) + (text + 7) / 8 * 8);
        event::write_header(record, td_header{static_cast<std::uint16_t>(record.size()), head.kind,
                                              head.flags, head.netns, now});
        if (text != 0) std::memcpy(record.data() + sizeof(td_header), script.data(), text);
        script = script.subspan(text);
        take(record);
    }
}

/// The script that stands for these records, as nearly as it can: at most 255 words each.
inline std::string script_of(std::span<const std::vector<std::byte>> records) {
    std::string script;
    std::uint64_t now = kScriptBegin;
    for (const std::vector<std::byte>& record : records) {
        const td_header header = event::read_header(record);
        WireScriptHead head{
            header.kind,
            header.flags,
            static_cast<std::uint8_t>(std::min<std::size_t>(255, (record.size() - 16) / 8)),
            0,
            0,
            static_cast<std::uint16_t>(header.netns)};
        auto later = static_cast<std::int64_t>(header.time_ns - now);
        for (; later != static_cast<std::int16_t>(later); later /= 2) ++head.shift;
        head.later = static_cast<std::int16_t>(later);
        now += static_cast<std::uint64_t>(later) << head.shift;
        script.append(reinterpret_cast<const char*>(&head), sizeof(head));
        script.append(reinterpret_cast<const char*>(record.data()) + 16,
                      std::size_t{head.words} * 8);
    }
    return script;
}

} // namespace tcpdwell::test
