// SPDX-License-Identifier: Apache-2.0
// Random traffic through the whole report: its numbers must agree with each other, with the
// tracker, and with what the stories say is true.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "report_access.h"
#include "synth/traffic.h"
#include "tracked_report.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kClosers[] = {"local", "remote", "both", "none", "unknown"};
constexpr std::string_view kEndings[] = {"fin",
                                         "reset_sent",
                                         "reset_received",
                                         "timed_out",
                                         "refused",
                                         "connect_failed",
                                         "handshake_failed",
                                         "fin_wait2_expired",
                                         "dropped_silently",
                                         "open",
                                         "unknown"};

class WholeRun : public testing::TestWithParam<std::uint64_t> {
protected:
    static synth::GeneratedConnection traffic() {
        return synth::make_traffic(
            {.seed = GetParam(), .stories = 300, .spread = 90s, .tuples = 8, .only_ending = false});
    }
};

std::map<std::string_view, std::int64_t> sums(const report::Table& table, std::string_view column,
                                              std::span<const std::string_view> parts) {
    std::map<std::string_view, std::int64_t> all;
    for (const std::string_view part : parts)
        if (const auto n = sum(table, std::string(column) + "." + std::string(part)); n != 0)
            all[part] = n;
    return all;
}

TEST_P(WholeRun, agrees_with_the_stories) {
    const synth::GeneratedConnection story = traffic();
    TrackedReport run;
    run.feed(story.records);
    const report::Report report = run.report();
    std::map<std::string_view, std::int64_t> closers;
    std::map<std::string_view, std::int64_t> endings;
    std::map<std::pair<tcp::State, tcp::State>, std::uint64_t> edges;
    std::map<tcp::State, std::uint64_t> stays;
    std::int64_t connections = 0;
    std::int64_t clients = 0;
    std::int64_t waiting = 0;
    for (const synth::Outcome& o : story.outcomes) {
        for (const synth::Outcome::Transition& t : o.transitions) {
            ++edges[{t.from, t.to}];
            if (t.dwell) ++stays[t.from];
        }
        if (!o.line) continue;
        ++connections;
        clients += o.role == tcp::Role::client ? 1 : 0;
        ++closers[name(o.line->closed_first)];
        ++endings[name(o.line->ending)];
        waiting += o.line->time_wait && o.line->time_wait->end == tcp::TimeWaitEnd::open ? 1 : 0;
    }
    const auto& services = section<report::Table>(report, "services");
    EXPECT_EQ(quality(report, "connections"), connections);
    EXPECT_EQ(sum(services, "connections"), connections);
    EXPECT_EQ(sums(services, "closed_first", kClosers), closers);
    EXPECT_EQ(sums(services, "endings", kEndings), endings);
    EXPECT_EQ(sum(services, "time_wait.now"), waiting);
    EXPECT_EQ(sum(section<report::Table>(report, "remotes"), "connections"), clients);

    std::map<std::pair<tcp::State, tcp::State>, std::uint64_t> reported;
    for (const report::Edge& edge : section<report::StateDiagram>(report, "transitions").edges)
        reported[{edge.from, edge.to}] = edge.count;
    EXPECT_EQ(reported, edges);
    for (const tcp::State state : kAllOf<tcp::State>)
        EXPECT_EQ(distribution(report, "states", name(state)).count, stays[state]) << name(state);
}

TEST_P(WholeRun, agrees_with_itself_and_with_the_tracker) {
    TrackedReport run;
    run.feed(traffic().records);
    run.pass_time(run.now() +
                  36h); // whatever the step of the timeline, it has a sample since the last move
    const report::Report report = run.report();
    const auto& services = section<report::Table>(report, "services");
    const auto& remotes = section<report::Table>(report, "remotes");
    EXPECT_EQ(quality(report, "connections"), quality(report, "ended") + quality(report, "open"));
    EXPECT_EQ(quality(report, "connections"),
              quality(report, "whole") + quality(report, "joined") + quality(report, "gap"));
    for (const report::Table* table : {&services, &remotes}) {
        for (std::size_t row = 0; row < table->rows.size(); ++row) {
            std::int64_t closed = 0;
            std::int64_t ended = 0;
            for (const auto who : kClosers) closed += part(cell(*table, row, "closed_first"), who);
            for (const auto how : kEndings) ended += part(cell(*table, row, "endings"), how);
            EXPECT_EQ(closed, number(cell(*table, row, "connections")));
            EXPECT_EQ(ended, number(cell(*table, row, "connections")));
        }
    }
    std::map<tcp::State, std::uint64_t> live;
    std::map<tcp::State, std::uint64_t> live_connections;
    run.tracker.for_each_live([&](const track::LiveSocket& socket) {
        ++live[socket.state];
        if (!socket.who.tuple.remote.empty()) ++live_connections[socket.state];
    });
    EXPECT_EQ(sum(services, "time_wait.now"),
              static_cast<std::int64_t>(live[tcp::State::TIME_WAIT]));
    for (const tcp::State state : kAllOf<tcp::State>)
        EXPECT_EQ(distribution(report, "states", name(state)).open, live[state]) << name(state);
    std::map<tcp::State, std::uint64_t> last;
    for (const report::Timeline::Series& series :
         section<report::Timeline>(report, "timeline").series)
        if (series.counts.back() != 0) last[series.state] = series.counts.back();
    EXPECT_EQ(last, live_connections);
}

/// What a report counts of the time that it shows, by name. What is there now is in each report,
/// and left out.
std::map<std::string, std::int64_t> counts(const report::Report& report,
                                           const track::Tracker& tracker) {
    std::map<std::string, std::int64_t> all;
    for (const char* id : {"ended", "transitions", "unexpected_edges", "lost"})
        all[id] = quality(report, id);
    for (const report::Edge& edge : section<report::StateDiagram>(report, "transitions").edges)
        all[std::string(name(edge.from)) + " -> " + std::string(name(edge.to))] =
            static_cast<std::int64_t>(edge.count);
    for (const report::Distribution& d :
         section<report::Distributions>(report, "states").groups.front().members)
        all[std::string(d.id)] = static_cast<std::int64_t>(d.count);
    for (const auto how : kEndings)
        all["service " + std::string(how)] =
            sum(section<report::Table>(report, "services"), "endings." + std::string(how));
    for (const auto who : kClosers)
        all["service " + std::string(who)] =
            sum(section<report::Table>(report, "services"), "closed_first." + std::string(who));
    tracker.for_each_live([&](const track::LiveSocket& socket) {
        if (socket.who.tuple.remote.empty()) return;
        --all["service " + std::string(name(socket.ending))];
        --all["service " + std::string(name(socket.closed_first))];
    });
    std::erase_if(all, [](const auto& entry) { return entry.second == 0; });
    return all;
}

TEST_P(WholeRun, intervals_add_up) {
    const synth::GeneratedConnection story = traffic();
    TrackedReport whole;
    whole.feed(story.records);
    const report::Report at_once = whole.report();

    TrackedReport cut;
    std::map<std::string, std::int64_t> added;
    const auto add = [&](const report::Report& report) {
        for (const auto& [id, n] : counts(report, cut.tracker)) added[id] += n;
    };
    double seconds = 0;
    const auto held = [](const report::Report& report) {
        double all = 0;
        const auto& services = section<report::Table>(report, "services");
        for (std::size_t row = 0; row < services.rows.size(); ++row)
            for (const report::NumberPart& p :
                 std::get<std::span<const report::NumberPart>>(cell(services, row, "time_wait")))
                if (p.name == "socket_seconds") all += std::get<double>(p.number);
        return all;
    };
    MonoTime next = synth::kTestClock.mono + 10s;
    for (const synth::WireRecord& record : story.records) {
        for (; next <= record.at; next += 10s) {
            cut.pass_time(next);
            const report::Report report = cut.interval();
            add(report);
            seconds += held(report);
        }
        cut.feed(record);
    }
    const report::Report last = cut.report();
    add(last);
    seconds += held(last);
    std::erase_if(added, [](const auto& entry) { return entry.second == 0; });
    EXPECT_EQ(added, counts(at_once, whole.tracker));
    EXPECT_GT(seconds, 100.0);
    EXPECT_NEAR(seconds, held(at_once), 1e-3);
}

TEST_P(WholeRun, same_records_same_report) {
    const synth::GeneratedConnection story = traffic();
    TrackedReport first;
    TrackedReport second;
    first.feed(story.records);
    second.feed(story.records);
    const report::Report one = first.report();
    const report::Report other = second.report();
    EXPECT_EQ(counts(one, first.tracker), counts(other, second.tracker));
}

INSTANTIATE_TEST_SUITE_P(Seeds, WholeRun, testing::Values(1, 2, 3, 4, 5, 6, 7, 8),
                         [](const auto& tested) { return std::to_string(tested.param); });

} // namespace
} // namespace tcpdwell::test
