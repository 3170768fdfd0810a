// SPDX-License-Identifier: Apache-2.0
// Generated traffic: repeatable, in order, and as frugal with addresses as a kernel.
#include "synth/traffic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "event/decode.h"
#include "synth/synthetic_source.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::vector<std::byte>> bytes_of(const synth::GeneratedConnection& story) {
    std::vector<std::vector<std::byte>> list;
    for (const synth::WireRecord& record : story.records) list.push_back(record.bytes);
    return list;
}

TEST(Traffic, same_seed_same_records) {
    const auto first = bytes_of(synth::make_traffic({.seed = 3}));
    EXPECT_EQ(first, bytes_of(synth::make_traffic({.seed = 3})));
    EXPECT_NE(first, bytes_of(synth::make_traffic({.seed = 4})));
}

TEST(Traffic, is_in_order_and_of_the_size_asked_for) {
    const synth::GeneratedConnection traffic =
        synth::make_traffic({.stories = 500, .only_single = true});
    EXPECT_TRUE(std::is_sorted(
        traffic.records.begin(), traffic.records.end(),
        [](const synth::WireRecord& a, const synth::WireRecord& b) { return a.at < b.at; }));
    const auto lines = std::count_if(traffic.outcomes.begin(), traffic.outcomes.end(),
                                     [](const synth::Outcome& o) { return o.line.has_value(); });
    EXPECT_LE(lines, 500);
    EXPECT_GT(lines, 450); // a few are about a listener only
}

TEST(Traffic, socket_address_is_another_connection_as_soon_as_it_is_free) {
    const synth::GeneratedConnection traffic =
        synth::make_traffic({.stories = 300, .spread = 600s});
    event::Decoder decoder;
    std::set<std::uint64_t> in_use;
    std::map<std::uint64_t, int> births;
    for (const synth::WireRecord& record : traffic.records) {
        const auto event = decoder.decode(record.bytes);
        const auto* change = std::get_if<event::StateChange>(&*event);
        if (!change || change->from == change->to) continue;
        if (change->from == tcp::State::CLOSE || change->from == tcp::State::LISTEN) {
            if (change->from == tcp::State::LISTEN && change->to == tcp::State::CLOSE) {
                in_use.erase(change->sock);
                continue;
            }
            EXPECT_TRUE(in_use.insert(change->sock).second) << std::hex << change->sock;
            ++births[change->sock];
        } else {
            EXPECT_TRUE(in_use.contains(change->sock)) << std::hex << change->sock;
            if (change->to == tcp::State::CLOSE) in_use.erase(change->sock);
        }
    }
    EXPECT_TRUE(in_use.empty());
    EXPECT_LT(births.size(), 60u); // 300 stories
}

TEST(Traffic, connections_of_one_namespace_never_share_a_tuple) {
    const synth::GeneratedConnection traffic =
        synth::make_traffic({.stories = 400, .spread = 60s, .namespaces = 2, .tuples = 3});
    std::map<std::pair<std::uint32_t, std::string>, std::vector<std::pair<MonoTime, MonoTime>>>
        lives;
    for (const synth::Outcome& o : traffic.outcomes)
        if (o.line)
            lives[{o.netns, o.tuple.local.address.text(tcp::Family::ipv6) +
                                std::to_string(o.tuple.local.port)}]
                .push_back({*o.line->opened, *o.line->closed});
    std::size_t reused = 0;
    for (auto& [place, list] : lives) {
        std::sort(list.begin(), list.end());
        // A reconnect takes over its own TIME_WAIT within 20 us; otherwise one life follows the
        // other.
        for (std::size_t i = 1; i < list.size(); ++i)
            EXPECT_GT(list[i].first + 50us, list[i - 1].second) << place.second;
        reused += list.size() > 1;
    }
    EXPECT_GT(reused, 3u);
}

TEST(SyntheticSource, hands_out_the_clock_and_then_everything_once) {
    const synth::GeneratedConnection traffic = synth::make_traffic({.stories = 100});
    synth::SyntheticSource source(traffic.records);
    std::vector<std::vector<std::byte>> got;
    const event::RecordSink sink = [&](std::span<const std::byte> record) {
        got.emplace_back(record.begin(), record.end());
    };
    MonoTime last = MonoTime::min();
    int polls = 1;
    for (; *source.poll(sink) == event::EventSource::Status::more; ++polls) {
        EXPECT_LE(last, source.now());
        last = source.now();
    }
    EXPECT_GT(polls, 2); // the consumer's time has to advance in between
    ASSERT_FALSE(got.empty());
    event::Decoder decoder;
    EXPECT_TRUE(std::holds_alternative<event::ClockReading>(*decoder.decode(got.front())));
    got.erase(got.begin());
    EXPECT_EQ(got, bytes_of(traffic));
    EXPECT_EQ(source.now(), traffic.records.back().at);
}

TEST(SyntheticSource, stopped_it_has_nothing_more) {
    synth::SyntheticSource source(synth::make_traffic({.stories = 100}).records);
    std::size_t count = 0;
    const event::RecordSink sink = [&](std::span<const std::byte>) { ++count; };
    ASSERT_EQ(*source.poll(sink), event::EventSource::Status::more);
    const std::size_t before = count;
    source.stop();
    EXPECT_EQ(*source.poll(sink), event::EventSource::Status::finished);
    EXPECT_EQ(count, before);
}

} // namespace
} // namespace tcpdwell::test
