// SPDX-License-Identifier: Apache-2.0
// The catalog: complete in the words that users can meet, and consistent in itself. (Whether the
// tracker reports the stories right is tested with the tracker.)
#include "synth/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "event/decode.h"
#include "event/encode.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

synth::Setting stage_on(const synth::KernelTraits& kernel, std::uint64_t seed = 0) {
    synth::Setting stage;
    stage.kernel = kernel;
    stage.seed = seed;
    stage.tuple = {{*tcp::IpAddress::parse("10.0.0.1"), 1000},
                   {*tcp::IpAddress::parse("10.0.0.2"), 2000},
                   tcp::Family::ipv4};
    return stage;
}

std::vector<synth::GeneratedConnection> all_stories(const synth::KernelTraits& kernel,
                                                    std::uint64_t seed = 0) {
    std::vector<synth::GeneratedConnection> stories;
    for (const synth::Scenario& scenario : synth::all_scenarios()) {
        synth::KernelMemory memory;
        stories.push_back(tell(scenario, stage_on(kernel, seed), memory));
    }
    return stories;
}

/// Each value of E must be shown by an outcome of some story, but for those of `never`.
template <class E, class Get>
void expect_all(Get get, std::set<E> never = {}) {
    std::set<E> shown;
    for (const synth::GeneratedConnection& story : all_stories(synth::kLinux6_18))
        for (const synth::Outcome& o : story.outcomes)
            if (o.line) get(*o.line, shown);
    for (const E value : kAllOf<E>)
        EXPECT_NE(shown.contains(value), never.contains(value)) << name(value);
}

TEST(Scenario, there_is_one_for_each_ending) {
    expect_all<tcp::Ending>([](const synth::OutcomeLine& line, std::set<tcp::Ending>& shown) {
        shown.insert(line.ending);
    });
}

TEST(Scenario, there_is_one_for_each_detail) {
    expect_all<tcp::EndingDetail>(
        [](const synth::OutcomeLine& line, std::set<tcp::EndingDetail>& shown) {
            shown.insert(line.detail);
        });
}

TEST(Scenario, there_is_one_for_each_end_of_time_wait) {
    expect_all<tcp::TimeWaitEnd>(
        [](const synth::OutcomeLine& line, std::set<tcp::TimeWaitEnd>& shown) {
            if (line.time_wait) shown.insert(line.time_wait->end);
        },
        {tcp::TimeWaitEnd::unknown}); // a kernel with stacks reports them all
}

TEST(Scenario, there_is_one_for_each_first_closer) {
    expect_all<tcp::ClosedFirst>(
        [](const synth::OutcomeLine& line, std::set<tcp::ClosedFirst>& shown) {
            shown.insert(line.closed_first);
        },
        {tcp::ClosedFirst::unknown}); // takes a gap
}

TEST(Scenario, names_are_unique) {
    std::set<std::string_view> names;
    for (const synth::Scenario& scenario : synth::all_scenarios())
        EXPECT_TRUE(names.insert(scenario.name).second) << scenario.name;
}

TEST(Scenario, records_are_whole_and_in_order) {
    for (const synth::KernelTraits& kernel :
         {synth::kLinux5_10, synth::kLinux6_1, synth::kLinux6_18}) {
        for (const synth::GeneratedConnection& story : all_stories(kernel, 99)) {
            event::Decoder decoder;
            ASSERT_FALSE(story.records.empty());
            EXPECT_TRUE(std::is_sorted(story.records.begin(), story.records.end(),
                                       [](const synth::WireRecord& a, const synth::WireRecord& b) {
                                           return a.at < b.at;
                                       }));
            for (const synth::WireRecord& record : story.records) {
                EXPECT_EQ(record.bytes.size() % 8, 0u);
                EXPECT_TRUE(decoder.decode(record.bytes));
            }
        }
    }
}

TEST(Scenario, outcomes_are_consistent) {
    for (const std::uint64_t seed : {0u, 5u, 6u}) {
        for (const synth::GeneratedConnection& story : all_stories(synth::kLinux6_1, seed)) {
            for (const synth::Outcome& o : story.outcomes) {
                SCOPED_TRACE(describe(o));
                ASSERT_FALSE(o.transitions.empty());
                for (std::size_t i = 1; i < o.transitions.size(); ++i) {
                    EXPECT_EQ(o.transitions[i].from, o.transitions[i - 1].to);
                    if (o.transitions[i].dwell) {
                        EXPECT_EQ(*o.transitions[i].dwell,
                                  o.transitions[i].at - o.transitions[i - 1].at);
                    }
                }
                if (!o.line) continue;
                EXPECT_EQ(o.line->opened, o.transitions.front().at);
                EXPECT_EQ(o.line->closed.has_value(), o.transitions.back().to == tcp::State::CLOSE);
                Nanoseconds sum = 0ns;
                bool known = o.line->closed.has_value();
                for (const synth::OutcomeLine::Stay& stay : o.line->states) {
                    known = known && stay.dwell;
                    sum += stay.dwell.value_or(0ns);
                }
                if (known) {
                    EXPECT_EQ(sum, *o.line->closed - *o.line->opened);
                }
            }
        }
    }
}

TEST(Scenario, connections_are_counted) {
    for (const synth::Scenario& scenario : synth::all_scenarios()) {
        synth::KernelMemory memory;
        const synth::GeneratedConnection story =
            tell(scenario, stage_on(synth::kLinux6_18), memory);
        const auto lines =
            std::count_if(story.outcomes.begin(), story.outcomes.end(),
                          [](const synth::Outcome& o) { return o.line.has_value(); });
        if (scenario.name == "listener_aborted")
            EXPECT_EQ(lines, 0);
        else
            EXPECT_EQ(lines, scenario.connections) << scenario.name;
        const bool all_closed =
            std::all_of(story.outcomes.begin(), story.outcomes.end(), [](const synth::Outcome& o) {
                return o.transitions.back().to == tcp::State::CLOSE;
            });
        EXPECT_EQ(all_closed, scenario.ends) << scenario.name;
    }
}

/// The child of a handshake as the given kernel shows it at LISTEN -> SYN_RECV.
event::StateChange child_on(const synth::KernelTraits& kernel) {
    const auto served = std::find_if(synth::all_scenarios().begin(), synth::all_scenarios().end(),
                                     [](const synth::Scenario& s) { return s.name == "served"; });
    synth::KernelMemory memory;
    const synth::GeneratedConnection story = tell(*served, stage_on(kernel), memory);
    event::Decoder decoder;
    for (const synth::WireRecord& record : story.records) {
        const auto event = decoder.decode(record.bytes);
        const auto* change = std::get_if<event::StateChange>(&*event);
        if (change && change->from == tcp::State::LISTEN && change->to == tcp::State::SYN_RECV)
            return *change;
    }
    ADD_FAILURE() << "no child";
    return {};
}

TEST(Scenario, kernels_show_a_child_differently) {
    const event::StateChange old_child = child_on(synth::kLinux6_1);
    EXPECT_TRUE(old_child.tuple.remote.empty());
    EXPECT_EQ(old_child.cookie, 0x1001u); // the listener's
    const event::StateChange new_child = child_on(synth::kLinux6_18);
    EXPECT_EQ(new_child.tuple.remote.port, 2000);
    EXPECT_NE(new_child.cookie, 0x1001u);
    EXPECT_EQ(child_on(synth::kLinux5_10).cookie, 0u);
}

} // namespace
} // namespace tcpdwell::test
