// SPDX-License-Identifier: Apache-2.0
// Each renderer's bytes against its golden file, and the numbers behind them against what the stories say is true.
// TCPDWELL_UPDATE_GOLDEN=1 writes the files instead (scripts/update-golden).
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "../unit/analysis/report_access.h"
#include "golden_run.h"
#include "renderings.h"

namespace tcpdwell {

// How GoogleTest names a rendering in its messages.
// NOLINTNEXTLINE(readability-identifier-naming)
inline void PrintTo(const Rendering& rendering, std::ostream* out) { *out << rendering.file; }

namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

using Lines = std::vector<std::string>;

/// How many lines to leave out of `a` and of `b` from (i, j) on until they go on alike; the fewest there are.
std::pair<std::size_t, std::size_t> until_alike(const Lines& a, const Lines& b, std::size_t i, std::size_t j) {
    for (std::size_t both = 1; i + j + both <= a.size() + b.size(); ++both)
        for (std::size_t left = 0; left <= both; ++left) {
            const std::size_t x = i + left;
            const std::size_t y = j + both - left;
            if (x > a.size() || y > b.size()) continue;
            if (x == a.size() ? y == b.size() : y < b.size() && a[x] == b[y]) return {left, both - left};
        }
    return {a.size() - i, b.size() - j};
}

/// What is expected and isn't there (-) and the other way round (+), up to some lines, with their numbers.
std::string difference(const std::string& expected, const std::string& got) {
    constexpr int most = 30;
    const Lines a = lines_of(expected);
    const Lines b = lines_of(got);
    std::string text = std::to_string(a.size()) + " lines expected, " + std::to_string(b.size()) + " got\n";
    int told = 0;
    const auto tell = [&](const char* sign, const Lines& lines, std::size_t first, std::size_t count) {
        for (std::size_t k = first; k < first + count && told < most; ++k, ++told)
            text += sign + std::to_string(k + 1) + ": " + lines[k] + "\n";
    };
    for (std::size_t i = 0, j = 0; (i < a.size() || j < b.size()) && told < most; ++i, ++j) {
        if (i < a.size() && j < b.size() && a[i] == b[j]) continue;
        const auto [left, right] = until_alike(a, b, i, j);
        tell("-", a, i, left);
        tell("+", b, j, right);
        i += left;
        j += right;
    }
    return text + (told == most ? "...\n" : "");
}

class Golden : public testing::TestWithParam<Rendering> {
protected:
    static void SetUpTestSuite() { // tables print local time
        setenv("TZ", "UTC", 1);
        tzset();
    }
};

TEST_P(Golden, file_is_what_is_rendered) {
    const std::string path = std::string(GOLDEN_FOLDER) + "/" + std::string(GetParam().file);
    const std::string got = GetParam().render();
    if (std::getenv("TCPDWELL_UPDATE_GOLDEN")) {
        std::ofstream(path, std::ios::binary) << got;
        return;
    }
    std::ifstream file(path, std::ios::binary);
    ASSERT_TRUE(file) << path << " is not there; scripts/update-golden writes it";
    const std::string expected((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (expected != got)
        ADD_FAILURE() << path << ": " << difference(expected, got)
                      << "If that is how it should be now: scripts/update-golden";
}

INSTANTIATE_TEST_SUITE_P(All, Golden, testing::ValuesIn(renderings()),
                         [](const auto& tested) { return std::string(tested.param.name); });

// The golden files can't be read for every number, so the run behind them is held against its own truth.

/// The last transition of each connection before the end, if it has begun by then.
std::optional<Outcome::Transition> last_before_end(const Outcome& outcome) {
    std::optional<Outcome::Transition> last;
    for (const Outcome::Transition& t : outcome.transitions)
        if (t.at < kGoldenEnd) last = t;
    return last;
}

/// Who has closed first, of a connection that is under way at the end.
ClosedFirst closed_first_so_far(const Outcome& outcome) {
    ClosedFirst first = ClosedFirst::none;
    for (const Outcome::Transition& t : outcome.transitions) {
        if (t.at >= kGoldenEnd) break;
        if (t.to == TcpState::FIN_WAIT1) first = ClosedFirst::local;
        if (t.to == TcpState::CLOSE_WAIT) first = ClosedFirst::remote;
        if (t.to == TcpState::CLOSING) first = ClosedFirst::both;
    }
    return first;
}

TEST(GoldenRun, says_what_is_true_at_its_end) {
    const auto run = golden_run(SplitBy::none);
    const Report report = run->report();
    std::int64_t connections = 0;
    std::map<TcpState, std::uint64_t> live;
    std::map<std::string_view, std::int64_t> closers;
    std::map<std::string_view, std::int64_t> endings;
    for (const Outcome& o : golden_story().outcomes) {
        const auto last = last_before_end(o);
        if (!last) continue;
        if (last->to != TcpState::CLOSE) ++live[last->to];
        if (!o.line) continue;
        ++connections;
        // TIME_WAIT is the end of a connection that both have closed.
        const bool is_over = last->to == TcpState::CLOSE || last->to == TcpState::TIME_WAIT;
        ++endings[is_over ? name(o.line->ending) : "open"];
        ++closers[name(is_over ? o.line->closed_first : closed_first_so_far(o))];
    }
    const auto& services = section<Table>(report, "services");
    EXPECT_EQ(quality(report, "connections"), connections);
    EXPECT_EQ(sum(services, "connections"), connections);
    EXPECT_EQ(sum(services, "time_wait.now"), static_cast<std::int64_t>(live[TcpState::TIME_WAIT]));
    for (const TcpState state : kAllStates)
        EXPECT_EQ(distribution(report, "states", name(state)).open, live[state]) << name(state);
    for (const auto& [how, n] : endings) EXPECT_EQ(sum(services, "endings." + std::string(how)), n) << how;
    for (const auto& [who, n] : closers) EXPECT_EQ(sum(services, "closed_first." + std::string(who)), n) << who;
    EXPECT_GT(live[TcpState::TIME_WAIT], 100u);
}

TEST(GoldenRun, says_what_is_true_when_all_is_over) {
    ReportRun run;
    run.feed(golden_story().records);
    const Report report = run.report();
    std::map<std::string_view, std::int64_t> closers;
    std::map<std::string_view, std::int64_t> endings;
    std::int64_t time_waits = 0;
    for (const Outcome& o : golden_story().outcomes) {
        if (!o.line) continue;
        ++closers[name(o.line->closed_first)];
        ++endings[name(o.line->ending)];
        for (const Outcome::Transition& t : o.transitions) time_waits += t.to == TcpState::TIME_WAIT ? 1 : 0;
    }
    const auto& services = section<Table>(report, "services");
    for (const auto& [how, n] : endings) EXPECT_EQ(sum(services, "endings." + std::string(how)), n) << how;
    for (const auto& [who, n] : closers) EXPECT_EQ(sum(services, "closed_first." + std::string(who)), n) << who;
    const auto& waits = distribution(report, "states", "TIME_WAIT");
    EXPECT_EQ(static_cast<std::int64_t>(waits.count + *waits.open), time_waits);
}

} // namespace
} // namespace tcpdwell
