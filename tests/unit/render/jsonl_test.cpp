// SPDX-License-Identifier: Apache-2.0
// JSON lines: the exact bytes of each kind of value, and that a JSON parser gives hostile text
// back.
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "rows.h"

namespace tcpdwell::test {
namespace {

std::string line(const std::vector<report::Value>& row) {
    return rendered(render::Format::jsonl, kKinds, {row});
}

TEST(Jsonl, EveryKindOfValue) {
    EXPECT_EQ(
        line(full_row()),
        R"({"type":"kinds","time":"2026-11-21T12:34:56.123456789Z","conn":"0000beef","count":-42,)"
        R"("local":{"addr":"10.0.0.1","port":443},"remote":{"addr":"2001:db8::1","port":50123},)"
        R"("state":"FIN_WAIT1","dwell_ns":3050000,"process":{"pid":1234,"comm":"nginx"},"ending":"fin",)"
        R"("time_wait":{"dwell_ns":60420000000,"end":"expired","restarts":0},)"
        R"("states":[{"state":"SYN_SENT","dwell_ns":41234},{"state":"ESTABLISHED","dwell_ns":null},)"
        R"({"state":"TIME_WAIT","dwell_ns":60420000000}]})"
        "\n");
}

TEST(Jsonl, NothingKnownIsNull) {
    EXPECT_EQ(
        line(null_row()),
        R"({"type":"kinds","time":null,"conn":null,"count":null,"local":null,"remote":null,"state":null,)"
        R"("dwell_ns":null,"process":null,"ending":null,"time_wait":null,"states":null})"
        "\n");
}

TEST(Jsonl, PartsThatAreNotKnownAreNull) {
    EXPECT_EQ(
        line(half_row()),
        R"({"type":"kinds","time":null,"conn":"0","count":null,"local":{"addr":"10.0.0.1","port":null},)"
        R"("remote":null,"state":null,"dwell_ns":null,"process":{"pid":7,"comm":null},"ending":null,)"
        R"("time_wait":{"dwell_ns":null,"end":"reused","restarts":2},"states":[]})"
        "\n");
}

TEST(Jsonl, HostileTextComesBackFromAParser) {
    const std::string text = line(hostile_row());
    EXPECT_EQ(text.find('\n'), text.size() - 1); // one line
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    const auto json = nlohmann::json::parse(text);
    EXPECT_EQ(json["process"]["comm"], "a\"b,\n\x1b[2J\xef\xbf\xbd\xc3\xa9");
    EXPECT_EQ(json["ending"], "\xc2\x9b\xe2\x80\xae\\\xef\xbf\xbd");
}

TEST(Jsonl, IdsKeepTheirLength) {
    std::vector<report::Value> row = null_row();
    row[1] = report::HexId{0xffffffffffffffff, 16};
    EXPECT_EQ(nlohmann::json::parse(line(row))["conn"], "ffffffffffffffff");
    row[1] = report::HexId{0, 16};
    EXPECT_EQ(nlohmann::json::parse(line(row))["conn"], "0000000000000000");
    row[1] = report::HexId{0x123456789, 4};
    EXPECT_EQ(nlohmann::json::parse(line(row))["conn"], "123456789");
}

TEST(Jsonl, NumbersAreExact) {
    std::vector<report::Value> row = null_row();
    row[2] = std::numeric_limits<std::int64_t>::min();
    row[6] = Nanoseconds::max();
    const auto json = nlohmann::json::parse(line(row));
    EXPECT_EQ(json["count"], std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(json["dwell_ns"], std::numeric_limits<std::int64_t>::max());
}

TEST(Jsonl, FamilyDecidesTheFormOfAMappedAddress) {
    std::vector<report::Value> row = null_row();
    row[3] = report::EndpointValue{endpoint("::ffff:10.0.0.1", 1), tcp::Family::ipv6};
    row[4] = report::EndpointValue{endpoint("::ffff:10.0.0.1", 1), tcp::Family::ipv4};
    const auto json = nlohmann::json::parse(line(row));
    EXPECT_EQ(json["local"]["addr"], "::ffff:10.0.0.1");
    EXPECT_EQ(json["remote"]["addr"], "10.0.0.1");
}

TEST(Jsonl, AListenerOnAnyAddressHasAnAddress) {
    std::vector<report::Value> row = null_row();
    row[3] = report::EndpointValue{endpoint("0.0.0.0", 80), tcp::Family::ipv4};
    row[4] = report::EndpointValue{endpoint("0.0.0.0", 0), tcp::Family::ipv4};
    const auto json = nlohmann::json::parse(line(row));
    EXPECT_EQ(json["local"]["addr"], "0.0.0.0");
    EXPECT_TRUE(json["remote"].is_null());
}

TEST(Json, IsTheSameObjectsInOneArray) {
    const std::string lines =
        rendered(render::Format::jsonl, kKinds, {null_row(), full_row(), null_row()});
    const auto array = nlohmann::json::parse(
        rendered(render::Format::json, kKinds, {null_row(), full_row(), null_row()}));
    ASSERT_EQ(array.size(), 3U);
    std::size_t begin = 0;
    for (const auto& each : array) {
        const std::size_t end = lines.find('\n', begin);
        EXPECT_EQ(each, nlohmann::json::parse(lines.substr(begin, end - begin)));
        begin = end + 1;
    }
    EXPECT_EQ(begin, lines.size());
}

TEST(Jsonl, MetaFirstThenRowsOfAnySchema) {
    render::Output out(-1);
    const auto renderer = make_renderer(render::Format::jsonl, out, {});
    renderer->begin(kKinds);
    const std::vector<render::MetaEntry> meta = {{"host", "\"a\\u0022b\""},
                                                 {"sysctls", R"({"tcp_fin_timeout":60})"}};
    renderer->meta(meta);
    renderer->row(kLost, kLostRow);
    renderer->row(kLost, kLostRow);
    EXPECT_EQ(out.buffer(), R"({"type":"meta","host":"a\u0022b","sysctls":{"tcp_fin_timeout":60}})"
                            "\n"
                            R"({"type":"lost","time":"2026-11-21T12:34:56.123456789Z","events":5})"
                            "\n"
                            R"({"type":"lost","time":"2026-11-21T12:34:56.123456789Z","events":5})"
                            "\n");
}

} // namespace
} // namespace tcpdwell::test
