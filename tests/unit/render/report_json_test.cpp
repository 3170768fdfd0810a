// SPDX-License-Identifier: Apache-2.0
// Reports as JSON: what each kind of section becomes, and what is null. The keys of a whole report:
// tests/golden/report_schema_test.cpp.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "render/report_formats.h"
#include "sample_report.h"

namespace tcpdwell::test {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> keys(const Json& object) {
    std::vector<std::string> list;
    for (const auto& [key, value] : object.items()) list.push_back(key);
    return list;
}

struct ReportJson : testing::Test {
    std::string text = render::report_json(sample_report());
    Json json = Json::parse(text);
};

TEST_F(ReportJson, is_one_line_without_its_end) { EXPECT_EQ(text.find('\n'), std::string::npos); }

TEST_F(ReportJson, has_a_member_for_each_section_in_their_order) {
    EXPECT_EQ(keys(json), (std::vector<std::string>{"meta", "quality", "findings", "states",
                                                    "states_by", "latencies", "transitions",
                                                    "services", "timeline", "sections"}));
}

TEST_F(ReportJson, facts_are_an_object_with_null_for_what_is_not_known) {
    EXPECT_EQ(json["meta"]["source"], "live");
    EXPECT_EQ(json["meta"]["begin"], "2026-11-21T12:34:56.123456789Z");
    EXPECT_EQ(json["meta"]["duration_ns"], 90'000'000'000);
    EXPECT_EQ(json["meta"]["interval"], false);
    EXPECT_EQ(json["meta"]["netns"], 1);
    EXPECT_TRUE(json["meta"]["filter"].is_null());
    EXPECT_EQ(json["quality"]["quantile_error"], 0.008);
}

TEST_F(ReportJson, a_distribution_with_samples) {
    const Json& d = json["states"]["TIME_WAIT"];
    EXPECT_EQ(keys(d), (std::vector<std::string>{"title", "count", "min_ns", "mean_ns", "p50_ns",
                                                 "p90_ns", "p99_ns", "p999_ns", "max_ns", "open",
                                                 "oldest_ns", "nominal_ns", "buckets"}));
    EXPECT_TRUE(d["title"].is_null());
    EXPECT_EQ(d["count"], 41);
    EXPECT_EQ(d["min_ns"], 60'100'000'000);
    EXPECT_EQ(d["max_ns"], 61'500'000'000);
    EXPECT_EQ(d["open"], 3);
    EXPECT_EQ(d["oldest_ns"], 12'000'000'000);
    EXPECT_EQ(d["nominal_ns"], 60'000'000'000);
    ASSERT_EQ(d["buckets"].size(), 2u);
    EXPECT_EQ(d["buckets"][0].size(), 3u);
    EXPECT_LE(d["buckets"][0][0], 60'100'000'000);
    EXPECT_GT(d["buckets"][0][1], 60'100'000'000);
    EXPECT_EQ(d["buckets"][0][2], 20);
    EXPECT_EQ(json["latencies"]["connect"]["title"], "SYN to ESTABLISHED, active");
    EXPECT_TRUE(json["latencies"]["connect"]["open"].is_null());
    EXPECT_TRUE(json["latencies"]["connect"]["nominal_ns"].is_null());
}

TEST_F(ReportJson, a_distribution_without_samples_has_no_durations) {
    const Json& d = json["states"]["SYN_SENT"];
    EXPECT_EQ(keys(d), keys(json["states"]["TIME_WAIT"]));
    EXPECT_EQ(d["count"], 0);
    for (const char* key :
         {"min_ns", "mean_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns", "oldest_ns"})
        EXPECT_TRUE(d[key].is_null()) << key;
    EXPECT_EQ(d["open"], 0);
    EXPECT_EQ(d["buckets"], Json::array());
}

TEST_F(ReportJson, parts_have_a_label_and_states) {
    EXPECT_EQ(json["states_by"]["by"], "service");
    ASSERT_EQ(json["states_by"]["groups"].size(), 1u);
    EXPECT_EQ(json["states_by"]["groups"][0]["group"], "0.0.0.0:80 nginx");
    EXPECT_EQ(json["states_by"]["groups"][0]["states"]["ESTABLISHED"]["count"], 2);
}

TEST_F(ReportJson, what_is_not_split_is_null_and_a_split_of_nothing_is_not) {
    report::Report report;
    report.sections.push_back({"states_by", "", "", report::Distributions{}});
    EXPECT_TRUE(render::report_json(report).starts_with(R"({"states_by":null,"sections":)"));
    report.sections[0].body = report::Distributions{"role", {}};
    EXPECT_TRUE(render::report_json(report).starts_with(
        R"({"states_by":{"by":"role","groups":[]},"sections":)"));
}

TEST_F(ReportJson, findings) {
    const Json& f = json["findings"][0];
    EXPECT_EQ(keys(f), (std::vector<std::string>{"id", "severity", "what", "evidence", "advice",
                                                 "subject", "connections", "because", "timeline"}));
    EXPECT_EQ(f["timeline"], Json::array());
    EXPECT_EQ(f["connections"], f["evidence"]["connections"]);
    EXPECT_TRUE(f["because"].is_null());
    EXPECT_EQ(f["severity"], "critical");
    EXPECT_EQ(keys(f["evidence"]), (std::vector<std::string>{"sockets", "oldest_ns", "share",
                                                             "left", "comm", "connections"}));
    EXPECT_EQ(f["evidence"]["sockets"], 7);
    EXPECT_EQ(f["evidence"]["oldest_ns"], 75'000'000'000);
    EXPECT_EQ(f["evidence"]["share"], 0.25);
    EXPECT_TRUE(f["evidence"]["left"].is_null());
    EXPECT_EQ(f["evidence"]["connections"], (Json{"0000000000000abc", "123456789abcdef0"}));
    EXPECT_EQ(f["advice"], "Close it.\nLook at nginx.");
}

TEST_F(ReportJson, the_timeline_of_a_finding) {
    const auto wall = [](std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); };
    report::Finding finding;
    finding.id = "close_wait_leak";
    finding.lives.push_back(
        {.id = {0xabc, 16},
         .local = {{*tcp::IpAddress::parse("10.0.0.1"), 80}, tcp::Family::ipv4},
         .remote = {{*tcp::IpAddress::parse("10.0.0.2"), 4000}, tcp::Family::ipv4},
         .ending = std::nullopt,
         .spans = {{tcp::State::ESTABLISHED, std::nullopt, false, wall(3)},
                   {tcp::State::CLOSE_WAIT, wall(3), true, std::nullopt}}});
    report::Report report;
    report.sections.push_back({"findings", "", "", report::Findings{{finding}}});
    EXPECT_EQ(
        Json::parse(render::report_json(report))["findings"][0]["timeline"].dump(),
        R"([{"conn":"0000000000000abc","local":{"addr":"10.0.0.1","port":80},)"
        R"("remote":{"addr":"10.0.0.2","port":4000},"ending":null,"states":[)"
        R"({"state":"ESTABLISHED","begin":null,"begin_exact":false,"end":"1970-01-01T00:00:03.000000000Z"},)"
        R"({"state":"CLOSE_WAIT","begin":"1970-01-01T00:00:03.000000000Z","begin_exact":true,"end":null}]}])");
}

TEST_F(ReportJson, evidence_has_words_of_its_finding) {
    report::Finding any, own;
    any.id = "closing_stuck";
    any.evidence = {{"in_state", {}, std::int64_t{3}}, {"sockets", {}, std::int64_t{3}}};
    own.id = "close_wait_leak";
    own.evidence = any.evidence;
    own.evidence.push_back({"oldest_ns", {}, Nanoseconds(5)});
    report::Report report;
    report.sections.push_back({"findings", "", "", report::Findings{{any, own}}});
    EXPECT_EQ(
        Json::parse(render::report_json(report))["sections"][0]["evidence"].dump(),
        R"([{"id":"in_state","title":"In that state now","unit":"count","finding":null},)"
        R"({"id":"sockets","title":"Sockets past the threshold","unit":"count","finding":null},)"
        R"({"id":"in_state","title":"In CLOSE_WAIT now","unit":"count","finding":"close_wait_leak"},)"
        R"({"id":"oldest_ns","title":"Oldest","unit":"duration","finding":null}])");
}

TEST_F(ReportJson, transitions) {
    ASSERT_EQ(json["transitions"].size(), 2u);
    EXPECT_EQ(json["transitions"][0].dump(),
              R"({"from":"CLOSE","to":"SYN_SENT","count":4,"p50_ns":null,"kind":"rfc9293"})");
    EXPECT_EQ(
        json["transitions"][1].dump(),
        R"({"from":"TIME_WAIT","to":"ESTABLISHED","count":1,"p50_ns":5000000000,"kind":"unexpected"})");
}

TEST_F(ReportJson, rows_of_tables_are_objects) {
    ASSERT_EQ(json["services"].size(), 2u);
    EXPECT_EQ(
        json["services"][0].dump(),
        R"({"local":{"addr":"0.0.0.0","port":80},"process":{"pid":12,"comm":"nginx"},"connections":4,)"
        R"("closed_first":{"local":3,"remote":1,"held":2.5},"note":null})");
    EXPECT_EQ(json["services"][1]["local"].dump(), R"({"addr":null,"port":null})");
    EXPECT_EQ(json["services"][1]["process"].dump(), R"({"pid":null,"comm":"nginx"})");
}

TEST_F(ReportJson, timeline) {
    EXPECT_EQ(
        json["timeline"].dump(),
        R"({"begin":"2026-11-21T12:34:56.123456789Z","step_ns":100000000,"states":{"ESTABLISHED":[0,1,4,2,0]}})");
}

TEST_F(ReportJson, hostile_names_come_back_from_a_parser) {
    const std::string hostile = render::report_json(sample_report(kHostile));
    EXPECT_EQ(hostile.find('\n'), std::string::npos);
    EXPECT_EQ(hostile.find('\x1b'), std::string::npos);
    const Json parsed = Json::parse(hostile);
    std::string mended(kHostile);
    mended.replace(mended.size() - 1, 1, "\xef\xbf\xbd"); // the byte that isn't UTF-8
    EXPECT_EQ(parsed["services"][0]["process"]["comm"], mended);
    EXPECT_EQ(parsed["findings"][0]["evidence"]["comm"], mended);
    EXPECT_EQ(parsed["states_by"]["groups"][0]["group"], "0.0.0.0:80 " + mended);
}

TEST_F(ReportJson, what_is_for_text_only_is_left_out) {
    report::Report report;
    report.sections.push_back({"", "For text", "", report::Facts{{{"a", "a", std::int64_t{1}}}}});
    report.sections.push_back({"b", "", "", report::Facts{{{"c", "c", std::int64_t{1}}}}});
    EXPECT_TRUE(render::report_json(report).starts_with(R"({"b":{"c":1},"sections":[{"id":"b",)"));
}

TEST_F(ReportJson, an_empty_report_has_no_section) {
    EXPECT_EQ(render::report_json(report::Report()), R"({"sections":[]})");
}

} // namespace
} // namespace tcpdwell::test
