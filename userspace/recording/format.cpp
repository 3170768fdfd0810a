// SPDX-License-Identifier: Apache-2.0
#include "recording/format.h"

#include <zlib.h>

namespace tcpdwell::recording {
namespace {

void put(char*& at, std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) *at++ = static_cast<char>(value >> (8 * i));
}

std::uint64_t get(const char*& at, unsigned bytes) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i)
        value |= std::uint64_t{static_cast<std::uint8_t>(*at++)} << (8 * i);
    return value;
}

std::uint32_t crc_of(const char* bytes, std::size_t size) {
    return static_cast<std::uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(bytes), static_cast<uInt>(size)));
}

std::uint64_t number(MonoTime time) {
    return static_cast<std::uint64_t>(time.time_since_epoch().count());
}
MonoTime time(std::uint64_t number) {
    return MonoTime(Nanoseconds(static_cast<std::int64_t>(number)));
}

} // namespace

BlockHeadBytes encode(std::uint32_t frame, const BlockHead& head) {
    BlockHeadBytes bytes;
    char* at = bytes.data();
    put(at, frame, 4);
    put(at, kBlockHeadSize - kFrameHead, 4);
    put(at, head.run, 8);
    put(at, head.sequence, 8);
    put(at, number(head.first), 8);
    put(at, number(head.last), 8);
    put(at, head.records, 4);
    put(at, head.raw_bytes, 4);
    put(at, head.packed_bytes, 4);
    put(at, crc_of(bytes.data(), kBlockHeadSize - 4), 4);
    return bytes;
}

std::optional<BlockHead> decode_head(std::string_view bytes, std::uint32_t& frame) {
    if (bytes.size() < kBlockHeadSize) return std::nullopt;
    const char* at = bytes.data();
    frame = static_cast<std::uint32_t>(get(at, 4));
    if ((frame != kBlockFrame && frame != kEndFrame) || get(at, 4) != kBlockHeadSize - kFrameHead)
        return std::nullopt;
    BlockHead head;
    head.run = get(at, 8);
    head.sequence = get(at, 8);
    head.first = time(get(at, 8));
    head.last = time(get(at, 8));
    head.records = static_cast<std::uint32_t>(get(at, 4));
    head.raw_bytes = static_cast<std::uint32_t>(get(at, 4));
    head.packed_bytes = static_cast<std::uint32_t>(get(at, 4));
    if (get(at, 4) != crc_of(bytes.data(), kBlockHeadSize - 4)) return std::nullopt;
    if (head.raw_bytes > kMostRaw || head.packed_bytes > kMostPacked) return std::nullopt;
    return head;
}

void put_u32(std::string& out, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

std::uint32_t get_u32(std::string_view bytes) {
    const char* at = bytes.data();
    return static_cast<std::uint32_t>(get(at, 4));
}

} // namespace tcpdwell::recording
