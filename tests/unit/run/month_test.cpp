// SPDX-License-Identifier: Apache-2.0
// A simulated month of a daemon: 100 000 services, each with processes and ports of its own, come
// and go. Memory stays what it is after a few windows, and counters never go backwards.
#include <gtest/gtest.h>
#include <malloc.h>

#include <map>

#include "analysis/metrics.h"
#include "base/memory_checks.h"
#include "event/encode.h"
#include "run/pipe.h"
#include "run/window_reports.h"
#include "synth/scenario.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kWindow = std::chrono::minutes(10);

/// Reports of a window and metrics, as the daemon keeps them.
class MonthWatch final : public run::Consumer {
public:
    explicit MonthWatch(const run::Context& context)
        : reports_({.metrics = &metrics_}, kWindow, context) {}

    void begin(const run::Context& context) override { reports_.begin(context.clock().mono); }
    Result<bool> flush(const run::RunState& state) override {
        reports_.advance(state);
        if (state.now >= next_report_) {
            note(reports_.make(state));
            check(metrics_.families(state.now, state.tracker.totals().evicted));
            next_report_ = state.now + 1h;
        }
        return true;
    }
    Result<void> finish() override { return {}; }
    void on_move(const track::StateMove& move) override {
        metrics_.on_move(move);
        reports_.on_move(move);
    }
    void on_transition(const track::TransitionLine& line) override {
        metrics_.on_transition(line);
        reports_.on_transition(line);
    }
    void on_connection(const track::ConnectionLine& line) override {
        metrics_.on_connection(line);
        reports_.on_connection(line);
        ++ended;
    }
    void on_lost(const track::LostLine&) override {}

    std::uint64_t ended = 0;
    std::uint64_t made = 0;        ///< reports
    std::size_t most_services = 0; ///< in a report
    std::size_t most_labels = 0;   ///< in the metrics

private:
    void note(const report::Report& report) {
        ++made;
        const auto& services = std::get<report::Table>(report.find("services")->body);
        most_services = std::max(most_services, services.rows.size());
    }

    void check(const std::vector<report::MetricFamily>& families) {
        std::map<std::string_view, double> sums;
        std::size_t labels = 0;
        for (const report::MetricFamily& family : families) {
            if (family.type != report::MetricType::counter) continue;
            for (const report::MetricSample& sample : family.samples)
                sums[family.name] += sample.value;
            if (family.name == "tcpdwell_segments_retransmitted_total")
                labels = family.samples.size();
        }
        most_labels = std::max(most_labels, labels);
        EXPECT_EQ(sums["tcpdwell_connections_ended_total"], static_cast<double>(ended));
        for (const auto& [name, sum] : sums) EXPECT_GE(sum, before_[name]) << name;
        before_ = sums;
    }

    analysis::Metrics metrics_{{.max_services = 50}};
    run::WindowReports reports_;
    MonoTime next_report_{};
    std::map<std::string_view, double> before_;
};

/// In use by the program, whatever the allocator holds back.
std::size_t bytes_in_use() { return ::mallinfo2().uordblks; }

TEST(Month, of_new_services_takes_constant_memory) {
    // What checks memory is slow, and has another allocator.
    constexpr int kServices = kChecksMemory ? 5'000 : 100'000;
    constexpr Nanoseconds kStep = Nanoseconds(30 * std::chrono::hours(24)) / kServices;
    run::Context context;
    MonthWatch watch(context);
    run::Pipe pipe(context, watch, {});
    pipe.feed(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
    synth::KernelMemory memory;
    std::vector<synth::Scenario> scenarios;
    for (const synth::Scenario& each : synth::closing_scenarios())
        if (each.ends) scenarios.push_back(each);
    std::size_t after_a_tenth = 0;
    for (int i = 0; i < kServices; ++i) {
        synth::Setting stage;
        stage.kernel = synth::kLinux6_18;
        stage.start = synth::kTestClock.mono + kStep * i;
        stage.netns = 4'026'531'840U + static_cast<std::uint32_t>(i % 50);
        stage.first_pid = 1000 + 10 * static_cast<std::uint32_t>(i);
        stage.tuple.family = tcp::Family::ipv4;
        for (tcp::Endpoint* end : {&stage.tuple.local, &stage.tuple.remote})
            end->address.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0};
        stage.tuple.local.address.bytes[15] = 1;
        stage.tuple.remote.address.bytes[14] = static_cast<std::uint8_t>(i / 250 % 250);
        stage.tuple.remote.address.bytes[15] = static_cast<std::uint8_t>(2 + i % 250);
        stage.tuple.local.port = static_cast<tcp::Port>(1024 + i % 64'000);
        stage.tuple.remote.port = static_cast<tcp::Port>(1024 + i * 7 % 64'000);
        const auto story =
            synth::tell(scenarios[static_cast<std::size_t>(i) % scenarios.size()], stage, memory);
        for (const synth::WireRecord& record : story.records) pipe.feed(record.bytes);
        ASSERT_TRUE(pipe.advance(story.records.back().at));
        if (i == kServices / 10) after_a_tenth = bytes_in_use();
    }
    ASSERT_TRUE(pipe.advance(synth::kTestClock.mono + kStep * kServices + 10min));
    EXPECT_GE(watch.ended, static_cast<std::uint64_t>(kServices));
    EXPECT_GT(watch.made, 24U * 28U); // one an hour, where the steps are as long as some minutes
    EXPECT_LE(watch.most_labels, 51U);
    EXPECT_GT(watch.most_services, 1U);
    EXPECT_LT(watch.most_services, 200U); // those of a window
    const std::size_t at_the_end = bytes_in_use();
    EXPECT_TRUE(kChecksMemory || at_the_end < after_a_tenth + after_a_tenth / 4)
        << after_a_tenth << " bytes after a tenth, " << at_the_end << " at the end";
}

} // namespace
} // namespace tcpdwell::test
