// SPDX-License-Identifier: Apache-2.0
// The metrics against the report on the same traffic, number for number.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "analysis/metrics.h"
#include "lines.h"
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
    std::map<std::string_view, double> severities;
    for (const report::Finding& finding : section<report::Findings>(report, "findings").list) {
        found.insert(finding.id);
        severities[finding.id] =
            std::max(severities[finding.id], 1.0 + static_cast<double>(finding.severity));
    }
    EXPECT_FALSE(found.empty());
    EXPECT_EQ(sum_of(families, "tcpdwell_finding_active"), static_cast<double>(found.size()));
    for (const std::string_view id : found)
        EXPECT_EQ(sum_of(families, "tcpdwell_finding_active", {{"finding", std::string(id)}}), 1);
    double all = 0;
    for (const auto& [id, severity] : severities) {
        EXPECT_EQ(sum_of(families, "tcpdwell_finding_severity", {{"finding", std::string(id)}}),
                  severity);
        all += severity;
    }
    EXPECT_EQ(sum_of(families, "tcpdwell_finding_severity"), all) << "0 of all others";
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

class MetricsTest : public testing::Test {
protected:
    [[nodiscard]] std::vector<report::MetricFamily> families(analysis::Metrics& metrics) {
        return metrics.families(at(100s), 0);
    }
    /// A report is made, with these sockets.
    void report_on(analysis::Metrics& metrics, const std::vector<track::LiveSocket>& sockets) {
        metrics.begin_live();
        for (const track::LiveSocket& socket : sockets) metrics.on_live(socket);
        metrics.on_report({}, flows_, {at(0s), at(100s), synth::kTestClock, host_});
    }

    ProcessNames names_;
    analysis::Flows flows_{at(0s)};
    analysis::HostFacts host_;
};

TEST_F(MetricsTest, count_what_connections_carried_and_what_was_lost) {
    analysis::Metrics metrics{{}};
    event::SocketNumbers numbers;
    numbers.bytes_sent = 1000;
    numbers.bytes_received = 20;
    numbers.segments_retransmitted = 3;
    track::ConnectionLine line{};
    line.who = &names_.server(80);
    line.numbers = &numbers;
    line.ending = tcp::Ending::fin;
    metrics.on_connection(line);
    metrics.on_connection(line);
    line.numbers = nullptr;
    metrics.on_connection(line);
    metrics.on_lost({at(1s), 5, {3, 0, 2}});
    metrics.on_lost({at(2s), 1, {1}});
    const auto all = families(metrics);
    const Labels service{{"service", "app:80"}};
    EXPECT_EQ(sum_of(all, "tcpdwell_bytes_total", {{"service", "app:80"}, {"direction", "sent"}}),
              2000);
    EXPECT_EQ(
        sum_of(all, "tcpdwell_bytes_total", {{"service", "app:80"}, {"direction", "received"}}),
        40);
    EXPECT_EQ(sum_of(all, "tcpdwell_segments_retransmitted_total", service), 6);
    EXPECT_EQ(
        sum_of(all, "tcpdwell_connections_ended_total", {{"service", "app:80"}, {"ending", "fin"}}),
        3);
    EXPECT_EQ(sum_of(all, "tcpdwell_events_lost_total", {{"probe", "state"}}), 4);
    EXPECT_EQ(sum_of(all, "tcpdwell_events_lost_total", {{"probe", "request"}}), 2);
}

TEST_F(MetricsTest, have_the_age_of_the_oldest_close_wait_of_each_service) {
    analysis::Metrics metrics{{}};
    std::vector<track::LiveSocket> sockets;
    for (const auto& [port, since] : {std::pair(80, 40s), std::pair(80, 30s), std::pair(81, 90s)}) {
        const auto& who = names_.server(static_cast<tcp::Port>(port),
                                        static_cast<tcp::Port>(50'000 + sockets.size()));
        metrics.on_move({at(since), &who, std::nullopt, CLOSE_WAIT});
        sockets.push_back(live(who, CLOSE_WAIT, at(since)));
    }
    const auto& established = names_.server(82);
    metrics.on_move({at(1s), &established, std::nullopt, ESTABLISHED});
    sockets.push_back(live(established, ESTABLISHED, at(1s)));
    sockets.push_back(live(names_.server(83), CLOSE_WAIT, at(1s))); // not counted: no move
    report_on(metrics, sockets);
    const auto oldest = [&](const char* service) {
        return sum_of(families(metrics), "tcpdwell_close_wait_oldest_seconds",
                      {{"service", service}});
    };
    EXPECT_EQ(oldest("app:80"), 70);
    EXPECT_EQ(oldest("app:81"), 10);
    EXPECT_EQ(oldest("app:82"), 0);
    EXPECT_EQ(sum_of(families(metrics), "tcpdwell_close_wait_oldest_seconds"), 80);
    while (sockets.size() > 2) sockets.pop_back();
    report_on(metrics, sockets);
    EXPECT_EQ(oldest("app:81"), 0) << "what the last report didn't see";
}

TEST_F(MetricsTest, are_of_the_process_that_is_learnt_while_a_socket_waits) {
    analysis::Metrics metrics{{}};
    track::ConnectionIdentity who = names_.server(80);
    const std::optional<event::Process> process = who.process;
    who.process.reset();
    metrics.on_move({at(0s), &who, std::nullopt, CLOSE_WAIT});
    who.process = process;
    metrics.on_learnt(who, CLOSE_WAIT, at(10s));
    metrics.on_learnt(names_.server(81), CLOSE_WAIT, at(10s)); // not counted: no move
    const auto seconds = [&](const Labels& labels) {
        return sum_of(families(metrics), "tcpdwell_socket_seconds_total", labels);
    };
    EXPECT_DOUBLE_EQ(seconds({{"service", "unknown:80"}}), 10);
    EXPECT_DOUBLE_EQ(seconds({{"service", "app:80"}, {"state", "close_wait"}}), 90);
    EXPECT_DOUBLE_EQ(seconds({}), 100);
    report_on(metrics, {live(who, CLOSE_WAIT, at(0s))});
    EXPECT_EQ(
        sum_of(families(metrics), "tcpdwell_close_wait_oldest_seconds", {{"service", "app:80"}}),
        100);
}

TEST_F(MetricsTest, give_overflows_to_the_listener_that_is_the_only_one) {
    for (const bool is_filtered : {false, true}) {
        analysis::Metrics metrics{{.is_filtered = is_filtered}};
        const auto& listener = names_.listener("0.0.0.0", 80, tcp::Family::ipv4);
        metrics.on_move({at(1s), &listener, std::nullopt, LISTEN});
        const auto count = [&](Nanoseconds when, std::uint64_t overflows) {
            const std::vector<event::KernelCounters::Counter> counters{
                {"TcpExt.ListenDrops", 1000 * overflows}, {"TcpExt.ListenOverflows", overflows}};
            metrics.on_counters({at(when), kNetns, counters});
        };
        count(1s, 10);
        count(2s, 17);
        report_on(metrics, {live(listener, LISTEN, at(1s))});
        const auto of_service = [&] {
            return sum_of(families(metrics), "tcpdwell_listen_overflows_total",
                          {{"service", "app:80"}});
        };
        EXPECT_EQ(of_service(), is_filtered ? 0 : 7);
        EXPECT_EQ(sum_of(families(metrics), "tcpdwell_listen_overflows_total"), 7);
        count(3s, 18);
        report_on(metrics,
                  {live(listener, LISTEN, at(1s)),
                   live(names_.listener("0.0.0.0", 81, tcp::Family::ipv4), LISTEN, at(1s))});
        EXPECT_EQ(of_service(), is_filtered ? 0 : 7) << "there is another listener now";
        EXPECT_EQ(sum_of(families(metrics), "tcpdwell_listen_overflows_total"), 8);
    }
}

TEST_F(MetricsTest, have_the_largest_share_of_ports_that_is_in_use) {
    analysis::Metrics metrics{{}};
    host_.on_fact(host_fact("net.ipv4.ip_local_port_range", "40000 40099"));
    LineFeeder lines(flows_);
    for (tcp::Port port = 40'000; port < 40'025; ++port)
        lines.born(names_.client(port), 1s, ESTABLISHED);
    for (tcp::Port port = 40'000; port < 40'010; ++port)
        lines.born(names_.client(port, "10.0.0.3"), 1s, ESTABLISHED);
    report_on(metrics, {});
    EXPECT_DOUBLE_EQ(sum_of(families(metrics), "tcpdwell_ephemeral_ports_used_ratio"), 0.25);
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
