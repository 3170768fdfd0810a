// SPDX-License-Identifier: Apache-2.0
// Views that can't know everything: of a recording without its first block, and with room for few
// connections. What isn't known is said, and isn't counted as something else.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "recorded_views.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

synth::GeneratedConnection busy_host() {
    synth::TrafficOptions options;
    options.seed = 3;
    options.stories = 60;
    options.spread = 30s;
    return make_traffic(options);
}

/// The same file with a byte of its first block changed.
Fd without_first_block(const Fd& file) {
    std::string text = contents_of(file.get());
    const std::size_t block = text.find(std::string_view("\x51\x2a\x4d\x18", 4));
    text.at(block + recording::kBlockHeadSize + 10) ^= 1;
    return memory_file(text);
}

struct Views {
    json report;
    json connections = json::array(); ///< as `trace --connections` prints them
};

Views views_of(const Fd& file, std::size_t max_connections = 1'000'000) {
    run::PipelineOptions options;
    options.tracker.max_connections = max_connections;
    Views views;
    const auto print = [&](const report::Report& report, bool) -> Result<bool> {
        views.report = json::parse(render::report_json(report));
        return true;
    };
    run::Context context;
    cli::ReportConsumer printer({}, {}, context, print, false);
    EXPECT_TRUE(run_pipeline(*replay(file), context, printer, options, nullptr));
    for (const std::string& line : trace_lines(file, {}, cli::TracePrinter::What::connections))
        if (json parsed = json::parse(line); parsed["type"] == "connection")
            views.connections.push_back(std::move(parsed));
    return views;
}

std::uint64_t sum_of_services(const json& report) {
    std::uint64_t sum = 0;
    for (const json& service : report["services"])
        sum += service["connections"].get<std::uint64_t>();
    return sum;
}

TEST(PartialView, the_report_without_the_first_block_begins_where_the_run_did) {
    const Fd file = record_all(busy_host().records);
    const json whole = views_of(file).report;
    const Views rest = views_of(without_first_block(file));
    for (const char* key : {"begin", "end", "duration_ns"})
        EXPECT_EQ(rest.report["meta"][key], whole["meta"][key]) << key;
    EXPECT_EQ(rest.report["meta"]["host"], "story");
    EXPECT_EQ(whole["quality"]["holes"], 0);
    EXPECT_EQ(rest.report["quality"]["holes"], 1);
    EXPECT_EQ(rest.report["findings"].dump().find("events_lost") == std::string::npos, false);
}

TEST(PartialView, the_report_without_the_first_block_has_all_that_trace_has) {
    const Views rest = views_of(without_first_block(record_all(busy_host().records)));
    EXPECT_GT(rest.connections.size(), 40u);
    EXPECT_EQ(rest.report["quality"]["connections"], rest.connections.size());
    EXPECT_EQ(sum_of_services(rest.report), rest.connections.size());
}

/// Before a report: how many of the connections that it gets were given up.
class Sorter final : public run::ForwardingConsumer {
public:
    using ForwardingConsumer::ForwardingConsumer;
    void on_connection(const track::ConnectionLine& line) override {
        ++(line.evicted ? evicted : line.closed ? closed : others);
        next().on_connection(line);
    }
    std::uint64_t evicted = 0;
    std::uint64_t closed = 0;
    std::uint64_t others = 0;
};

TEST(PartialView, connections_given_up_for_want_of_room_have_not_ended) {
    const Fd file = record_all(busy_host().records);
    run::PipelineOptions options;
    options.tracker.max_connections = 6;
    json report;
    const auto print = [&](const report::Report& made, bool) -> Result<bool> {
        report = json::parse(render::report_json(made));
        return true;
    };
    run::Context context;
    cli::ReportConsumer printer({}, {}, context, print, false);
    Sorter sorter(printer);
    const auto outcome = run_pipeline(*replay(file), context, sorter, options, nullptr);
    ASSERT_TRUE(outcome);
    const json& quality = report["quality"];
    EXPECT_GT(sorter.evicted, 10u);
    EXPECT_GE(outcome->totals.evicted, sorter.evicted); // listeners are given up too
    EXPECT_EQ(quality["evicted"], outcome->totals.evicted);
    EXPECT_EQ(quality["connections"], sorter.closed + sorter.others);
    EXPECT_EQ(outcome->totals.connections, sorter.closed + sorter.others);
    EXPECT_EQ(sum_of_services(report), quality["connections"]);
}

} // namespace
} // namespace tcpdwell::test
