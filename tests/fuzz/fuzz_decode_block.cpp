// SPDX-License-Identifier: Apache-2.0
// Any bytes as the text of a block: either they are refused, or the records that they stand for can
// be reported again.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "recording/block_codec.h"
#include "tcpdwell/wire.h"

namespace {

constexpr std::size_t kMost = 1 << 20;
constexpr std::size_t kBefore = 3; ///< bytes that are there already, and must stay

void insist(bool condition) {
    if (!condition) std::abort();
}

} // namespace

// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tcpdwell;
    std::vector<std::byte> out(kBefore, std::byte{0x5a});
    const bool is_right =
        recording::decode_block({reinterpret_cast<const char*>(data), size}, kMost, out);
    insist(out[0] == std::byte{0x5a} && out[kBefore - 1] == std::byte{0x5a});
    insist(is_right ? out.size() <= kBefore + kMost : out.size() == kBefore);
    if (!is_right) return 0;

    recording::BlockEncoder encoder;
    for (std::span<const std::byte> rest = std::span(out).subspan(kBefore); !rest.empty();) {
        td_header header;
        insist(rest.size() >= sizeof(header));
        std::memcpy(&header, rest.data(), sizeof(header));
        insist(header.size >= sizeof(header) && header.size <= rest.size());
        insist(encoder.add(rest.first(header.size)));
        rest = rest.subspan(header.size);
    }
    std::vector<std::byte> again(kBefore, std::byte{0x5a});
    insist(recording::decode_block(encoder.take(), kMost, again) && again == out);
    return 0;
}
