// SPDX-License-Identifier: Apache-2.0
// What the JSON says of its own sections, and that no renderer leaves out a section that it doesn't
// know.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "render/report_formats.h"
#include "unknown_sections.h"

namespace tcpdwell::test {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

std::vector<std::string> all(const Json& list, const char* key) {
    std::vector<std::string> words;
    for (const Json& each : list)
        words.push_back(each[key].is_null() ? "" : each[key].get<std::string>());
    return words;
}

const Json& described(const Json& report, std::string_view id) {
    for (const Json& section : report["sections"])
        if (section["id"] == id) return section;
    throw std::out_of_range(std::string(id));
}

struct ReportSections : testing::Test {
    Json json = Json::parse(render::report_json(sample_report()));
};

TEST_F(ReportSections, describe_each_key_in_the_order_in_which_people_read) {
    EXPECT_EQ(all(json["sections"], "id"),
              (Words{"findings", "services", "states", "states_by", "latencies", "transitions",
                     "timeline", "meta", "quality"}));
    EXPECT_EQ(all(json["sections"], "kind"),
              (Words{"findings", "table", "distributions", "distributions", "distributions",
                     "diagram", "timeline", "facts", "facts"}));
    EXPECT_EQ(json["sections"].size() + 1, json.size());
    const Json& services = described(json, "services");
    EXPECT_EQ(services["title"], "Who closes first");
    EXPECT_EQ(services["help"], "Most first.");
    EXPECT_TRUE(described(json, "findings")["help"].is_null());
}

TEST_F(ReportSections, tables_have_the_columns_that_people_see_then_the_others) {
    const Json& columns = described(json, "services")["columns"];
    EXPECT_EQ(all(columns, "path"), (Words{"local", "process", "connections", "closed_first.local",
                                           "closed_first.both", "note"}));
    EXPECT_EQ(
        columns[0].dump(),
        R"({"path":"local","title":"Service","group":null,"help":"Where.","align":"left","below":false,)"
        R"("minor":false})");
    EXPECT_EQ(
        columns[3].dump(),
        R"({"path":"closed_first.local","title":"local","group":"Closed first","help":"By this side.",)"
        R"("align":"right","below":false,"minor":false})");
    EXPECT_EQ(columns[5]["minor"], true);
    EXPECT_EQ(columns[5]["help"], "What else.");
}

TEST_F(ReportSections, facts_have_titles_and_distributions_members) {
    EXPECT_EQ(described(json, "quality")["lines"][0].dump(),
              R"({"id":"lost","title":"events lost"})");
    EXPECT_EQ(described(json, "states")["members"].dump(),
              R"([{"id":"SYN_SENT","title":null},{"id":"TIME_WAIT","title":null}])");
    EXPECT_EQ(described(json, "latencies")["members"][0]["title"], "SYN to ESTABLISHED, active");
    EXPECT_EQ(described(json, "states_by")["members"], Json::array());
}

TEST_F(ReportSections, are_the_last_key_and_nothing_else_is_changed_by_them) {
    const std::string text = render::report_json(sample_report());
    const std::size_t at = text.find(",\"sections\":[");
    ASSERT_NE(at, std::string::npos);
    const Json tail = Json::parse("{" + text.substr(at + 1));
    EXPECT_EQ(tail.size(), 1u);
    EXPECT_EQ(tail["sections"], json["sections"]);
}

TEST_F(ReportSections, what_is_for_text_only_is_not_described) {
    report::Report report;
    report.sections.push_back({"", "For text", "", report::Facts{}});
    EXPECT_EQ(render::report_json(report), R"({"sections":[]})");
}

TEST(UnknownSections, are_in_the_text_and_in_the_json) {
    const report::Report report = unknown_sections();
    const std::string text = render::report_text(report, {});
    const Json json = Json::parse(render::report_json(report));
    ASSERT_EQ(json["sections"].size(), std::size(kUnknownSections));
    for (const UnknownSection& each : kUnknownSections) {
        EXPECT_THAT(text, HasSubstr("\n" + std::string(each.title) + "\nHelp on it.\n"));
        EXPECT_THAT(text, HasSubstr(std::string(each.content)));
        const Json& section = described(json, each.id);
        EXPECT_EQ(section["title"], each.title);
        EXPECT_EQ(section["kind"], each.kind);
        EXPECT_THAT(json[std::string(each.id)].dump(), Not(testing::AnyOf("null", "[]", "{}")));
    }
    EXPECT_THAT(text, HasSubstr("  the limit: 4242\n"));
    EXPECT_THAT(text, HasSubstr("Queue     Length\nbacklog-a     77\n"));
}

TEST(UnknownSections, stand_after_those_that_have_a_place) {
    report::Report report = sample_report();
    report.sections.insert(report.sections.begin(),
                           {"queue_facts", "Facts of queues", "", report::Facts{}});
    const std::string text = render::report_text(report, {});
    EXPECT_GT(text.find("\nFacts of queues\n"), text.find("\nStates over time\n"));
    EXPECT_EQ(Json::parse(render::report_json(report))["sections"][7]["id"], "queue_facts");
}

/// Two hosts, and what they say together.
report::ReportSet two_hosts() {
    report::ReportSet set(3);
    set.hosts.push_back({"first", sample_report()});
    set.hosts.push_back({"second\x1b[2J", sample_report()});
    set.both_ends = unknown_sections();
    return set;
}

TEST(SeveralHosts, stand_in_the_text_one_after_the_other) {
    const std::string text = render::report_text(two_hosts(), {});
    const std::string one = render::report_text(sample_report(), {});
    std::string both = render::report_text(unknown_sections(), {});
    both.erase(0, both.find("\nFacts of queues")); // its head
    EXPECT_EQ(text, "== Host 1 of 3: first ==\n" + one + "\n== Host 2 of 3: second\\x1b[2J ==\n" +
                        one + "\n== Between the hosts ==\n" + both);
    EXPECT_THAT(render::report_text(two_hosts(), {.colour = true}),
                HasSubstr("\x1b[1m== Host 1 of 3: first ==\x1b[0m\n"));
}

TEST(SeveralHosts, are_members_of_the_json) {
    const std::string text = render::report_json(two_hosts());
    const std::string one = render::report_json(sample_report());
    EXPECT_TRUE(text.starts_with("{\"hosts\":[" + one + "," + one + "],\"both_ends\":" +
                                 render::report_json(unknown_sections()) + ",\"sections\":["));
    EXPECT_EQ(
        Json::parse(text)["sections"].dump(),
        R"([{"id":"hosts","title":null,"help":null,"kind":"reports","names":["first","second\u001b[2J"]},)"
        R"({"id":"both_ends","title":"Between the hosts","help":null,"kind":"report"}])");
}

TEST(SeveralHosts, one_alone_is_its_report) {
    EXPECT_EQ(render::report_text(report::ReportSet(sample_report()), {}),
              render::report_text(sample_report(), {}));
    EXPECT_EQ(render::report_json(report::ReportSet(sample_report())),
              render::report_json(sample_report()));
}

} // namespace
} // namespace tcpdwell::test
