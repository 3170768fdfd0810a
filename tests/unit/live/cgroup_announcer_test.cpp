// SPDX-License-Identifier: Apache-2.0
// Which records bring the description of a cgroup, and how often the hierarchy is walked for one.
#include "live/cgroup_announcer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "event/decode.h"
#include "records.h"
#include "support/cgroup_tree.h"

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

td_state_by_task state_of(std::uint64_t cgroup) {
    td_state_by_task r{};
    r.state.h = event::header_of<td_state_by_task>(TD_STATE, 7, kNetns);
    r.state.has_task = 1;
    r.task.cgroup = cgroup;
    return r;
}

class CgroupAnnouncerTest : public testing::Test {
protected:
    void SetUp() override {
        tree.make("/a.slice");
        auto paths = host::CgroupPaths::open({tree.base(), "/"});
        ASSERT_TRUE(paths) << paths.error().message;
        // Each walk reads the clock before and after.
        announcer.emplace(
            std::move(*paths), [this] { return now += walk / 2; },
            [this](std::uint64_t cgroup, const std::string& id) {
                containers.emplace_back(cgroup, id);
            });
    }
    template <class R>
    void announce(const R& record) {
        announcer->announce(event::bytes_of(record), kept.sink());
    }
    /// The paths that were described.
    std::vector<std::string> described() const {
        std::vector<std::string> paths;
        event::Decoder decoder;
        for (const auto& record : kept.all()) {
            const auto event = decoder.decode(record);
            if (const auto* path = event ? std::get_if<event::CgroupPath>(&*event) : nullptr)
                paths.push_back(path->path);
        }
        return paths;
    }

    CgroupTree tree;
    std::uint64_t now = 1'000'000 * kMs;
    std::uint64_t walk = 0; ///< how long one takes
    std::optional<live::CgroupAnnouncer> announcer;
    KeptRecords kept;
    std::vector<std::pair<std::uint64_t, std::string>> containers;
};

TEST_F(CgroupAnnouncerTest, AContainerIsAskedForOnceByItsId) {
    const std::string id(64, 'a');
    const std::string path = "/system.slice/docker-" + id + ".scope";
    tree.make(path);
    announce(state_of(tree.id(path)));
    announce(state_of(tree.id(path)));
    announce(state_of(tree.id("/a.slice")));
    EXPECT_THAT(containers, ElementsAre(testing::Pair(tree.id(path), id)));
}

TEST_F(CgroupAnnouncerTest, OnceForEachIdWithTheTimeOfTheRecord) {
    announce(state_of(tree.id("/a.slice")));
    announce(state_of(tree.id("/a.slice")));
    announce(state_of(tree.id("")));
    EXPECT_THAT(described(), ElementsAre("/a.slice", "/"));
    EXPECT_THAT(kept.times(), ElementsAre(7, 7));
}

TEST_F(CgroupAnnouncerTest, ListedSocketsNameCgroupsToo) {
    auto socket = socket_record(tcp::State::LISTEN, 0, 80);
    socket.task.cgroup = tree.id("/a.slice");
    announce(socket);
    EXPECT_THAT(described(), ElementsAre("/a.slice"));
}

TEST_F(CgroupAnnouncerTest, RecordsWithoutTaskNameNone) {
    td_state record = state_of(tree.id("/a.slice")).state;
    record.h.size = sizeof(record);
    announce(record);
    announce(timer_record(TD_TIMER_START, tcp::State::TIME_WAIT, 80));
    announce(state_of(0)); // not known
    EXPECT_THAT(kept.all(), IsEmpty());
}

TEST_F(CgroupAnnouncerTest, NewCgroupIsFoundByAnotherWalk) {
    tree.make("/new.slice");
    announce(state_of(tree.id("/new.slice")));
    EXPECT_THAT(described(), ElementsAre("/new.slice"));
}

TEST_F(CgroupAnnouncerTest, WalksAtMostTenTimesASecond) {
    announce(state_of(1)); // there is none of that id: a walk in vain
    tree.make("/new.slice");
    now += 100 * kMs - 1;
    announce(state_of(tree.id("/new.slice")));
    EXPECT_THAT(described(), IsEmpty());
    now += 1;
    announce(state_of(tree.id("/new.slice")));
    EXPECT_THAT(described(), ElementsAre("/new.slice"));
}

TEST_F(CgroupAnnouncerTest, LongWalksGetRarer) {
    walk = 2000 * kMs;
    announce(
        state_of(1)); // the walk begins after the first half, so the clock shows one second for it
    walk = 0;
    tree.make("/new.slice");
    now += 49'000 * kMs - 1;
    announce(state_of(tree.id("/new.slice")));
    EXPECT_THAT(described(), IsEmpty());
    now += 1;
    announce(state_of(tree.id("/new.slice")));
    EXPECT_THAT(described(), ElementsAre("/new.slice"));
}

TEST(CgroupAnnouncer, WithoutPathsNothingIsDescribed) {
    live::CgroupAnnouncer announcer(std::nullopt, [] { return std::uint64_t{0}; });
    KeptRecords kept;
    announcer.announce(event::bytes_of(state_of(42)), kept.sink());
    EXPECT_THAT(kept.all(), IsEmpty());
}

} // namespace
} // namespace tcpdwell::test
