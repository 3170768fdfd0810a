// SPDX-License-Identifier: Apache-2.0
// Random traffic with random losses: whatever is reported as whole is the truth, and no dwell is
// ever made up.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "../unit/track/outcome_collector.h"
#include "random_run.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

/// Takes records away, each time telling so (td_lost) where the record would have been.
std::vector<synth::WireRecord> lose_some(const std::vector<synth::WireRecord>& records,
                                         std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const std::uint64_t one_in = 10 + random() % 100;
    const std::uint64_t longest_burst =
        1 + random() % 2; // long ones can hide one mini-socket's life in another's
    std::uint64_t burst = 0;
    event::LostTotals lost{MonoTime{}, {}};
    std::vector<synth::WireRecord> kept;
    for (const synth::WireRecord& record : records) {
        if (burst == 0 && random() % one_in == 0) burst = 1 + random() % longest_burst;
        if (burst == 0) {
            kept.push_back(record);
            continue;
        }
        --burst;
        lost.at = record.at;
        ++lost.total[TD_PROBE_STATE];
        kept.push_back({record.at, encode(lost, synth::kTestClock)});
    }
    return kept;
}

/// Makes holes, as a damaged recording has them.
std::vector<synth::WireRecord> make_holes(const std::vector<synth::WireRecord>& records,
                                          std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const std::uint64_t one_in = 10 + random() % 100;
    std::vector<synth::WireRecord> kept;
    for (std::size_t i = 0; i < records.size();) {
        const std::size_t hole = random() % one_in == 0 ? 1 + random() % 2 : 0; // as above
        const MonoTime before = i == 0 ? records[i].at : records[i - 1].at;
        i += hole;
        const bool is_end = i >= records.size();
        const MonoTime after = is_end ? before : records[i].at;
        if (hole > 0)
            kept.push_back({before, encode(event::Gap{before, after, false}, synth::kTestClock)});
        if (!is_end) kept.push_back(records[i++]);
    }
    return kept;
}

/// What happened between two ends, over all connections that used them.
using Place = std::pair<std::uint32_t, std::string>;
Place place_of(const synth::Outcome& o) {
    return {o.netns, o.tuple.local.address.text(tcp::Family::ipv6) +
                         std::to_string(o.tuple.local.port) + " " +
                         o.tuple.remote.address.text(tcp::Family::ipv6) +
                         std::to_string(o.tuple.remote.port)};
}

/// Not known, or the truth.
template <class T>
bool no_lie(const std::optional<T>& reported, const std::optional<T>& truth) {
    return !reported || reported == truth;
}

/// Whether `reported` says nothing but what `truth` says. Things may be missing that lie in records
/// of their own, where no state shows their loss: details of an ending, restarts of a timer, who
/// owned the socket.
bool agrees(const synth::Outcome& reported, const synth::Outcome& truth) {
    if (!truth.line || place_of(reported) != place_of(truth) || reported.role != truth.role)
        return false;
    const auto same_transition = [](const synth::Outcome::Transition& a,
                                    const synth::Outcome::Transition& b) {
        return a.at == b.at && a.from == b.from && a.to == b.to && no_lie(a.dwell, b.dwell);
    };
    const auto same_stay = [](const synth::OutcomeLine::Stay& a,
                              const synth::OutcomeLine::Stay& b) {
        return a.state == b.state && no_lie(a.dwell, b.dwell);
    };
    const synth::OutcomeLine& a = *reported.line;
    const synth::OutcomeLine& b = *truth.line;
    return std::equal(reported.transitions.begin(), reported.transitions.end(),
                      truth.transitions.begin(), truth.transitions.end(), same_transition) &&
           std::equal(a.states.begin(), a.states.end(), b.states.begin(), b.states.end(),
                      same_stay) &&
           a.opened == b.opened && a.closed == b.closed && a.closed_first == b.closed_first &&
           a.ending == b.ending && (a.detail == tcp::EndingDetail::none || a.detail == b.detail) &&
           a.time_wait.has_value() == b.time_wait.has_value() &&
           (!a.time_wait || (a.time_wait->end == b.time_wait->end &&
                             no_lie(a.time_wait->dwell, b.time_wait->dwell)));
}

class LossProperty : public testing::Test {
protected:
    void run_with(std::uint64_t seed) {
        synth::TrafficOptions options = random_options(seed);
        options.only_single = true; // two connections with the same ends can look like one if all
                                    // between them is lost
        options.tuples = static_cast<std::uint32_t>(options.stories);
        traffic = make_traffic(options);
        TrackerRun run;
        run.feed(seed % 2 == 0 ? lose_some(traffic.records, seed)
                               : make_holes(traffic.records, seed));
        run.finish();
        reported = run.collector.outcomes();
        EXPECT_EQ(run.collector.complaints, std::vector<std::string>()) << how_to_repeat(seed);
        EXPECT_EQ(run.tracker.live(), 0u) << how_to_repeat(seed);
    }
    synth::GeneratedConnection traffic;
    std::vector<synth::Outcome> reported;
};

TEST_F(LossProperty, whole_lines_are_true) {
    for (const std::uint64_t seed : seeds(2000)) {
        run_with(seed);
        for (const synth::Outcome& o : reported) {
            if (!o.line || o.line->seen != tcp::Seen::whole) continue;
            const synth::Outcome* nearest = nullptr;
            bool found = false;
            for (const synth::Outcome& truth : traffic.outcomes) {
                found = found || agrees(o, truth);
                if (truth.line && place_of(truth) == place_of(o) &&
                    truth.line->opened == o.line->opened)
                    nearest = &truth;
            }
            EXPECT_TRUE(found) << how_to_repeat(seed) << "\ntold: " << describe(o) << "truth: "
                               << (nearest ? describe(*nearest) : "no such connection");
        }
        if (HasFailure()) return;
    }
}

bool younger_time_wait(const synth::Outcome::Transition& real,
                       const synth::Outcome::Transition& reported) {
    if (reported.from == tcp::State::TIME_WAIT)
        return real.from == reported.from && *reported.dwell < *real.dwell;
    return reported.from == tcp::State::FIN_WAIT2 && reported.to == tcp::State::TIME_WAIT &&
           *reported.dwell > *real.dwell;
}

/// Whether a connection between these ends stayed in that state, from and until about then. Of one
/// with a gap, two stays can be reported wrong in good faith: a restart that was missed makes
/// TIME_WAIT look younger if the timer has to report its beginning, and if that was missed too,
/// FIN_WAIT2 looks longer.
bool happened(const synth::Outcome& reported, const synth::Outcome::Transition& t,
              const std::vector<synth::Outcome>& truth) {
    constexpr Nanoseconds kSlack =
        std::chrono::milliseconds(5); // a tick of the timer may be all that is left
    for (const synth::Outcome& o : truth) {
        if (place_of(o) != place_of(reported)) continue;
        for (const auto& real : o.transitions)
            if (real.from == t.from && real.dwell &&
                ((std::chrono::abs(real.at - t.at) < kSlack &&
                  std::chrono::abs(*real.dwell - *t.dwell) < kSlack) ||
                 (reported.line && reported.line->seen == tcp::Seen::gap &&
                  younger_time_wait(real, t))))
                return true;
    }
    return false;
}

TEST_F(LossProperty, each_dwell_is_true) {
    for (const std::uint64_t seed : seeds(2000)) {
        run_with(seed);
        for (const synth::Outcome& o : reported)
            for (const auto& t : o.transitions)
                EXPECT_TRUE(!t.dwell || happened(o, t, traffic.outcomes))
                    << how_to_repeat(seed) << "\n"
                    << name(t.from) << " -> " << name(t.to) << " of " << describe(o);
        if (HasFailure()) return;
    }
}

TEST_F(LossProperty, each_connection_ends_once) {
    for (const std::uint64_t seed : seeds(500)) {
        run_with(seed);
        for (const synth::Outcome& o : reported) {
            const bool listener = o.tuple.remote.empty();
            EXPECT_EQ(o.line.has_value(), !listener) << how_to_repeat(seed) << "\n" << describe(o);
        }
        if (HasFailure()) return;
    }
}

} // namespace
} // namespace tcpdwell::test
