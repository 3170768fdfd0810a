// SPDX-License-Identifier: Apache-2.0
// A report on a part of the connections, where who passes the filter may become known only later.
#include <gtest/gtest.h>

#include "../analysis/lines.h"
#include "../analysis/report_access.h"
#include "../analysis/tracked_report.h"
#include "line_consumers.h"
#include "run/selection.h"

namespace tcpdwell::test {
namespace {

/// A report on what one process holds.
struct ReportOf : TrackedReport {
    explicit ReportOf(std::uint32_t pid) : ReportOf(event::Filter{.pids = {pid}}) {}
    explicit ReportOf(event::Filter filter) : selection(std::move(filter), context, lines) {
        front = &selection;
    }
    /// A listing finds a connection and a listener, in this cgroup.
    void find_waiting(std::uint64_t cgroup) {
        feed(event::Snapshot{now(), kNetns, TD_SNAPSHOT_BEGIN, false}, now());
        for (const auto& [state, sock] : {std::pair(ESTABLISHED, kConnection), {LISTEN, kListener}})
            feed(event::SocketListed{now(), kNetns, sock, sock,
                                     state == LISTEN ? tuple("10.0.0.1", 80, "0.0.0.0", 0)
                                                     : tuple("10.0.0.1", 40'000, "10.0.0.2", 5432),
                                     state, false, false, false, std::nullopt, std::nullopt, 0,
                                     event::Owner{std::nullopt, 0, cgroup}, true},
                 now());
        feed(event::Snapshot{now(), kNetns, TD_SNAPSHOT_END, true}, now());
    }
    static constexpr std::uint64_t kConnection = 0xffff888000001000;
    static constexpr std::uint64_t kListener = 0xffff888000002000;
    void expect_open(std::uint64_t number) {
        const report::Report made = report();
        EXPECT_EQ(quality(made, "connections"), number);
        EXPECT_EQ(distribution(made, "states", "ESTABLISHED").open, number);
        EXPECT_EQ(distribution(made, "states", "LISTEN").open, number);
    }

    run::Context context;
    LinesTo lines{maker};
    run::Selection selection;
};

synth::Setting stage(tcp::Port port, std::uint32_t pid) {
    return synth::Setting{.netns = kNetns,
                          .tuple = tuple("10.0.0.1", port, "10.0.0.2", 5432),
                          .start = at(0s),
                          .first_pid = pid};
}

std::map<tcp::State, std::uint64_t> last_sample(const report::Report& report) {
    std::map<tcp::State, std::uint64_t> last;
    for (const report::Timeline::Series& series :
         section<report::Timeline>(report, "timeline").series)
        if (series.counts.back() != 0) last[series.state] = series.counts.back();
    return last;
}

TEST(ReportFilter, what_does_not_pass_is_in_no_section) {
    ConnectionMix town;
    town.add(scenario("still_established"), stage(40'000, 1));
    town.add(scenario("client_first_fin_with_ack"), stage(40'001, 1));
    town.add(scenario("still_established"), stage(50'000, 2), 5, ConnectionMix::Vary::local_port);
    town.add(scenario("client_first_fin_with_ack"), stage(51'000, 2), 5,
             ConnectionMix::Vary::local_port);
    ReportOf run(1);
    run.feed(town.tell().records);
    run.pass_time(run.now() + 10s);
    const report::Report report = run.report();
    EXPECT_EQ(quality(report, "connections"), 2);
    EXPECT_EQ(quality(report, "ended"), 1);
    EXPECT_EQ(sum(section<report::Table>(report, "services"), "connections"), 2);
    EXPECT_EQ(sum(section<report::Table>(report, "remotes"), "connections"), 2);
    EXPECT_EQ(sum(section<report::Table>(report, "ports"), "held"), 1);
    EXPECT_EQ(distribution(report, "states", "TIME_WAIT").count, 1u);
    EXPECT_EQ(distribution(report, "states", "ESTABLISHED").open, 1u);
    EXPECT_EQ(last_sample(report), (std::map<tcp::State, std::uint64_t>{{ESTABLISHED, 1}}));
    EXPECT_EQ(run.maker.ended(), 1u);
}

/// The listener's process stands for a connection until another accepts it.
TEST(ReportFilter, who_passes_once_it_is_accepted_is_counted_from_then_on) {
    ConnectionMix town;
    town.add(scenario("server_first"), stage(80, 100)); // accepted by pid 101
    const synth::GeneratedConnection story = town.tell();
    ReportOf acceptor(101);
    acceptor.feed(story.records);
    acceptor.pass_time(acceptor.now() + 10s);
    const report::Report report = acceptor.report();
    EXPECT_EQ(quality(report, "connections"), 1);
    EXPECT_EQ(distribution(report, "states", "SYN_RECV").count, 0u);
    EXPECT_EQ(distribution(report, "states", "ESTABLISHED").count, 1u);
    EXPECT_EQ(distribution(report, "states", "TIME_WAIT").count, 1u);
    EXPECT_TRUE(last_sample(report).empty());
}

/// Neither moves: what waits has to be found all the same.
TEST(ReportFilter, what_was_listed_is_counted_once_its_owner_is_known) {
    for (const std::uint32_t pid : {7u, 8u}) {
        ReportOf run(7);
        run.find_waiting(1);
        for (const std::uint64_t sock : {ReportOf::kConnection, ReportOf::kListener})
            run.feed(event::OwnerFound{run.now(), sock, sock,
                                       event::Owner{process(pid, "app"), 0, 1}, TD_OWNER_HOLDS},
                     run.now());
        run.expect_open(pid == 7 ? 1 : 0);
    }
}

TEST(ReportFilter, what_was_listed_is_counted_once_its_container_is_known) {
    ReportOf run(event::Filter{.containers = {"web"}});
    run.find_waiting(42);
    const event::DataQuality all_is_there;
    run.context.on_event(event::CgroupPath{42, "/app"});
    ASSERT_TRUE(run.selection.flush({run.tracker, all_is_there, run.now()}));
    run.expect_open(0);
    run.context.on_event(event::ContainerName{42, "web"});
    run.selection.settled({run.tracker, all_is_there, run.now()});
    run.expect_open(1);
    run.context.on_event(event::ContainerName{42, "renamed"});
    ASSERT_TRUE(run.selection.flush({run.tracker, all_is_there, run.now()}));
    run.expect_open(0);
}

TEST(ReportFilter, who_passes_no_more_leaves_every_count) {
    ConnectionMix town;
    town.add(scenario("server_first"), stage(80, 100));
    ReportOf listener(100);
    for (const synth::WireRecord& record : town.tell().records)
        if (record.at < at(20s)) listener.feed(record); // it is in TIME_WAIT
    listener.pass_time(at(20s));
    const report::Report report = listener.report();
    EXPECT_EQ(quality(report, "connections"), 0);
    EXPECT_EQ(distribution(report, "states", "SYN_RECV").count, 1u);
    EXPECT_EQ(distribution(report, "states", "ESTABLISHED").count, 0u);
    EXPECT_EQ(sum(section<report::Table>(report, "services"), "connections"), 0);
    EXPECT_TRUE(last_sample(report).empty());
}

} // namespace
} // namespace tcpdwell::test
