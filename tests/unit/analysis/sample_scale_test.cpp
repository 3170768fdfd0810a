// SPDX-License-Identifier: Apache-2.0
// The same lines as all there is, and as a sample of one in kSample: what is counted of connections
// has to be so many times as much, and everything else the same.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <set>

#include "lines.h"
#include "report_access.h"
#include "synth/traffic.h"
#include "tracked_report.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kSample = 7;

/// Numbers that aren't of connections; what isn't here has to be kSample times as much.
const std::set<std::string, std::less<>> kNotScaled = {
    // of the run and its data
    "meta.duration_ns", "meta.netns", "quality.lost", "quality.holes", "quality.unseen",
    "quality.evicted", "quality.malformed", "quality.unknown_records", "quality.dropped",
    "quality.quantile_error",
    // of services, endpoints and hosts
    "services.netns", "remotes.netns", "ports.netns", "endings.netns", "transfers.netns",
    "accept_queues.netns", "stray_resets.netns", "both_ends_here.netns", "accept_queues.limit",
    "accept_queues.queued", "transfers.retransmitted_share", "findings.netns", "findings.addresses",
    "findings.hosts", "findings.known_hosts", "findings.limit", "findings.share",
    "findings.retransmissions", "findings.queued", "findings.pid", "findings.left_out"};

class Comparison {
public:
    void compare(const report::Report& all, const report::Report& sample) {
        for (const report::Section& section : all.sections) {
            const report::Section* other = sample.find(section.id);
            ASSERT_TRUE(other) << section.id;
            id_ = section.id;
            std::visit(
                [&](const auto& body) {
                    compare(body, std::get<std::decay_t<decltype(body)>>(other->body));
                },
                section.body);
        }
    }

    [[nodiscard]] const std::set<std::string>& scaled() const { return scaled_; }
    [[nodiscard]] std::size_t findings() const { return findings_; }
    /// Of the sample, listeners' as they are.
    [[nodiscard]] std::uint64_t transitions() const { return transitions_; }

private:
    void compare_numbers(const std::string& path, double one, double other) {
        const bool is_count = !kNotScaled.contains(path);
        EXPECT_NEAR(other, one * (is_count ? kSample : 1), 1e-6 * std::abs(one)) << path;
        if (is_count && one != 0) scaled_.insert(path);
    }
    void compare_values(const std::string& path, const report::Value& one,
                        const report::Value& other) {
        ASSERT_EQ(one.index(), other.index()) << path;
        if (const auto* number = std::get_if<std::int64_t>(&one))
            compare_numbers(path, static_cast<double>(*number),
                            static_cast<double>(std::get<std::int64_t>(other)));
        if (const auto* number = std::get_if<double>(&one))
            compare_numbers(path, *number, std::get<double>(other));
        if (const auto* time = std::get_if<Nanoseconds>(&one); time != nullptr) {
            const bool is_interval = path == "findings.interval_ns"; // of more
            EXPECT_EQ(std::get<Nanoseconds>(other), is_interval ? *time / kSample : *time) << path;
        }
        const auto* parts = std::get_if<std::span<const report::NumberPart>>(&one);
        if (parts == nullptr || path == "meta.thresholds") return;
        const auto others = std::get<std::span<const report::NumberPart>>(other);
        ASSERT_EQ(parts->size(), others.size()) << path;
        const auto as_double = [](const auto& number) { return static_cast<double>(number); };
        for (std::size_t i = 0; i < parts->size(); ++i)
            compare_numbers(path, std::visit(as_double, (*parts)[i].number),
                            std::visit(as_double, others[i].number));
    }

    void compare(const report::Facts& one, const report::Facts& other) {
        for (const report::FactLine& line : one.lines)
            if (line.id != "transitions") // listeners' too; compared below
                compare_values(fmt::format("{}.{}", id_, line.id), line.value,
                               fact(other.lines, line.id));
    }
    void compare(const report::Table& one, const report::Table& other) {
        ASSERT_EQ(one.rows.size(), other.rows.size()) << id_;
        for (std::size_t row = 0; row < one.rows.size(); ++row)
            for (std::size_t i = 0; i < one.columns.size(); ++i)
                compare_values(fmt::format("{}.{}", id_, one.columns[i].id), one.rows[row][i],
                               other.rows[row][i]);
    }
    void compare(const report::Distribution& one, const report::Distribution& other) {
        const bool is_of_listeners = one.id == name(tcp::State::LISTEN);
        const auto times = is_of_listeners ? 1 : static_cast<std::uint64_t>(kSample);
        EXPECT_EQ(other.count, one.count * times) << id_ << one.id;
        EXPECT_EQ(other.open.value_or(0), one.open.value_or(0) * times) << id_ << one.id;
        EXPECT_EQ(std::tuple(other.min, other.mean, other.p50, other.p99, other.max, other.oldest),
                  std::tuple(one.min, one.mean, one.p50, one.p99, one.max, one.oldest));
        ASSERT_EQ(other.buckets.size(), one.buckets.size());
        for (std::size_t i = 0; i < one.buckets.size(); ++i)
            EXPECT_EQ(other.buckets[i].count, one.buckets[i].count * times);
        if (one.count != 0) scaled_.insert(id_);
    }
    void compare(const report::Distributions& one, const report::Distributions& other) {
        ASSERT_EQ(one.groups.size(), other.groups.size()) << id_;
        for (std::size_t group = 0; group < one.groups.size(); ++group) {
            ASSERT_EQ(one.groups[group].members.size(), other.groups[group].members.size());
            for (std::size_t i = 0; i < one.groups[group].members.size(); ++i)
                compare(one.groups[group].members[i], other.groups[group].members[i]);
        }
    }
    void compare(const report::StateDiagram& one, const report::StateDiagram& other) {
        ASSERT_EQ(one.edges.size(), other.edges.size());
        for (std::size_t i = 0; i < one.edges.size(); ++i) {
            const report::Edge& edge = one.edges[i];
            // LISTEN -> SYN_RECV is the connection's first.
            const bool is_of_listeners =
                edge.to == tcp::State::LISTEN ||
                (edge.from == tcp::State::LISTEN && edge.to != tcp::State::SYN_RECV);
            EXPECT_EQ(other.edges[i].count, edge.count * (is_of_listeners ? 1 : kSample));
            EXPECT_EQ(other.edges[i].median, edge.median);
            if (!is_of_listeners) scaled_.insert(id_);
            transitions_ += other.edges[i].count;
        }
    }
    void compare(const report::Timeline& one, const report::Timeline& other) {
        ASSERT_EQ(one.series.size(), other.series.size());
        for (std::size_t i = 0; i < one.series.size(); ++i) {
            ASSERT_EQ(one.series[i].counts.size(), other.series[i].counts.size());
            for (std::size_t at = 0; at < one.series[i].counts.size(); ++at)
                EXPECT_EQ(other.series[i].counts[at], one.series[i].counts[at] * kSample);
            scaled_.insert(id_);
        }
    }
    /// Of a sample nobody knows which ports are in use, and only the kernel how often the table of
    /// TIME_WAITs was full.
    void compare(const report::Findings& one, const report::Findings& other) {
        auto in_sample = other.list.begin();
        for (const report::Finding& finding : one.list) {
            if (finding.id == "ephemeral_ports_low" || finding.id == "time_wait_table_full")
                continue;
            ASSERT_NE(in_sample, other.list.end()) << finding.what;
            ASSERT_EQ(in_sample->id, finding.id) << finding.what << '\n' << in_sample->what;
            EXPECT_EQ(in_sample->subject, finding.subject);
            for (const report::FactLine& line : finding.evidence)
                compare_values(fmt::format("findings.{}", line.id), line.value,
                               fact(in_sample->evidence, line.id));
            ++in_sample;
            ++findings_;
        }
        EXPECT_EQ(in_sample, other.list.end());
    }

    std::string id_; ///< of the section
    std::set<std::string> scaled_;
    std::size_t findings_ = 0;
    std::uint64_t transitions_ = 0;
};

/// What comes to the surface with thresholds of one each.
analysis::ReportOptions options(std::uint64_t sample) {
    analysis::ReportOptions options;
    options.by = analysis::SplitBy::service;
    options.run.sample = sample;
    options.run.filter = "--port 1-65535"; // neither is of everything
    set_count_thresholds_to_one(options.thresholds);
    return options;
}

class ScaleTest : public testing::TestWithParam<std::uint64_t> {
protected:
    static void run(TrackedReport& run) {
        const synth::GeneratedConnection story = synth::make_traffic(
            {.seed = GetParam(), .stories = 300, .spread = 90s, .tuples = 8, .only_ending = false});
        run.feed(story.records);
        for (int i = 0; i < 3; ++i)
            run.feed(event::StrayReset{run.now(), kNetns,
                                       tuple("10.0.0.9", 80, "10.0.0.8",
                                             static_cast<tcp::Port>(50'000 + i)),
                                       TD_REASON_NO_SOCKET},
                     run.now());
    }
};

TEST_P(ScaleTest, counts_of_connections_are_so_many_times_as_much) {
    TrackedReport all(options(1));
    TrackedReport sample(options(kSample));
    run(all);
    run(sample);
    const report::Report one = all.report();
    const report::Report other = sample.report();
    Comparison comparison;
    comparison.compare(one, other);
    EXPECT_EQ(quality(other, "traced"), quality(one, "connections"));
    for (const char* path :
         {"quality.connections", "services.connections", "services.closed_first",
          "services.endings", "services.time_wait", "remotes.connections", "ports.opened",
          "endings.count", "states", "states_by", "latencies", "transitions", "timeline"})
        EXPECT_TRUE(comparison.scaled().contains(path)) << path;
    EXPECT_EQ(quality(other, "transitions"), comparison.transitions());
    EXPECT_GT(comparison.findings(), 3U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ScaleTest, testing::Values(1, 2, 3));

} // namespace
} // namespace tcpdwell::test
