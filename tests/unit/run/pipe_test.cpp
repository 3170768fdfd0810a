// SPDX-License-Identifier: Apache-2.0
// What goes in as records comes out as calls of the consumer, in a fixed order.
#include "run/pipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "call_log.h"
#include "event/encode.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class PipeTest : public testing::Test {
protected:
    void feed(const event::Event& event) { pipe.feed(encode(event, synth::kTestClock)); }
    void advance(MonoTime now) {
        const auto more = pipe.advance(now);
        ASSERT_TRUE(more);
        EXPECT_TRUE(*more);
    }

    run::Context context;
    CallLog log;
    run::Pipe pipe{context, log, {}};
};

TEST_F(PipeTest, begins_once_with_the_facts_that_head_the_stream) {
    feed(event::ClockReading{synth::kTestClock});
    feed(event::Fact{0, "host", "here"});
    EXPECT_TRUE(log.calls.empty());
    advance(synth::kTestClock.mono);
    EXPECT_EQ(log.facts, 1U);
    feed(event::Fact{0, "kernel", "6.1"});
    advance(synth::kTestClock.mono + 1s);
    EXPECT_EQ(log.now, synth::kTestClock.mono + 1s);
    EXPECT_THAT(log.calls, ElementsAre("begin", "flush", "flush"));
    EXPECT_EQ(log.facts, 1U);
    EXPECT_EQ(context.facts().size(), 2U);
}

/// Where the head of a recording is missing.
TEST_F(PipeTest, begins_before_the_first_line_with_the_clock_that_came_first) {
    feed(event::ClockReading{synth::kTestClock});
    feed(event::Gap{synth::kTestClock.mono, synth::kTestClock.mono + 1s, false});
    EXPECT_THAT(log.calls, ElementsAre("begin", "lost"));
    advance(synth::kTestClock.mono + 1s);
    EXPECT_THAT(log.calls, ElementsAre("begin", "lost", "flush"));
}

TEST_F(PipeTest, what_is_open_follows_what_has_ended_and_finish_is_last) {
    synth::TrafficOptions options;
    options.only_ending = false;
    feed(event::ClockReading{synth::kTestClock});
    advance(synth::kTestClock.mono);
    MonoTime now{};
    for (const synth::WireRecord& record : make_traffic(options).records) {
        pipe.feed(record.bytes);
        now = record.at;
    }
    pipe.settle(now);
    ASSERT_TRUE(pipe.finish(now));
    EXPECT_EQ(log.count("begin"), 1U);
    EXPECT_EQ(log.count("settled"), 1U);
    ASSERT_GT(log.count("ended"), 0U);
    ASSERT_GT(log.count("open"), 0U);
    EXPECT_LT(log.last("ended"), log.first("settled"));
    EXPECT_LT(log.first("settled"), log.first("open"));
    EXPECT_EQ(log.calls.back(), "finish");
    EXPECT_EQ(pipe.totals().transitions, log.count("transition"));
}

TEST_F(PipeTest, counts_what_it_cannot_decode) {
    auto cut_off = encode(event::Fact{0, "host", "here"}, synth::kTestClock);
    feed(event::Fact{0, "kernel", "6.1"});
    cut_off.resize(cut_off.size() / 2);
    pipe.feed(cut_off);
    EXPECT_EQ(pipe.quality().records, 1U);
    EXPECT_EQ(pipe.quality().malformed, 1U);
    EXPECT_EQ(context.facts().size(), 1U);
}

TEST_F(PipeTest, counts_the_facts_that_it_has_no_room_for) {
    feed(event::Fact{0, "kernel", "6.1"});
    const std::string value(60'000, 'x');
    for (int i = 0; i < 100; ++i) feed(event::Fact{0, std::to_string(i), value});
    EXPECT_GT(pipe.quality().dropped, 50U);
    EXPECT_EQ(context.facts().size() + pipe.quality().dropped, 101U);
    // What is known can change, as long as it doesn't need more room than there is.
    const std::uint64_t before = pipe.quality().dropped;
    feed(event::Fact{0, "kernel", "6.2"});
    EXPECT_EQ(context.facts().front().value, "6.2");
    feed(event::Fact{0, "kernel", value});
    EXPECT_EQ(context.facts().front().value, "");
    EXPECT_EQ(pipe.quality().dropped, before + 1);
}

TEST_F(PipeTest, a_container_is_known_by_its_record_or_its_path) {
    const std::string id(64, 'a');
    feed(event::CgroupPath{1, "/system.slice/nginx.service"});
    feed(event::CgroupPath{2, "/docker/" + id});
    feed(event::CgroupPath{3, "/system.slice"});
    EXPECT_EQ(context.container(1), "nginx.service");
    EXPECT_FALSE(context.container(2)) << "its name comes in a record";
    EXPECT_FALSE(context.container(3));
    feed(event::ContainerName{2, "web-1"});
    EXPECT_EQ(context.container(2), "web-1");
    feed(event::CgroupPath{2, "/docker/" + id});
    EXPECT_EQ(context.container(2), "web-1");
    EXPECT_EQ(context.cgroup_names().container_of(2), "web-1");
    EXPECT_EQ(context.cgroup_names().path_of(3), "/system.slice");
    EXPECT_FALSE(context.cgroup_names().container_of(0));
    EXPECT_EQ(pipe.quality().dropped, 0U);
}

TEST_F(PipeTest, facts_of_a_large_host_have_room) {
    for (int i = 0; i < 1000; ++i)
        feed(event::Fact{0, "net.ipv4.some_setting_" + std::to_string(i), "4096 131072 6291456"});
    for (std::uint64_t id = 1; id <= 100'000; ++id)
        feed(event::CgroupPath{id, std::string(93, '/') + std::to_string(id)});
    EXPECT_EQ(pipe.quality().dropped, 0U);
    EXPECT_EQ(context.facts().size(), 1000U);
    for (std::uint64_t id = 1; id <= 100'000; ++id) ASSERT_TRUE(context.cgroup(id));
}

TEST(KnownPaths, the_oldest_that_nobody_asks_for_go_first) {
    run::KnownPaths paths(10'000); // some 40 of them
    const std::string path(150, '/');
    std::size_t gone = 0;
    for (std::uint64_t id = 1; id <= 1000; ++id) {
        gone += paths.learn(id, path + std::to_string(id));
        ASSERT_EQ(paths.find(1), path + "1") << id;
    }
    std::size_t known = 0;
    for (std::uint64_t id = 1; id <= 1000; ++id) known += paths.find(id) ? 1 : 0;
    EXPECT_EQ(known + gone, 1000U);
    EXPECT_GT(known, 30U);
    EXPECT_TRUE(paths.find(1000));
    EXPECT_FALSE(paths.find(2));
    EXPECT_EQ(paths.learn(2000, std::string(20'000, 'x')), 1U);
    EXPECT_TRUE(paths.find(1000));
    EXPECT_EQ(paths.learn(1000, "/renamed"), 0U);
    EXPECT_EQ(paths.find(1000), "/renamed");
}

TEST_F(PipeTest, returns_what_the_consumer_wants_and_what_it_fails_with) {
    log.answer = false;
    const auto more = pipe.advance(synth::kTestClock.mono);
    ASSERT_TRUE(more);
    EXPECT_FALSE(*more);
    log.answer = fail(ErrorCode::failed, "the disk is full");
    const auto failed = pipe.advance(synth::kTestClock.mono);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message, "the disk is full");
    log.finish_answer = fail(ErrorCode::failed, "the disk is full");
    pipe.settle(synth::kTestClock.mono);
    EXPECT_FALSE(pipe.finish(synth::kTestClock.mono));
}

} // namespace
} // namespace tcpdwell::test
