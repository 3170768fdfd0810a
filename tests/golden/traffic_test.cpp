// SPDX-License-Identifier: Apache-2.0
// Reports and metrics of generated traffic, with thresholds of one, so that nearly every rule finds
// something: whatever changes in an analysis changes one of these files. What is true of such runs
// is tested elsewhere (tests/unit/analysis, tests/property).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "../unit/analysis/tracked_report.h"
#include "analysis/metrics.h"
#include "expected_file.h"
#include "pretty_json.h"
#include "render/metrics_text.h"
#include "render/report_formats.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

struct Traffic {
    std::uint64_t seed;
    analysis::SplitBy by;
    std::uint64_t sample;
};

analysis::ReportOptions options_of(const Traffic& traffic) {
    analysis::ReportOptions options;
    options.by = traffic.by;
    options.run.sample = traffic.sample;
    if (traffic.sample != 1) options.run.filter = fmt::format("--sample {}", traffic.sample);
    set_count_thresholds_to_one(options.thresholds);
    return options;
}

/// What the kernel has counted in the first namespace so far.
event::KernelCounters counters(MonoTime at, std::uint64_t factor) {
    return {at,
            4026531840,
            {{"Tcp.ActiveOpens", 50 * factor},
             {"Tcp.PassiveOpens", 40 * factor},
             {"Tcp.AttemptFails", 3 * factor},
             {"Tcp.EstabResets", 5 * factor},
             {"TcpExt.ListenOverflows", 7 * factor},
             {"TcpExt.ListenDrops", 9 * factor},
             {"TcpExt.SyncookiesSent", 2 * factor},
             {"TcpExt.TCPReqQFullDoCookies", 2 * factor},
             {"TcpExt.TW", 30 * factor},
             {"TcpExt.TCPTimeWaitOverflow", 4 * factor},
             {"TcpExt.TCPAbortOnData", 6 * factor}}};
}

void run(TrackedReport& report, std::uint64_t seed) {
    report.fact(0, "kernel", "6.18.0");
    report.fact(0, "net.ipv4.ip_local_port_range", "1024 1100");
    report.fact(0, "net.ipv4.tcp_max_tw_buckets", "20");
    const synth::GeneratedConnection traffic = synth::make_traffic(
        {.seed = seed, .stories = 60, .spread = 60s, .tuples = 8, .only_ending = false});
    report.feed(counters(report.now(), 1), report.now());
    report.feed(traffic.records);
    for (tcp::Port port = 50'000; port < 50'003; ++port)
        report.feed(event::StrayReset{report.now(), 4026531840,
                                      tuple("10.0.0.9", 80, "10.0.0.8", port), TD_REASON_NO_SOCKET},
                    report.now());
    report.feed(counters(report.now(), 3), report.now());
}

class GoldenTraffic : public testing::TestWithParam<Traffic> {};

TEST_P(GoldenTraffic, has_the_report_that_it_had) {
    TrackedReport tracked(options_of(GetParam()));
    run(tracked, GetParam().seed);
    auto report = nlohmann::ordered_json::parse(render::report_json(tracked.report()));
    report.erase("sections"); // in a file of its own
    for (auto& finding : report["findings"]) {
        finding.erase("advice"); // much, and in the files of the incidents
        finding.erase("timeline");
    }
    expect_golden(fmt::format("traffic_{}.json", GetParam().seed), pretty(report));
    expect_golden(fmt::format("traffic_{}.txt", GetParam().seed),
                  render::report_text(tracked.report(), {.width = 200}));
}

INSTANTIATE_TEST_SUITE_P(Seeds, GoldenTraffic,
                         testing::Values(Traffic{1, analysis::SplitBy::service, 1},
                                         Traffic{2, analysis::SplitBy::remote, 7}),
                         [](const auto& tested) { return std::to_string(tested.param.seed); });

/// The report, and the metrics before it.
struct WithMetrics final : track::TrackerListener {
    explicit WithMetrics(TrackedReport& report, analysis::Metrics& metrics)
        : report_(report), metrics_(metrics) {}
    void on_move(const track::StateMove& move) override {
        metrics_.on_move(move);
        report_.maker.on_move(move);
    }
    void on_transition(const track::TransitionLine& line) override {
        metrics_.on_transition(line);
        report_.maker.on_transition(line);
    }
    void on_connection(const track::ConnectionLine& line) override {
        metrics_.on_connection(line);
        report_.maker.on_connection(line);
    }
    void on_lost(const track::LostLine& line) override {
        metrics_.on_lost(line);
        report_.maker.on_lost(line);
    }
    void on_counters(const track::CountersLine& line) override {
        metrics_.on_counters(line);
        report_.maker.on_counters(line);
    }
    void on_stray_reset(const track::StrayResetLine& line) override {
        report_.maker.on_stray_reset(line);
    }

private:
    TrackedReport& report_;
    analysis::Metrics& metrics_;
};

TEST(GoldenTraffic, has_the_metrics_that_it_had) {
    analysis::Metrics metrics({.max_services = 12});
    analysis::ReportOptions options = options_of({4, analysis::SplitBy::none, 1});
    options.metrics = &metrics;
    TrackedReport tracked(options);
    WithMetrics both(tracked, metrics);
    tracked.front = &both;
    run(tracked, 4);
    static_cast<void>(tracked.interval());
    expect_golden("traffic_metrics.txt",
                  render::prometheus_text(metrics.families(tracked.now(), 0)));
}

} // namespace
} // namespace tcpdwell::test
