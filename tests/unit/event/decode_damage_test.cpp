// SPDX-License-Identifier: Apache-2.0
// Records that are cut, of another version, or impossible: counted, skipped, and never read beyond
// their end.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "event/record.h"
#include "wire_bytes.h"

namespace tcpdwell::test {
namespace {

void set_size(Bytes& bytes, std::size_t size) {
    const auto value = static_cast<std::uint16_t>(size);
    std::memcpy(bytes.data() + offsetof(td_header, size), &value, sizeof(value));
}

TEST(Decode, every_shorter_record_is_malformed) {
    for (const Bytes& whole : one_of_each()) {
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const Bytes cut(whole.begin(),
                            whole.begin() +
                                static_cast<std::ptrdiff_t>(size)); // its header promises more
            event::Decoder decoder;
            EXPECT_FALSE(decoder.decode(cut)) << size;
            EXPECT_EQ(decoder.quality().malformed, 1u);
            if (size < sizeof(td_header)) continue;
            Bytes honest = cut;
            set_size(honest, size);
            event::Decoder second;
            EXPECT_FALSE(second.decode(honest)) << size;
            EXPECT_EQ(second.quality().malformed, 1u);
            EXPECT_EQ(second.quality().records, 0u);
        }
    }
}

TEST(Decode, more_lost_records_than_can_be_are_malformed) {
    auto r = of_kind<td_lost>(TD_LOST);
    std::ranges::fill(r.total, 0);
    r.total[0] = event::kMostLost;
    event::Decoder decoder;
    EXPECT_TRUE(decoder.decode(padded_bytes(r)));
    r.total[1] = UINT64_MAX - 5;
    EXPECT_FALSE(decoder.decode(padded_bytes(r)));
    EXPECT_EQ(decoder.quality().malformed, 1u);
    EXPECT_EQ(event::lost_in(padded_bytes(r)), 0u);
}

/// Neither overflows.
TEST(Decode, extreme_clocks_and_jiffies) {
    event::Decoder decoder;
    auto clock = clock_at_5s();
    clock.hz = UINT32_MAX;
    EXPECT_FALSE(decoder.decode(padded_bytes(clock)));
    clock.hz = 1;
    clock.jiffies = 0;
    EXPECT_TRUE(decoder.decode(padded_bytes(clock)));
    auto timer = timewait();
    timer.expires = std::uint64_t{1} << 63;
    const auto event = decoder.decode(padded_bytes(timer));
    ASSERT_TRUE(event);
    EXPECT_FALSE(std::get<event::TimewaitTimer>(*event).expires);
}

TEST(Decode, longer_record_of_a_newer_version_is_read) {
    for (Bytes bytes : one_of_each()) {
        const auto kind = static_cast<std::uint8_t>(bytes[offsetof(td_header, kind)]);
        bytes.resize(bytes.size() + 16);
        set_size(bytes, bytes.size());
        event::Decoder decoder;
        EXPECT_TRUE(decoder.decode(bytes)) << "kind " << int(kind);
    }
}

TEST(Decode, bytes_after_the_record_are_not_its_own) {
    auto r = of_kind<td_cgroup>(TD_CGROUP);
    Bytes bytes = padded_bytes(r, "/a");
    const std::size_t size = bytes.size();
    bytes.resize(size + 8, std::byte{'x'});
    set_size(bytes, size);
    event::Decoder decoder;
    EXPECT_EQ(decoded<event::CgroupPath>(decoder, bytes).path, "/a");
}

TEST(Decode, unknown_kinds_are_counted_and_skipped) {
    event::Decoder decoder;
    for (const int kind : {0, 13, 200, 255}) {
        td_header h{sizeof(td_header), static_cast<std::uint8_t>(kind), 0, 0, 1};
        Bytes bytes(sizeof(h));
        std::memcpy(bytes.data(), &h, sizeof(h));
        EXPECT_FALSE(decoder.decode(bytes));
    }
    EXPECT_EQ(decoder.quality().unknown, 4u);
    EXPECT_EQ(decoder.quality().malformed, 0u);
}

TEST(Decode, any_byte_is_a_reason_for_a_reset) { // a fault of its own only with UBSan
    event::Decoder decoder;
    for (int reason = 0; reason < 256; ++reason) {
        td_reset r{};
        r.h = event::header_of<td_reset>(TD_RESET, 1, 0);
        r.direction = TD_RESET_SENT;
        r.reason = static_cast<std::uint8_t>(reason);
        const auto event = decoder.decode(event::bytes_of(r));
        ASSERT_TRUE(event) << reason;
        EXPECT_EQ(std::get<event::Reset>(*event).reason,
                  reason <= TD_REASON_FLAGS ? reason : TD_REASON_OTHER);
    }
}

TEST(Decode, records_of_too_many_namespaces_are_dropped) {
    event::Decoder decoder;
    const auto decode = [&](std::uint32_t netns) {
        td_snapshot r{};
        r.h = event::header_of<td_snapshot>(TD_SNAPSHOT, 1, netns);
        r.op = TD_SNAPSHOT_BEGIN;
        return decoder.decode(event::bytes_of(r)).has_value();
    };
    for (std::uint32_t i = 1; i <= event::Decoder::kMostNamespaces; ++i) ASSERT_TRUE(decode(i));
    EXPECT_FALSE(decode(1'000'000));
    EXPECT_FALSE(decode(1'000'001));
    EXPECT_EQ(decoder.quality().dropped, 2u);
    EXPECT_TRUE(decode(0)); // of no namespace
    EXPECT_TRUE(decode(7)); // one that is known
    EXPECT_EQ(decoder.quality().records, event::Decoder::kMostNamespaces + 2);
}

/// A byte of a record that must not have that value.
struct Impossible {
    const char* what;
    Bytes bytes;
    std::size_t offset;
    std::uint8_t value;
};

TEST(Decode, impossible_values_are_malformed) {
    const std::vector<Bytes> valid = one_of_each();
    const Impossible cases[] = {
        {"state 0", valid[0], offsetof(td_state, from), 0},
        {"state 14", valid[0], offsetof(td_state, to), 14},
        {"timer operation 0", valid[2], offsetof(td_timewait, op), 0},
        {"timer operation 6", valid[2], offsetof(td_timewait, op), 6},
        {"an established mini-socket", valid[2], offsetof(td_timewait, substate), 1},
        {"request operation 5", valid[3], offsetof(td_request, op), 5},
        {"reset direction 0", valid[4], offsetof(td_reset, direction), 0},
        {"reset direction 3", valid[4], offsetof(td_reset, direction), 3},
        {"owner how 0", valid[5], offsetof(td_owner, how), 0},
        {"owner how 3", valid[5], offsetof(td_owner, how), 3},
        {"listed in state 99", valid[6], offsetof(td_socket, state), 99},
        {"snapshot operation 3", valid[7], offsetof(td_snapshot, op), 3},
    };
    for (const Impossible& c : cases) {
        Bytes bytes = c.bytes;
        bytes[c.offset] = std::byte{c.value};
        event::Decoder decoder;
        EXPECT_FALSE(decoder.decode(bytes)) << c.what;
        EXPECT_EQ(decoder.quality().malformed, 1u) << c.what;
    }
}

TEST(Decode, reset_reason_of_a_newer_version_is_another_one) {
    Bytes bytes = one_of_each()[4];
    bytes[offsetof(td_reset, reason)] = std::byte{99};
    event::Decoder decoder;
    EXPECT_EQ(decoded<event::Reset>(decoder, bytes).reason, TD_REASON_OTHER);
}

TEST(Decode, record_at_an_odd_address) {
    for (const Bytes& whole : one_of_each()) {
        Bytes shifted(whole.size() + 1);
        std::copy(whole.begin(), whole.end(), shifted.begin() + 1);
        event::Decoder decoder;
        EXPECT_TRUE(decoder.decode(std::span(shifted).subspan(1)));
    }
}

} // namespace
} // namespace tcpdwell::test
