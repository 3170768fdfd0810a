// SPDX-License-Identifier: Apache-2.0
// The hash index and the pool against what the standard library's containers do with the same
// steps.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "track/connection_table.h"

namespace tcpdwell::test {
namespace {

struct Thing {
    int value = 0;
    track::Slot next = 0;
};

TEST(SlotIndex, finds_what_a_map_finds) {
    // Few different hashes, some of them next to each other: long runs, in which entries make way
    // for each other.
    for (const unsigned hashes : {3u, 40u, 5000u}) {
        std::mt19937 random(hashes);
        track::SlotIndex index;
        std::set<std::pair<std::uint64_t, track::Slot>> expected;
        for (int step = 0; step < 20'000; ++step) {
            const std::uint64_t hash = random() % hashes + (random() % 2 == 0 ? 0x3ff0 : 0);
            const auto slot = static_cast<track::Slot>(1 + random() % 500);
            if (random() % 2 == 0) {
                index.erase(hash, slot);
                expected.erase({hash, slot});
            } else if (expected.insert({hash, slot}).second) {
                index.insert(hash, slot);
            }
            const std::uint64_t wanted = random() % hashes;
            const auto one = static_cast<track::Slot>(1 + random() % 500);
            ASSERT_EQ(index.find(wanted, [&](track::Slot s) { return s == one; }) == one,
                      expected.contains({wanted, one}));
            ASSERT_EQ(index.size(), expected.size());
        }
        for (const auto& [hash, slot] : expected)
            ASSERT_EQ(index.find(hash, [&, s = slot](track::Slot found) { return found == s; }),
                      slot);
    }
}

TEST(SlotIndex, is_empty_at_first) {
    track::SlotIndex index;
    index.erase(1, 1);
    EXPECT_EQ(index.find(1, [](track::Slot) { return true; }), 0u);
}

TEST(Pool, keeps_objects_in_place_and_hands_out_fresh_ones) {
    std::mt19937 random(1);
    track::Pool<Thing, &Thing::next> pool;
    std::map<track::Slot, Thing*> taken;
    for (int step = 0; step < 20'000; ++step) {
        if (taken.empty() || random() % 5 != 0) {
            const track::Slot slot = pool.take();
            ASSERT_NE(slot, 0u);
            ASSERT_TRUE(taken.emplace(slot, &pool[slot]).second);
            ASSERT_EQ(pool[slot].value, 0);
            pool[slot].value = static_cast<int>(slot);
        } else {
            const auto some =
                std::next(taken.begin(), static_cast<std::ptrdiff_t>(random() % taken.size() % 10));
            pool.give_back(some->first);
            taken.erase(some);
        }
    }
    for (const auto& [slot, thing] : taken) {
        ASSERT_EQ(&pool[slot], thing);
        ASSERT_EQ(thing->value, static_cast<int>(slot));
    }
}

TEST(ConnectionTable, the_last_one_at_an_address_has_it) {
    track::ConnectionTable table;
    track::Connection& a = table.create();
    track::Connection& b = table.create();
    table.set_socket(a, 0x100);
    table.set_other(a, 0x200);
    EXPECT_EQ(table.by_object(0x100), &a);
    EXPECT_EQ(table.by_object(0x200), &a);
    table.set_socket(b, 0x100);
    EXPECT_EQ(table.by_object(0x100), &b);
    EXPECT_EQ(table.by_object(0x200), &a);
    table.release(a);
    EXPECT_EQ(table.by_object(0x100), &b);
    EXPECT_EQ(table.by_object(0x200), nullptr);
    table.set_socket(b, 0);
    EXPECT_EQ(table.by_object(0x100), nullptr);
    EXPECT_EQ(table.by_object(0), nullptr);
}

TEST(ConnectionTable, a_released_connection_is_not_found_again) {
    track::ConnectionTable table;
    track::Connection& a = table.create();
    const track::Slot slot = a.who.slot;
    const std::uint32_t sequence = a.sequence;
    EXPECT_EQ(table.find(slot, sequence), &a);
    table.release(a);
    EXPECT_EQ(table.find(slot, sequence), nullptr);
    EXPECT_EQ(table.create().who.slot, slot);
    EXPECT_EQ(table.find(slot, sequence), nullptr);
}

TEST(ConnectionTable, path_is_kept_up_to_its_longest) {
    track::ConnectionTable table;
    track::Connection& c = table.create();
    for (std::size_t i = 0; i < track::kLongestPath + 2; ++i) {
        const auto dwell = i % 3 == 0 ? std::nullopt : std::optional(Nanoseconds(i));
        table.push_path(c, kAllOf<tcp::State>[i], dwell);
        table.tidy(c); // must not take the longer part of the path for nothing
    }
    ASSERT_EQ(track::ConnectionTable::path_size(c), track::kLongestPath);
    for (std::size_t i = 0; i < track::kLongestPath; ++i) {
        EXPECT_EQ(table.path_step(c, i).state, kAllOf<tcp::State>[i]);
        EXPECT_EQ(table.path_step(c, i).dwell,
                  i % 3 == 0 ? std::nullopt : std::optional(Nanoseconds(i)));
    }
}

} // namespace
} // namespace tcpdwell::test
