// SPDX-License-Identifier: Apache-2.0
// The metrics against the report on the same traffic, number for number.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "analysis/metrics.h"
#include "report_access.h"
#include "synth/traffic.h"
#include "tracked_report.h"

namespace tcpdwell::test {
namespace {

using Labels = std::map<std::string, std::string>;

/// Hands lines to the metrics, then to the report maker.
class CountingReport {
public:
    /// `sample`: the lines are those of one connection in so many.
    explicit CountingReport(std::uint64_t sample)
        : metrics_({.max_services = 1000, .sample = sample}), run_(options(sample)) {
        run_.front = &tee_;
    }

    TrackedReport& run() { return run_; }
    std::vector<report::MetricFamily> families() { return metrics_.families(run_.now(), 0); }

private:
    struct Tee final : track::TrackerListener {
        explicit Tee(CountingReport& owner) : to(owner) {}
        void on_move(const track::StateMove& move) override {
            to.metrics_.on_move(move);
            to.run_.maker.on_move(move);
        }
        void on_transition(const track::TransitionLine& line) override {
            to.metrics_.on_transition(line);
            to.run_.maker.on_transition(line);
        }
        void on_connection(const track::ConnectionLine& line) override {
            to.metrics_.on_connection(line);
            to.run_.maker.on_connection(line);
        }
        void on_lost(const track::LostLine& line) override { to.metrics_.on_lost(line); }
        CountingReport& to;
    };

    analysis::ReportOptions options(std::uint64_t sample) {
        analysis::ReportOptions all;
        all.run.sample = sample;
        all.metrics = &metrics_;
        return all;
    }

    analysis::Metrics metrics_;
    Tee tee_{*this};
    TrackedReport run_;
};

/// The sum of the samples that have these labels.
double sum_of(const std::vector<report::MetricFamily>& families, std::string_view name,
              const Labels& wanted = {}) {
    double sum = 0;
    for (const report::MetricFamily& family : families) {
        if (family.name != name) continue;
        for (const report::MetricSample& sample : family.samples) {
            std::size_t matching = 0;
            for (const report::MetricLabel& label : sample.labels) {
                const auto want = wanted.find(std::string(label.name));
                if (want != wanted.end() && want->second == label.value) ++matching;
            }
            if (matching != wanted.size()) continue;
            sum += sample.value;
            for (const std::uint64_t count : sample.histogram.counts)
                sum += static_cast<double>(count);
        }
    }
    return sum;
}

std::string lower_state(std::string_view state) {
    std::string text(state);
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

struct MetricsOfTraffic : testing::TestWithParam<std::tuple<std::uint64_t, int>> {};
INSTANTIATE_TEST_SUITE_P(seeds_and_samples, MetricsOfTraffic,
                         testing::Combine(testing::Range(std::uint64_t{1}, std::uint64_t{6}),
                                          testing::Values(1, 7)));

TEST_P(MetricsOfTraffic, equal_the_report) {
    synth::TrafficOptions traffic;
    const auto [seed, sample] = GetParam();
    traffic.seed = seed;
    traffic.stories = 400;
    traffic.only_ending = false;
    CountingReport counting(static_cast<std::uint64_t>(sample));
    counting.run().feed(synth::make_traffic(traffic).records);
    const report::Report report = counting.run().report();
    const auto families = counting.families();

    std::size_t compared = 0;
    for (const report::Distribution& d :
         section<report::Distributions>(report, "states").groups.front().members) {
        const Labels state{{"state", lower_state(d.id)}};
        EXPECT_EQ(sum_of(families, "tcpdwell_state_dwell_seconds", state),
                  static_cast<double>(d.count))
            << d.id;
        EXPECT_EQ(sum_of(families, "tcpdwell_sockets", state), static_cast<double>(*d.open))
            << d.id;
        compared += d.count != 0;
    }
    EXPECT_GT(compared, 5U);

    // The report also counts what is open, by how it would end now.
    const auto& services = section<report::Table>(report, "services");
    std::map<std::string, std::int64_t> endings;
    std::map<std::string, std::int64_t> closers;
    double socket_seconds = 0;
    for (std::size_t row = 0; row < services.rows.size(); ++row) {
        for (const auto how : kAllOf<tcp::Ending>)
            endings[std::string(name(how))] += part(cell(services, row, "endings"), name(how));
        for (const auto who : kAllOf<tcp::ClosedFirst>)
            closers[std::string(name(who))] += part(cell(services, row, "closed_first"), name(who));
        for (const report::NumberPart& p :
             std::get<std::span<const report::NumberPart>>(cell(services, row, "time_wait")))
            if (p.name == "socket_seconds") socket_seconds += std::get<double>(p.number);
    }
    counting.run().tracker.for_each_live([&, weight = sample](const track::LiveSocket& socket) {
        if (socket.who.tuple.remote.empty()) return;
        endings[std::string(name(socket.ending))] -= weight;
        closers[std::string(name(socket.closed_first))] -= weight;
    });
    for (const auto& [how, count] : endings)
        EXPECT_EQ(sum_of(families, "tcpdwell_connections_ended_total", {{"ending", how}}),
                  static_cast<double>(count))
            << how;
    for (const auto& [who, count] : closers)
        EXPECT_EQ(sum_of(families, "tcpdwell_connections_ended_total", {{"closed_first", who}}),
                  static_cast<double>(count))
            << who;
    EXPECT_GT(endings["fin"], 0);
    // Each service of the report is rounded to a millisecond.
    EXPECT_NEAR(sum_of(families, "tcpdwell_socket_seconds_total", {{"state", "time_wait"}}),
                socket_seconds, 0.001 * sample * static_cast<double>(services.rows.size()));
    EXPECT_GT(socket_seconds, 0);

    std::set<std::string_view> found;
    for (const report::Finding& finding : section<report::Findings>(report, "findings").list)
        found.insert(finding.id);
    EXPECT_FALSE(found.empty());
    EXPECT_EQ(sum_of(families, "tcpdwell_finding_active"), static_cast<double>(found.size()));
    for (const std::string_view id : found)
        EXPECT_EQ(sum_of(families, "tcpdwell_finding_active", {{"finding", std::string(id)}}), 1);
}

TEST(BucketHistogram, bounds_belong_to_the_bucket_below) {
    analysis::BucketHistogram histogram;
    histogram.record(std::chrono::seconds(60));
    histogram.record(std::chrono::seconds(60) + Nanoseconds(1));
    histogram.record(std::chrono::hours(2));
    histogram.record(Nanoseconds(-5));
    const auto at = [&](double bound) {
        const auto it = std::ranges::find(analysis::kMetricBounds, bound);
        return histogram.counts()[static_cast<std::size_t>(it - analysis::kMetricBounds.begin())];
    };
    EXPECT_EQ(at(60), 1U);
    EXPECT_EQ(at(61), 1U);
    EXPECT_EQ(at(1e-5), 1U);
    EXPECT_EQ(histogram.counts().back(), 1U);
    EXPECT_DOUBLE_EQ(histogram.sum_seconds(), 60 + 60 + 1e-9 + 7200);
}

TEST(HeldTime, never_goes_backwards) {
    using namespace std::chrono_literals;
    const MonoTime begin(Nanoseconds(1'000'000'000'000));
    analysis::HeldTime held;
    held.enter(begin);
    EXPECT_DOUBLE_EQ(held.seconds(begin + 10s), 10);
    held.leave(begin + 4s); // known only after a later moment was shown
    EXPECT_DOUBLE_EQ(held.seconds(begin + 11s), 10);
    held.enter(begin + 20s);
    EXPECT_DOUBLE_EQ(held.seconds(begin + 30s), 14);
}

TEST(Metrics, of_a_sample_say_so_and_not_which_ports_are_in_use) {
    for (const std::uint64_t sample : {1, 10}) {
        analysis::Metrics metrics{{.sample = sample}};
        const auto families = metrics.families(synth::kTestClock.mono, 0);
        EXPECT_EQ(sum_of(families, "tcpdwell_sample_factor"), static_cast<double>(sample));
        const auto ports = std::ranges::find(families, "tcpdwell_ephemeral_ports_used_ratio",
                                             &report::MetricFamily::name);
        ASSERT_NE(ports, families.end());
        EXPECT_EQ(ports->samples.size(), sample == 1 ? 1U : 0U);
    }
}

} // namespace
} // namespace tcpdwell::test
