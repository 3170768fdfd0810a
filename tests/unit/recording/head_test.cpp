// SPDX-License-Identifier: Apache-2.0
// The head of a recording is JSON whatever the names of the host and the words of the filter are,
// and heads that weren't are read too.
#include "recording/head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <rapidjson/encodings.h>

namespace tcpdwell::test {
namespace {

using recording::Head;

/// With `bytes` in every text.
Head head_with(const std::string& bytes) {
    Head head;
    for (std::string* text : {&head.tool, &head.host, &head.kernel, &head.machine, &head.boot_id,
                              &head.filter, &head.probes})
        *text = "a" + bytes + "z";
    head.hz = 250;
    head.sequence = 7;
    head.clock.mono = MonoTime(Nanoseconds(11));
    head.clock.wall = WallTime(Nanoseconds(13));
    head.copied = true;
    return head;
}

void expect_text(const Head& head, const std::string& text) {
    for (const std::string& each :
         {head.tool, head.host, head.kernel, head.machine, head.boot_id, head.filter, head.probes})
        EXPECT_EQ(each, text);
}

void expect_numbers_of_head_with(const Head& head) {
    EXPECT_EQ(head.hz, 250U);
    EXPECT_EQ(head.sequence, 7U);
    EXPECT_EQ(head.clock.mono, MonoTime(Nanoseconds(11)));
    EXPECT_EQ(head.clock.wall, WallTime(Nanoseconds(13)));
    EXPECT_TRUE(head.copied);
}

bool is_json(const std::string& text) {
    rapidjson::Document json;
    json.Parse<rapidjson::kParseValidateEncodingFlag>(text.c_str(), text.size());
    return !json.HasParseError();
}

TEST(Head, is_utf8_and_json_for_each_byte) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text = to_json(head_with(std::string(1, static_cast<char>(byte))));
        EXPECT_TRUE(is_json(text)) << byte << ": " << text;
        const Head read = recording::head_from_json(text);
        expect_numbers_of_head_with(read);
        expect_text(read, byte < 0x80 ? std::string("a") + static_cast<char>(byte) + "z"
                                      : "a\xef\xbf\xbdz");
    }
}

TEST(Head, text_of_other_languages_stays) {
    expect_text(recording::head_from_json(to_json(head_with("\xc3\xb6\xf0\x9f\x90\xa7"))),
                "a\xc3\xb6\xf0\x9f\x90\xa7z");
}

TEST(Head, shows_no_control_characters) {
    const std::string text = to_json(head_with("\x1b[2J\n\xc2\x9b"));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("\x1b")));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("\n")));
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("\xc2\x9b")));
}

/// As version 0.1.0 wrote them: a value ended at its first byte that wasn't UTF-8.
TEST(Head, is_read_although_strings_have_no_end) {
    const Head head = recording::head_from_json(
        R"({"format":1,"byte_order":"little","tool":"tcpdwell 0.1.0","host":"h,"kernel":",)"
        R"("machine":"x86_64","boot_id":"b-1","filter":"--comm \"caf,"probes":"fentry",)"
        R"("hz":250,"sequence":7,"mono_ns":11,"wall_ns":13,"copied":true})");
    EXPECT_EQ(head.tool, "tcpdwell 0.1.0");
    EXPECT_EQ(head.host, "h");
    EXPECT_EQ(head.kernel, "");
    EXPECT_EQ(head.machine, "x86_64");
    EXPECT_EQ(head.boot_id, "b-1");
    EXPECT_EQ(head.filter, "--comm \"caf");
    EXPECT_EQ(head.probes, "fentry");
    expect_numbers_of_head_with(head);
}

TEST(Head, an_escaped_quotation_mark_or_backslash_ends_no_string) {
    const Head head = recording::head_from_json(
        R"({"format":1,"tool":"t","host":"a\\\","kernel":"k","machine":"m","boot_id":"b\\",)"
        R"("filter":"--comm x\\,"probes":"p","hz":250,"sequence":7})");
    EXPECT_EQ(head.host, "a\\\"");
    EXPECT_EQ(head.boot_id, "b\\");
    EXPECT_EQ(head.filter, "--comm x\\");
    EXPECT_EQ(head.probes, "p");
}

TEST(Head, raw_bytes_that_are_no_utf8_are_read) {
    EXPECT_EQ(recording::head_from_json("{\"host\":\"h\xf6st\",\"boot_id\":\"b\"}").boot_id, "b");
}

TEST(Head, members_of_another_kind_are_as_if_they_were_missing) {
    const recording::Head head = recording::head_from_json(
        R"({"host":5,"tool":null,"kernel":[],"machine":{},"boot_id":true,"filter":1.5,"hz":"100",)"
        R"("sequence":-1,"mono_ns":"1","wall_ns":1e300,"copied":1,"anonymized":"true","probes":"p"})");
    for (const std::string* text :
         {&head.host, &head.tool, &head.kernel, &head.machine, &head.boot_id, &head.filter})
        EXPECT_EQ(*text, "");
    EXPECT_EQ(head.hz, 0U);
    EXPECT_EQ(head.sequence, 0U);
    EXPECT_EQ(head.clock.mono, MonoTime{});
    EXPECT_FALSE(head.copied || head.anonymized);
    EXPECT_EQ(head.probes, "p");
}

TEST(Head, what_is_no_json_gives_an_empty_one) {
    for (const char* text : {"", "{", "[]", "{\"host\":", "x,\"hz\":", ",\"hz\":,\"hz\":"})
        EXPECT_EQ(recording::head_from_json(text).host, "") << text;
}

Head filtered(const std::string& text, std::vector<tcp::Port> ports) {
    Head head;
    head.filter = text;
    for (const tcp::Port port : ports) {
        event::Filter filter;
        filter.ports = {port};
        head.filters.push_back(filter);
    }
    return head;
}

void expect_joined(Head a, const Head& b, const Head& both) {
    join_filters(a, b);
    EXPECT_EQ(a.filter, both.filter);
    EXPECT_EQ(a.filters, both.filters);
}

TEST(Head, joined_filters_select_what_any_of_them_selects) {
    const Head one = filtered("--port 1", {1});
    expect_joined(one, one, one);
    expect_joined(one, filtered("--port 2", {2}), filtered("--port 1 or --port 2", {1, 2}));
    expect_joined(filtered("x", {1, 2}), filtered("y", {2, 3}), filtered("x or y", {1, 2, 3}));
    expect_joined(one, Head{}, Head{});
    expect_joined(Head{}, one, Head{});
    expect_joined(one, filtered("--netns web", {}), filtered("--port 1 or --netns web", {}));
    std::vector<tcp::Port> many(recording::kMostFilters);
    for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<tcp::Port>(100 + i);
    expect_joined(filtered("x", many), one, filtered("x or --port 1", {}));
    const Head full = filtered("x", many);
    EXPECT_EQ(recording::head_from_json(to_json(full)).filters, full.filters);
}

TEST(Head, a_sample_is_part_of_the_filter) {
    event::Filter filter;
    filter.sample = 10;
    Head head;
    head.filters = {filter};
    EXPECT_EQ(recording::head_from_json(to_json(head)).filters, head.filters);
    expect_joined(head, Head{}, Head{});
    expect_joined(head, head, head);
}

TEST(Head, filters_that_are_none_select_all) {
    for (const char* filters : {"5", "{}", "[5]", "[[]]", "[[5]]", R"([["--port","1"],[]])", "null",
                                R"([["--port","x"]])"})
        EXPECT_TRUE(recording::head_from_json(std::string(R"({"filter":"--port 3","filters":)") +
                                              filters + "}")
                        .filters.empty())
            << filters;
    // 0.1.0 wrote the text only.
    EXPECT_TRUE(recording::head_from_json(R"({"filter":"--port 3"})").filters.empty());
}

} // namespace
} // namespace tcpdwell::test
