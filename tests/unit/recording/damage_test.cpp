// SPDX-License-Identifier: Apache-2.0
// What is wrong with a recording, and how much of it a reader is willing to look at.
#include <gtest/gtest.h>

#include <array>

#include "recording/block_scan.h"
#include "recording/reader.h"

namespace tcpdwell::test {
namespace {

using recording::Damage;
using recording::ExpansionBudget;

constexpr std::array kCounts = {&Damage::skipped_bytes,    &Damage::bad_blocks,
                                &Damage::missing_blocks,   &Damage::repeated_blocks,
                                &Damage::misplaced_blocks, &Damage::foreign_blocks,
                                &Damage::swollen_blocks,   &Damage::misdated_records};

TEST(DamageOfRecordings, is_any_of_it) {
    EXPECT_FALSE(Damage().any());
    for (const auto one : kCounts)
        for (const auto other : kCounts) {
            Damage damage;
            damage.*one = damage.*other = 1;
            EXPECT_TRUE(damage.any());
        }
    Damage cut_off;
    cut_off.cut_off = true;
    EXPECT_FALSE(cut_off.any()) << "it may still be written";
}

TEST(DamageOfRecordings, of_several_files_is_that_of_all) {
    Damage all;
    for (std::uint64_t file = 1; file <= 2; ++file) {
        Damage one;
        for (std::size_t i = 0; i < kCounts.size(); ++i) one.*kCounts[i] = file * 10 + i;
        one.cut_off = file == 1;
        all.add(one);
    }
    for (std::size_t i = 0; i < kCounts.size(); ++i) EXPECT_EQ(all.*kCounts[i], 30 + 2 * i);
    EXPECT_TRUE(all.cut_off);
    Damage none;
    none.add(Damage());
    EXPECT_FALSE(none.cut_off);
    EXPECT_FALSE(none.any());
}

TEST(DamageOfRecordings, is_said_in_words) {
    EXPECT_EQ(describe(Damage()), "");
    Damage each;
    for (const auto count : kCounts) each.*count = 1;
    EXPECT_EQ(describe(each), "1 block missing, 1 block spoilt, 1 block repeated, 1 block out of "
                              "order, 1 block of another recording, 1 block left out that holds "
                              "more than its size allows, 1 record with an impossible time, 1 byte "
                              "skipped");
    for (const auto count : kCounts) each.*count = 2;
    EXPECT_EQ(describe(each), "2 blocks missing, 2 blocks spoilt, 2 blocks repeated, 2 blocks out "
                              "of order, 2 blocks of other recordings, 2 blocks left out that hold "
                              "more than their size allows, 2 records with impossible times, 2 "
                              "bytes skipped");
}

TEST(ExpansionOfBlocks, is_free_up_to_a_bound_and_then_goes_by_what_they_take_in_the_file) {
    ExpansionBudget budget;
    EXPECT_TRUE(budget.take_bytes((1 << 30) - 1));
    EXPECT_TRUE(budget.take_bytes(1));
    EXPECT_FALSE(budget.take_bytes(1));
    budget.add(1);
    budget.add(1);
    EXPECT_FALSE(budget.take_bytes(2049));
    EXPECT_TRUE(budget.take_bytes(2048));
    EXPECT_FALSE(budget.take_bytes(1));
}

TEST(ExpansionOfBlocks, is_bounded_in_records_too) {
    ExpansionBudget budget;
    EXPECT_TRUE(budget.take_records(3'999'999));
    EXPECT_TRUE(budget.take_records(1));
    EXPECT_FALSE(budget.take_records(1));
    budget.add(2);
    EXPECT_FALSE(budget.take_records(33));
    EXPECT_TRUE(budget.take_records(32));
    EXPECT_FALSE(budget.take_records(1));
}

TEST(RescanBudgetOfFiles, is_spent_by_bytes_and_by_looks) {
    recording::RescanBudget bytes;
    EXPECT_FALSE(bytes.spend(256 << 20)) << "the look itself costs, too";
    EXPECT_TRUE(bytes.spend(128 << 20)) << "what was refused costs nothing";
    EXPECT_FALSE(bytes.spend(128 << 20));
    recording::RescanBudget looks;
    int spent = 0;
    while (spent < 10'000 && looks.spend(0)) ++spent;
    EXPECT_EQ(spent, 4096);
}

TEST(TimesOfRecords, are_those_that_the_block_says) {
    recording::BlockHead block{};
    block.first = MonoTime(Nanoseconds(10));
    block.last = MonoTime(Nanoseconds(20));
    td_header header{};
    for (const auto& [time, is_possible] :
         {std::pair(9u, false), {10u, true}, {15u, true}, {20u, true}, {21u, false}}) {
        header.time_ns = time;
        EXPECT_EQ(recording::has_possible_time(header, block), is_possible) << time;
    }
}

} // namespace
} // namespace tcpdwell::test
