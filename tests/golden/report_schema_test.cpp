// SPDX-License-Identifier: Apache-2.0
// The keys of `report --format json`, written down a second time: scripts and the page are built on
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "golden_run.h"
#include "json_keys.h"
#include "render/report_formats.h"

namespace tcpdwell::test {
namespace {

Json golden(analysis::SplitBy by) {
    return Json::parse(render::report_json(golden_run(by)->report()));
}

const Json& plain() {
    static const Json json = golden(analysis::SplitBy::none);
    return json;
}

const Keys kDistribution = {"title",     "count",      "min_ns",  "mean_ns", "p50_ns",
                            "p90_ns",    "p99_ns",     "p999_ns", "max_ns",  "open",
                            "oldest_ns", "nominal_ns", "buckets"};
const Keys kStates = {"LISTEN",  "SYN_SENT",  "SYN_RECV",   "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2",
                      "CLOSING", "TIME_WAIT", "CLOSE_WAIT", "LAST_ACK",    "CLOSE"};
const Keys kClosers = {"local", "remote", "both", "none", "unknown"};
const Keys kEndings = {"fin",
                       "reset_sent",
                       "reset_received",
                       "timed_out",
                       "refused",
                       "connect_failed",
                       "handshake_failed",
                       "fin_wait2_expired",
                       "dropped_silently",
                       "open",
                       "unknown"};

void expect_distribution(const Json& d) {
    EXPECT_EQ(keys(d), kDistribution);
    EXPECT_TRUE(d["count"].is_number_unsigned());
    for (const char* key : {"min_ns", "mean_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"})
        EXPECT_EQ(d[key].is_null(), d["count"] == 0) << key;
    EXPECT_EQ(d["oldest_ns"].is_null(), d["open"].is_null() || d["open"] == 0);
    std::uint64_t sum = 0;
    for (const Json& bucket : d["buckets"]) {
        ASSERT_EQ(bucket.size(), 3u);
        EXPECT_LT(bucket[0], bucket[1]);
        sum += bucket[2].get<std::uint64_t>();
    }
    EXPECT_EQ(d["count"], sum);
}

bool is_time(const Json& value) {
    return std::regex_match(value.get<std::string>(),
                            std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z)"));
}

/// "service" and "remote" rows have these in common.
void expect_tally(const Json& row) {
    EXPECT_EQ(keys(row["closed_first"]), kClosers);
    std::int64_t closed = 0;
    for (const auto& [who, count] : row["closed_first"].items())
        closed += count.get<std::int64_t>();
    EXPECT_EQ(row["connections"], closed);
    std::int64_t ended = 0;
    for (const auto& [how, count] : row["endings"].items()) {
        EXPECT_NE(std::find(kEndings.begin(), kEndings.end(), how), kEndings.end()) << how;
        EXPECT_GT(count, 0) << how;
        ended += count.get<std::int64_t>();
    }
    EXPECT_EQ(row["connections"], ended);
    EXPECT_EQ(keys(row["time_wait"]), (Keys{"now", "peak", "socket_seconds"}));
    EXPECT_TRUE(row["time_wait"]["now"].is_number_integer());
    EXPECT_TRUE(row["time_wait"]["socket_seconds"].is_number_float());
    EXPECT_LE(row["time_wait"]["now"], row["time_wait"]["peak"]);
}

TEST(ReportSchema, top_level) {
    EXPECT_EQ(keys(plain()),
              (Keys{"meta", "quality", "findings", "states", "states_by", "latencies",
                    "accept_delays", "transitions", "services", "remotes", "ports", "accept_queues",
                    "endings", "transfers", "timeline", "sections"}));
}

TEST(ReportSchema, sections_describe_the_other_keys) {
    Keys ids;
    for (const Json& section : plain()["sections"]) {
        Keys own = {"id", "title", "help", "kind"};
        const std::string kind = section["kind"];
        if (kind == "facts") own.push_back("lines");
        if (kind == "distributions") own.push_back("members");
        if (kind == "table") own.push_back("columns");
        if (kind == "findings") own.push_back("evidence");
        EXPECT_EQ(keys(section), own);
        ids.push_back(section["id"]);
        EXPECT_TRUE(section["title"].is_string()) << section["id"];
    }
    EXPECT_EQ(ids, (Keys{"findings", "services", "remotes", "ports", "accept_queues", "endings",
                         "transfers", "states", "states_by", "latencies", "accept_delays",
                         "transitions", "timeline", "meta", "quality"}));
}

/// Whoever draws a table from its columns leaves out nothing that is in its rows.
TEST(ReportSchema, columns_of_tables_have_titles_and_cover_the_keys_of_the_rows) {
    for (const Json& section : plain()["sections"]) {
        if (section["kind"] != "table") continue;
        std::set<std::string> paths;
        for (const Json& column : section["columns"]) {
            EXPECT_EQ(keys(column),
                      (Keys{"path", "title", "group", "help", "align", "below", "minor"}));
            EXPECT_TRUE(column["title"].is_string() && column["help"].is_string()) << column;
            paths.insert(column["path"]);
        }
        const Json& rows = plain()[section["id"].get<std::string>()];
        if (section["id"] == "transfers") continue; // these connections have no numbers
        ASSERT_FALSE(rows.empty()) << section["id"];
        const Json& row = rows[0];
        for (const auto& [key, cell] : row.items()) {
            if (paths.contains(key)) continue;
            ASSERT_TRUE(cell.is_object()) << section["id"] << ' ' << key;
            for (const auto& [part, number] : cell.items())
                EXPECT_TRUE(paths.contains(key + "." + part)) << part;
        }
    }
}

TEST(ReportSchema, meta) {
    const Json& meta = plain()["meta"];
    EXPECT_EQ(keys(meta),
              (Keys{"version", "source", "host", "kernel", "machine", "begin", "end", "duration_ns",
                    "interval", "netns", "filter", "probes", "sysctls", "thresholds"}));
    EXPECT_TRUE(is_time(meta["begin"]));
    EXPECT_TRUE(is_time(meta["end"]));
    EXPECT_EQ(meta["duration_ns"], 150'000'000'000);
    EXPECT_TRUE(meta["interval"].is_boolean());
    EXPECT_TRUE(meta["netns"].is_number());
    EXPECT_TRUE(meta["filter"].is_null());
    EXPECT_EQ(meta["sysctls"]["net.ipv4.tcp_fin_timeout"], "60");
    EXPECT_EQ(meta["thresholds"]["close_wait_leak.age"], 60);
}

TEST(ReportSchema, what_the_host_did_not_report_is_null) {
    TrackedReport run;
    const Json json = Json::parse(render::report_json(run.report()));
    for (const char* key : {"version", "host", "kernel", "machine", "filter", "probes"})
        EXPECT_TRUE(json["meta"][key].is_null()) << key;
    EXPECT_EQ(json["meta"]["sysctls"], Json::object());
    EXPECT_EQ(json["findings"], Json::array());
    EXPECT_EQ(json["services"], Json::array());
    EXPECT_EQ(json["timeline"]["states"], Json::object());
    EXPECT_EQ(keys(json), keys(plain()));
    EXPECT_EQ(keys(json["states"]), kStates);
}

TEST(ReportSchema, quality) {
    const Json& quality = plain()["quality"];
    EXPECT_EQ(keys(quality),
              (Keys{"lost", "holes", "unseen", "connections", "ended", "open", "time_wait", "whole",
                    "joined", "gap", "transitions", "unexpected_edges", "evicted", "malformed",
                    "unknown_records", "dropped", "quantile_error"}));
    EXPECT_EQ(quality["quantile_error"], 0.008);
    for (const auto& [key, value] : quality.items())
        EXPECT_TRUE(value.is_number_integer() || key == "quantile_error") << key;
}

TEST(ReportSchema, findings) {
    ASSERT_FALSE(plain()["findings"].empty());
    for (const Json& finding : plain()["findings"]) {
        EXPECT_EQ(keys(finding), (Keys{"id", "severity", "what", "evidence", "advice", "subject",
                                       "connections", "because", "timeline"}));
        EXPECT_EQ(finding["connections"], finding["evidence"]["connections"]);
        EXPECT_TRUE(finding["severity"] == "info" || finding["severity"] == "warning" ||
                    finding["severity"] == "critical");
        EXPECT_TRUE(finding["what"].is_string());
        EXPECT_TRUE(finding["advice"].is_string());
        EXPECT_EQ(keys(finding["evidence"]).back(), "connections");
        const Keys names = keys(finding["evidence"]);
        EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size())
            << finding;
        for (const auto& [key, value] : finding["evidence"].items())
            EXPECT_TRUE(value.is_primitive() || value.is_array()) << key;
        for (const Json& id : finding["evidence"]["connections"])
            EXPECT_TRUE(std::regex_match(id.get<std::string>(), std::regex("[0-9a-f]{16}"))) << id;
    }
}

/// No key is left to be shown as it is.
TEST(ReportSchema, evidence_has_words) {
    const Json& about = plain()["sections"][0];
    ASSERT_EQ(about["kind"], "findings");
    for (const Json& words : about["evidence"]) {
        EXPECT_EQ(keys(words), (Keys{"id", "title", "unit", "finding"}));
        EXPECT_TRUE(
            words["title"] == "tcp_max_tw_buckets" ||
            !std::regex_search(words["title"].get<std::string>(), std::regex("[a-z]_[a-z]|_ns")))
            << words;
    }
    for (const Json& finding : plain()["findings"])
        for (const auto& [key, value] : finding["evidence"].items())
            EXPECT_TRUE(key == "connections" ||
                        std::ranges::any_of(about["evidence"],
                                            [&](const Json& words) {
                                                return words["id"] == key &&
                                                       (words["finding"].is_null() ||
                                                        words["finding"] == finding["id"]);
                                            }))
                << finding["id"] << " " << key;
}

TEST(ReportSchema, timelines_of_findings) {
    std::size_t lives = 0;
    for (const Json& finding : plain()["findings"]) {
        EXPECT_GE(finding["timeline"].size(), finding["connections"].size()) << finding["id"];
        EXPECT_LE(finding["timeline"].size(), 20u) << finding["id"];
        for (std::size_t i = 0; i < finding["connections"].size(); ++i)
            EXPECT_EQ(finding["timeline"][i]["conn"], finding["connections"][i]);
        for (const Json& life : finding["timeline"]) {
            ++lives;
            EXPECT_EQ(keys(life), (Keys{"conn", "local", "remote", "ending", "states"}));
            ASSERT_FALSE(life["states"].empty());
            Json last_end = nullptr;
            for (const Json& span : life["states"]) {
                EXPECT_EQ(keys(span), (Keys{"state", "begin", "begin_exact", "end"}));
                EXPECT_NE(std::ranges::find(kStates, span["state"].get<std::string>()),
                          kStates.end());
                for (const char* key : {"begin", "end"})
                    EXPECT_TRUE(span[key].is_null() || is_time(span[key])) << span;
                if (!span["end"].is_null() && !span["begin"].is_null()) {
                    EXPECT_LE(span["begin"], span["end"]);
                }
                if (!last_end.is_null() && span["begin_exact"] == true) {
                    EXPECT_EQ(span["begin"], last_end);
                }
                last_end = span["end"];
            }
        }
    }
    EXPECT_GT(lives, 10u);
}

TEST(ReportSchema, states_and_latencies) {
    EXPECT_EQ(keys(plain()["states"]), kStates);
    EXPECT_EQ(keys(plain()["latencies"]),
              (Keys{"connect", "handshake", "fin_acked", "close_wait", "last_ack"}));
    for (const char* section : {"states", "latencies"})
        for (const Json& d : plain()[section]) expect_distribution(d);
    EXPECT_EQ(plain()["states"]["TIME_WAIT"]["nominal_ns"], 60'000'000'000);
}

TEST(ReportSchema, states_by) {
    EXPECT_TRUE(plain()["states_by"].is_null());
    for (const analysis::SplitBy by :
         {analysis::SplitBy::role, analysis::SplitBy::service, analysis::SplitBy::remote,
          analysis::SplitBy::ending, analysis::SplitBy::container}) {
        const Json split = golden(by)["states_by"];
        EXPECT_EQ(keys(split), (Keys{"by", "groups"}));
        EXPECT_EQ(split["by"], name(by));
        ASSERT_FALSE(split["groups"].empty());
        for (const Json& group : split["groups"]) {
            EXPECT_EQ(keys(group), (Keys{"group", "states"}));
            EXPECT_TRUE(group["group"].is_string());
            EXPECT_FALSE(group["states"].empty());
            for (const Json& d : group["states"]) {
                expect_distribution(d);
                EXPECT_GT(d["count"], 0);
            }
        }
    }
}

TEST(ReportSchema, transitions) {
    ASSERT_FALSE(plain()["transitions"].empty());
    for (const Json& edge : plain()["transitions"]) {
        EXPECT_EQ(keys(edge), (Keys{"from", "to", "count", "p50_ns", "kind"}));
        EXPECT_EQ(edge["kind"], "rfc9293");
    }
}

TEST(ReportSchema, services) {
    std::int64_t before = std::numeric_limits<std::int64_t>::max();
    for (const Json& row : plain()["services"]) {
        EXPECT_EQ(keys(row), (Keys{"local", "process", "role", "cgroup", "netns", "connections",
                                   "closed_first", "endings", "time_wait", "container"}));
        EXPECT_EQ(keys(row["local"]), (Keys{"addr", "port"}));
        EXPECT_EQ(row["local"]["port"].is_null(), row["role"] == "client");
        EXPECT_EQ(row["local"]["addr"].is_null(), row["role"] == "client");
        EXPECT_EQ(keys(row["process"]), (Keys{"pid", "comm"}));
        EXPECT_EQ(row["cgroup"], "/system.slice/app.service");
        EXPECT_EQ(row["container"], "app.service");
        expect_tally(row);
        EXPECT_LE(row["closed_first"]["local"], before);
        before = row["closed_first"]["local"];
    }
}

TEST(ReportSchema, remotes) {
    std::int64_t before = std::numeric_limits<std::int64_t>::max();
    for (const Json& row : plain()["remotes"]) {
        EXPECT_EQ(keys(row), (Keys{"remote", "process", "netns", "connections", "closed_first",
                                   "endings", "time_wait"}));
        EXPECT_TRUE(row["remote"]["addr"].is_string());
        EXPECT_TRUE(row["remote"]["port"].is_number());
        expect_tally(row);
        EXPECT_LE(row["closed_first"]["remote"], before);
        before = row["closed_first"]["remote"];
    }
}

TEST(ReportSchema, ports) {
    ASSERT_FALSE(plain()["ports"].empty());
    for (const Json& row : plain()["ports"]) {
        EXPECT_EQ(keys(row), (Keys{"netns", "local", "remote", "held", "peak", "limit", "opened",
                                   "per_second"}));
        EXPECT_TRUE(row["local"]["addr"].is_string());
        EXPECT_TRUE(row["local"]["port"].is_null());
        EXPECT_LE(row["held"], row["peak"]);
        EXPECT_EQ(row["limit"], 150);
        EXPECT_TRUE(row["per_second"].is_number_float());
    }
    EXPECT_EQ(plain()["ports"][0]["peak"], 130); // the fullest first
}

TEST(ReportSchema, timeline) {
    const Json& timeline = plain()["timeline"];
    EXPECT_EQ(keys(timeline), (Keys{"begin", "step_ns", "states"}));
    EXPECT_TRUE(is_time(timeline["begin"]));
    std::set<std::size_t> lengths;
    for (const auto& [state, counts] : timeline["states"].items()) {
        EXPECT_NE(std::find(kStates.begin(), kStates.end(), state), kStates.end());
        lengths.insert(counts.size());
    }
    EXPECT_EQ(lengths.size(), 1u);
    EXPECT_EQ(static_cast<std::int64_t>(*lengths.begin() - 1),
              plain()["meta"]["duration_ns"].get<std::int64_t>() /
                  timeline["step_ns"].get<std::int64_t>());
}

} // namespace
} // namespace tcpdwell::test
