// SPDX-License-Identifier: Apache-2.0
// Rows and log records of generated traffic against what is true of it.
#include "store/exporter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "event/encode.h"
#include "store/otlp.h"
#include "store/schema.h"
#include "synth/traffic.h"
#include "tcp/flow.h"

namespace tcpdwell::test {
namespace {

using nlohmann::json;

/// Where lines end.
class LastConsumer final : public run::Consumer {
public:
    void begin(const run::Context&) override {}
    Result<bool> flush(const run::RunState&) override { return true; }
    Result<void> finish() override { return {}; }
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override { ++connections; }
    void on_lost(const track::LostLine&) override {}

    std::uint64_t connections = 0;
};

synth::GeneratedConnection traffic_of(std::uint64_t seed) {
    synth::TrafficOptions options;
    options.seed = seed;
    options.stories = 200;
    options.spread = std::chrono::seconds(90);
    options.tuples = 1000;
    options.only_ending = false;
    return synth::make_traffic(options);
}

/// The whole of it through a pipe.
template <class Maker>
void run_through(const synth::GeneratedConnection& traffic, store::RowOptions options,
                 Nanoseconds clock_error = {}) {
    LastConsumer last;
    run::Context context;
    Maker maker(std::move(options), context, last);
    run::Pipe pipe(context, maker, {});
    pipe.feed(event::encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
    for (const auto& [key, value] : {std::pair("host", "web-1"), std::pair("boot_id", "b-o-o-t")})
        pipe.feed(event::encode(event::Fact{0, key, value}, synth::kTestClock));
    EXPECT_TRUE(pipe.advance(synth::kTestClock.mono));
    MonoTime now = synth::kTestClock.mono;
    ClockAnchor clock = synth::kTestClock; // read anew with each record
    for (const synth::WireRecord& record : traffic.records) {
        clock.wall = synth::kTestClock.wall + clock_error;
        clock_error = -clock_error;
        pipe.feed(event::encode(event::ClockReading{clock}, clock));
        pipe.feed(record.bytes);
        now = std::max(now, record.at);
        EXPECT_TRUE(pipe.advance(now));
    }
    pipe.settle(now);
    EXPECT_TRUE(pipe.finish(now));
}

/// What rows of each table came, in batches of at most `rows_in_batch`.
std::map<std::string, std::vector<json>> rows_of(const synth::GeneratedConnection& traffic,
                                                 store::RowOptions options) {
    std::map<std::string, std::vector<json>> rows;
    const std::uint64_t most = options.rows_in_batch;
    options.take = [&](std::string_view table, std::uint64_t count,
                       std::string_view lines) -> Result<void> {
        std::uint64_t seen = 0;
        for (std::size_t at = 0; at < lines.size(); ++seen) {
            const std::size_t end = lines.find('\n', at);
            rows[std::string(table)].push_back(json::parse(lines.substr(at, end - at)));
            at = end + 1;
        }
        EXPECT_EQ(seen, count);
        EXPECT_LE(count, most);
        return {};
    };
    options.zone = "z1";
    run_through<store::Exporter>(traffic, std::move(options));
    return rows;
}

bool has_ended(const synth::Outcome& outcome) {
    return outcome.line && outcome.line->ending != tcp::Ending::open;
}

bool is_in_time_wait(const synth::Outcome& outcome) {
    return outcome.line && outcome.line->time_wait &&
           outcome.line->time_wait->end == tcp::TimeWaitEnd::open;
}

struct ExportOfTraffic : testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(seeds, ExportOfTraffic,
                         testing::Range(std::uint64_t{1}, std::uint64_t{4}));

TEST_P(ExportOfTraffic, HasARowForEachEndThatHasEnded) {
    const synth::GeneratedConnection traffic = traffic_of(GetParam());
    store::RowOptions options;
    options.takes_time_wait = true;
    options.rows_in_batch = 50;
    const auto rows = rows_of(traffic, options);
    std::map<std::string, int> truth;
    for (const synth::Outcome& outcome : traffic.outcomes)
        if (has_ended(outcome))
            ++truth[std::string(name(outcome.line->ending)) + " " +
                    std::string(name(outcome.line->closed_first)) + " " +
                    std::string(name(outcome.role))];
    std::map<std::string, int> exported;
    std::set<std::uint64_t> conns;
    for (const json& row : rows.at("ends")) {
        ++exported[row.at("ending").get<std::string>() + " " +
                   row.at("closed_first").get<std::string>() + " " +
                   row.at("role").get<std::string>()];
        conns.insert(row.at("conn").get<std::uint64_t>());
        EXPECT_EQ(row.at("host"), "web-1");
        EXPECT_EQ(row.at("boot"), "b-o-o-t");
        EXPECT_EQ(row.at("zone"), "z1");
        EXPECT_EQ(row.at("weight"), 1);
        EXPECT_EQ(row.at("states.state").size(), row.at("states.dwell_ns").size());
    }
    EXPECT_EQ(exported, truth);
    EXPECT_EQ(conns.size(), rows.at("ends").size());
    EXPECT_GT(truth.size(), 5U);

    std::uint64_t ended = 0;
    for (const json& row : rows.at("minutes"))
        for (const json& count : row.at("ended.connections")) ended += count.get<std::uint64_t>();
    EXPECT_EQ(ended, rows.at("ends").size());

    // Without what is in TIME_WAIT: those who trace on export it when that is over.
    const auto later = std::ranges::count_if(traffic.outcomes, is_in_time_wait);
    EXPECT_EQ(rows_of(traffic, {}).at("ends").size() + static_cast<std::size_t>(later),
              rows.at("ends").size());
    EXPECT_GT(later, 0);
}

TEST(Export, EndsAtTheSameMomentInTimeWaitAndAfterIt) {
    track::ConnectionLine line;
    line.entered = synth::kTestClock.mono;
    line.time_wait.emplace();
    EXPECT_EQ(store::ended_at(line), synth::kTestClock.mono);
    line.closed = synth::kTestClock.mono + std::chrono::seconds(60);
    line.time_wait->dwell = std::chrono::seconds(60);
    EXPECT_EQ(store::ended_at(line), synth::kTestClock.mono);
    line.time_wait.reset();
    EXPECT_EQ(store::ended_at(line), *line.closed);
}

TEST_P(ExportOfTraffic, MinutesBeginAtOneByAnyReadingOfTheClock) {
    const synth::GeneratedConnection traffic = traffic_of(GetParam());
    store::RowOptions options;
    std::set<std::pair<std::uint64_t, std::uint64_t>> spans;
    std::set<std::uint64_t> times;
    options.filter = "--port 80";
    options.take = [&](std::string_view table, std::uint64_t,
                       std::string_view lines) -> Result<void> {
        for (std::size_t at = 0; table == "minutes" && at < lines.size();) {
            const std::size_t end = lines.find('\n', at);
            const json row = json::parse(lines.substr(at, end - at));
            spans.emplace(row.at("began_ns"), row.at("ended_ns"));
            times.insert(row.at("time").get<std::uint64_t>());
            EXPECT_EQ(row.at("filter"), "--port 80");
            at = end + 1;
        }
        return {};
    };
    run_through<store::Exporter>(traffic, std::move(options), std::chrono::nanoseconds(200));
    ASSERT_GE(spans.size(), 3U);
    EXPECT_EQ(times.size(), spans.size());
    for (auto time = std::next(times.begin()); time != times.end(); ++time)
        EXPECT_EQ(*time % 60, 0U);
    for (auto span = spans.begin(), next = std::next(span); next != spans.end(); ++span, ++next)
        EXPECT_EQ(span->second, next->first) << "one after the other";
}

TEST_P(ExportOfTraffic, EachKeyIsAColumn) {
    const auto rows = rows_of(traffic_of(GetParam()), {});
    for (const store::ExportTable* table : store::tables()) {
        std::set<std::string, std::less<>> columns;
        for (const store::ExportColumn& column : table->columns) columns.emplace(column.name);
        EXPECT_EQ(columns.size(), table->columns.size());
        const auto found = rows.find(std::string(table->name));
        if (found == rows.end()) continue; // no report was made, so there are no findings
        for (const json& row : found->second)
            for (const auto& [key, value] : row.items()) EXPECT_TRUE(columns.contains(key)) << key;
    }
}

TEST_P(ExportOfTraffic, ASampleKeepsFlowsAndAllThatEndedBadly) {
    const synth::GeneratedConnection traffic = traffic_of(GetParam());
    const auto all = rows_of(traffic, {}).at("ends");
    store::RowOptions options;
    options.sampling = {.traced = 4, .kept = 6};
    const auto sample = rows_of(traffic, options).at("ends");
    std::map<std::uint64_t, std::uint64_t> weights;
    for (const json& row : sample) weights[row.at("conn").get<std::uint64_t>()] = row.at("weight");
    std::size_t good = 0;
    for (const json& row : all) {
        const auto kept = weights.find(row.at("conn").get<std::uint64_t>());
        if (row.at("ending") != "fin" || row.at("seen") == "gap") {
            ASSERT_NE(kept, weights.end()) << row;
            EXPECT_EQ(kept->second, 4U); // all of those that were traced
        } else if (row.at("flow").get<std::uint64_t>() % 6 == 0) {
            ASSERT_NE(kept, weights.end()) << row;
            EXPECT_EQ(kept->second, 12U); // one flow in 4, and of those one in 6
            ++good;
        } else {
            EXPECT_EQ(kept, weights.end()) << row;
        }
    }
    EXPECT_GT(good, 0U);
    EXPECT_LT(sample.size(), all.size());
}

TEST_P(ExportOfTraffic, LogRecordsAreOfTheSameEnds) {
    const synth::GeneratedConnection traffic = traffic_of(GetParam());
    std::multiset<std::string> rows;
    const auto all = rows_of(traffic, {}).at("ends");
    for (const json& row : all)
        rows.insert(fmt::format("{:016x} {} {}", row.at("conn").get<std::uint64_t>(),
                                row.at("ending").get<std::string>(),
                                row.at("local_addr").get<std::string>()));
    std::multiset<std::string> records;
    store::RowOptions options;
    options.rows_in_batch = 7;
    options.take = [&](std::string_view table, std::uint64_t count,
                       std::string_view line) -> Result<void> {
        EXPECT_EQ(table, "otlp");
        const json request = json::parse(line);
        const json& of_host = request.at("resourceLogs").at(0);
        const json expected = json::parse(R"([
            {"key": "host.name", "value": {"stringValue": "web-1"}},
            {"key": "os.type", "value": {"stringValue": "linux"}},
            {"key": "cloud.availability_zone", "value": {"stringValue": "z\"1"}}])");
        EXPECT_EQ(of_host.at("resource").at("attributes"), expected);
        const json& list = of_host.at("scopeLogs").at(0).at("logRecords");
        EXPECT_EQ(list.size(), count);
        EXPECT_LE(count, 7U);
        for (const json& record : list) {
            std::map<std::string, std::string> values;
            for (const json& each : record.at("attributes")) {
                const json& value = each.at("value");
                EXPECT_EQ(value.size(), 1U);
                EXPECT_TRUE(
                    values.emplace(each.at("key"), value.begin().value().get<std::string>()).second)
                    << each;
            }
            EXPECT_EQ(record.at("severityNumber") == 9,
                      values.at("tcpdwell.ending") == "fin" && values.at("tcpdwell.seen") != "gap");
            EXPECT_EQ(values.contains("error.type"), record.at("severityNumber") != 9);
            EXPECT_EQ(values.at("network.transport"), "tcp");
            const bool is_known = values.at("tcpdwell.role") != "unknown";
            EXPECT_EQ(values.contains("client.address"), is_known);
            records.insert(fmt::format("{} {} {}", values.at("tcpdwell.conn"),
                                       values.at("tcpdwell.ending"),
                                       values["network.local.address"]));
        }
        return {};
    };
    options.zone = "z\"1";
    run_through<store::OtlpExporter>(traffic, std::move(options));
    EXPECT_EQ(records, rows);
}

TEST(Exporter, PassesEverythingOnAndReportsWhatCantBeTaken) {
    store::RowOptions options;
    options.rows_in_batch = 1;
    std::uint64_t calls = 0;
    options.take = [&](std::string_view, std::uint64_t, std::string_view) -> Result<void> {
        ++calls;
        return fail(ErrorCode::failed, "no room");
    };
    LastConsumer last;
    run::Context context;
    store::Exporter exporter(std::move(options), context, last);
    run::Pipe pipe(context, exporter, {});
    pipe.feed(event::encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
    bool has_failed = false;
    for (const synth::WireRecord& record : traffic_of(1).records) {
        pipe.feed(record.bytes);
        const auto more = pipe.advance(record.at);
        if (more) continue;
        EXPECT_EQ(more.error().message, "no room");
        has_failed = true;
        break;
    }
    EXPECT_TRUE(has_failed);
    EXPECT_EQ(calls, 1U); // not again and again
    EXPECT_GT(last.connections, 0U);
}

TEST(Schema, HasWhatEachVersionKnows) {
    const auto old = store::ServerAbilities::of("18.16.1");
    const auto now = store::ServerAbilities::of("26.3.1.1");
    ASSERT_TRUE(old && now);
    const std::string first = store::schema_text({.server = *old, .days = 3});
    const std::string later = store::schema_text({.server = *now, .days = 3});
    for (const char* text : {"CODEC", "TTL", "LowCardinality", "ALTER TABLE"}) {
        EXPECT_EQ(first.find(text), std::string::npos) << text;
        EXPECT_NE(later.find(text), std::string::npos) << text;
    }
    EXPECT_NE(later.find("INTERVAL 3 DAY"), std::string::npos);
    EXPECT_EQ(first, store::schema_text({.days = 3})); // for all of them
    for (const char* wrong : {"", "18", "18.15.2", "x", "24,8", "-1.2"})
        EXPECT_FALSE(store::ServerAbilities::of(wrong)) << wrong;
    const std::string cluster = store::schema_text({.cluster = "fleet"});
    for (const char* table : {"ends", "minutes", "findings", "flows"})
        EXPECT_NE(
            cluster.find(fmt::format("Distributed('fleet', currentDatabase(), {}_local", table)),
            std::string::npos)
            << table;
}

} // namespace
} // namespace tcpdwell::test
