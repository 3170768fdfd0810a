// SPDX-License-Identifier: Apache-2.0
// Each renderer's bytes against its golden file, and the numbers behind them against what the
// stories say is true. TCPDWELL_UPDATE_GOLDEN=1 writes the files instead (scripts/update-golden).
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <map>

#include "../unit/analysis/report_access.h"
#include "expected_file.h"
#include "golden_run.h"
#include "renderings.h"

namespace tcpdwell::test {

// How GoogleTest names a rendering in its messages.
// NOLINTNEXTLINE(readability-identifier-naming)
inline void PrintTo(const Rendering& rendering, std::ostream* out) { *out << rendering.file; }

namespace {

class Golden : public testing::TestWithParam<Rendering> {
protected:
    static void SetUpTestSuite() { // tables print local time
        setenv("TZ", "UTC", 1);
        tzset();
    }
};

TEST_P(Golden, file_is_what_is_rendered) { expect_golden(GetParam().file, GetParam().render()); }

INSTANTIATE_TEST_SUITE_P(All, Golden, testing::ValuesIn(renderings()),
                         [](const auto& tested) { return std::string(tested.param.name); });

// The golden files can't be read for every number, so the run behind them is held against its own
// truth.

/// The last transition of each connection before the end, if it has begun by then.
std::optional<synth::Outcome::Transition> last_before_end(const synth::Outcome& outcome) {
    std::optional<synth::Outcome::Transition> last;
    for (const synth::Outcome::Transition& t : outcome.transitions)
        if (t.at < kGoldenEnd) last = t;
    return last;
}

/// Who has closed first, of a connection that is under way at the end.
tcp::ClosedFirst closed_first_so_far(const synth::Outcome& outcome) {
    tcp::ClosedFirst first = tcp::ClosedFirst::none;
    for (const synth::Outcome::Transition& t : outcome.transitions) {
        if (t.at >= kGoldenEnd) break;
        if (t.to == tcp::State::FIN_WAIT1) first = tcp::ClosedFirst::local;
        if (t.to == tcp::State::CLOSE_WAIT) first = tcp::ClosedFirst::remote;
        if (t.to == tcp::State::CLOSING) first = tcp::ClosedFirst::both;
    }
    return first;
}

TEST(GoldenRun, says_what_is_true_at_its_end) {
    const auto run = golden_run(analysis::SplitBy::none);
    const report::Report report = run->report();
    std::int64_t connections = 0;
    std::map<tcp::State, std::uint64_t> live;
    std::map<std::string_view, std::int64_t> closers;
    std::map<std::string_view, std::int64_t> endings;
    for (const synth::Outcome& o : golden_story().outcomes) {
        const auto last = last_before_end(o);
        if (!last) continue;
        if (last->to != tcp::State::CLOSE) ++live[last->to];
        if (!o.line) continue;
        ++connections;
        // TIME_WAIT is the end of a connection that both have closed.
        const bool is_over = last->to == tcp::State::CLOSE || last->to == tcp::State::TIME_WAIT;
        ++endings[is_over ? name(o.line->ending) : "open"];
        ++closers[name(is_over ? o.line->closed_first : closed_first_so_far(o))];
    }
    const auto& services = section<report::Table>(report, "services");
    EXPECT_EQ(quality(report, "connections"), connections);
    EXPECT_EQ(sum(services, "connections"), connections);
    EXPECT_EQ(sum(services, "time_wait.now"),
              static_cast<std::int64_t>(live[tcp::State::TIME_WAIT]));
    for (const tcp::State state : kAllOf<tcp::State>)
        EXPECT_EQ(distribution(report, "states", name(state)).open, live[state]) << name(state);
    for (const auto& [how, n] : endings)
        EXPECT_EQ(sum(services, "endings." + std::string(how)), n) << how;
    for (const auto& [who, n] : closers)
        EXPECT_EQ(sum(services, "closed_first." + std::string(who)), n) << who;
    EXPECT_GT(live[tcp::State::TIME_WAIT], 100u);
}

TEST(GoldenRun, says_what_is_true_when_all_is_over) {
    TrackedReport run;
    run.feed(golden_story().records);
    const report::Report report = run.report();
    std::map<std::string_view, std::int64_t> closers;
    std::map<std::string_view, std::int64_t> endings;
    std::int64_t time_waits = 0;
    for (const synth::Outcome& o : golden_story().outcomes) {
        if (!o.line) continue;
        ++closers[name(o.line->closed_first)];
        ++endings[name(o.line->ending)];
        for (const synth::Outcome::Transition& t : o.transitions)
            time_waits += t.to == tcp::State::TIME_WAIT ? 1 : 0;
    }
    const auto& services = section<report::Table>(report, "services");
    for (const auto& [how, n] : endings)
        EXPECT_EQ(sum(services, "endings." + std::string(how)), n) << how;
    for (const auto& [who, n] : closers)
        EXPECT_EQ(sum(services, "closed_first." + std::string(who)), n) << who;
    const auto& waits = distribution(report, "states", "TIME_WAIT");
    EXPECT_EQ(static_cast<std::int64_t>(waits.count + *waits.open), time_waits);
}

} // namespace
} // namespace tcpdwell::test
