// SPDX-License-Identifier: Apache-2.0
// Every story of the catalog, on every kind of kernel, has to be reported as it was: each
// transition and each connection.
#include <gtest/gtest.h>

#include <ostream>

#include "outcome_collector.h"
#include "synth/scenario.h"

namespace tcpdwell::test {

// How GoogleTest names a scenario in its messages.
// NOLINTNEXTLINE(readability-identifier-naming)
inline void PrintTo(const synth::Scenario& scenario, std::ostream* out) { *out << scenario.name; }

namespace {

struct Kernel {
    std::string_view name;
    synth::KernelTraits traits;
};

constexpr synth::KernelTraits without_stacks(synth::KernelTraits traits) {
    traits.stacks = false;
    return traits;
}

constexpr synth::KernelTraits by_functions(synth::KernelTraits traits) {
    traits.functions = true;
    return traits;
}

constexpr Kernel kKernels[] = {
    {"5.10", synth::kLinux5_10},
    {"6.1", synth::kLinux6_1},
    {"6.18", synth::kLinux6_18},
    {"6.1 without stacks", without_stacks(synth::kLinux6_1)},
    {"6.18 without stacks", without_stacks(synth::kLinux6_18)},
    {"5.10 by functions", by_functions(synth::kLinux5_10)},
    {"6.1 by functions, without stacks", by_functions(without_stacks(synth::kLinux6_1))},
    {"6.18 by functions", by_functions(synth::kLinux6_18)},
};

tcp::FourTuple tuple_of(tcp::Family family) {
    const bool v4 = family == tcp::Family::ipv4;
    return {{*tcp::IpAddress::parse(v4 ? "10.1.2.3" : "fd00::3"), 8080},
            {*tcp::IpAddress::parse(v4 ? "10.9.8.7" : "fd00::9"), 55555},
            family};
}

class GeneratedConnectionTest : public testing::TestWithParam<synth::Scenario> {};

TEST_P(GeneratedConnectionTest, is_reported_as_it_was) {
    for (const Kernel& kernel : kKernels) {
        for (const tcp::Family family : {tcp::Family::ipv4, tcp::Family::ipv6}) {
            SCOPED_TRACE(std::string(kernel.name) +
                         (family == tcp::Family::ipv4 ? ", IPv4" : ", IPv6"));
            synth::KernelMemory memory;
            synth::Setting stage;
            stage.kernel = kernel.traits;
            stage.tuple = tuple_of(family);
            const synth::GeneratedConnection story = tell(GetParam(), stage, memory);
            TrackerRun run;
            run.feed(story.records);
            run.finish();
            const std::string differs = difference(run.collector.outcomes(), story.outcomes);
            ASSERT_TRUE(differs.empty()) << differs;
            EXPECT_EQ(run.collector.complaints, std::vector<std::string>());
            EXPECT_EQ(run.tracker.totals().unexpected, 0u);
            EXPECT_EQ(run.live_before_finish, GetParam().ends ? 0u : 1u);
            EXPECT_EQ(run.tracker.live(), 0u);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(All, GeneratedConnectionTest, testing::ValuesIn(synth::all_scenarios()),
                         [](const auto& tested) { return std::string(tested.param.name); });

} // namespace
} // namespace tcpdwell::test
