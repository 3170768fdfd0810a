// SPDX-License-Identifier: Apache-2.0
// Every kind of value as members of a flat object.
#include "render/flat_json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace tcpdwell::test {
namespace {

nlohmann::json flat(const report::Schema& schema, report::Row row) {
    render::FlatJson json;
    json.begin();
    json.members(schema, row);
    std::string line;
    json.end_line(line);
    EXPECT_EQ(line.back(), '\n');
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    return nlohmann::json::parse(line);
}

report::Column column(std::string_view id) { return {.id = id, .title = "", .help = ""}; }

TEST(FlatJson, PartsAreMembersOfTheirOwn) {
    const std::array columns{column("closed"), column("conn"), column("local"), column("by")};
    report::ProcessValue process{7, "app", "worker"};
    process.manner = report::ProcessValue::Manner{"signal", 9};
    const std::array<report::Value, 4> row{
        WallTime(std::chrono::nanoseconds(1'795'953'782'530'729'485)),
        report::HexId{0xffff'ffff'ffff'ffff, 16},
        report::EndpointValue{{*tcp::IpAddress::parse("10.0.0.1"), 80}, tcp::Family::ipv4},
        process};
    EXPECT_EQ(flat({"x", columns}, row),
              nlohmann::json::parse(
                  R"({"closed_ns":1795953782530729485,"conn":18446744073709551615,
                      "local_addr":"10.0.0.1","local_port":80,"by_pid":7,"by_comm":"app",
                      "by_thread":"worker","by_how":"signal","by_signal":9})"));
}

TEST(FlatJson, StatesAreArraysOfOneLength) {
    const std::array columns{column("states"), column("time_wait")};
    const std::array<report::StateSpan, 2> states{
        report::StateSpan{tcp::State::ESTABLISHED, std::nullopt, Nanoseconds(5)},
        report::StateSpan{tcp::State::TIME_WAIT, Nanoseconds(60)}};
    const std::array<report::Value, 2> row{
        std::span<const report::StateSpan>(states),
        report::TimeWaitValue{Nanoseconds(60), tcp::TimeWaitEnd::expired, 2}};
    EXPECT_EQ(flat({"x", columns}, row),
              nlohmann::json::parse(
                  R"({"states.state":["ESTABLISHED","TIME_WAIT"],"states.dwell_ns":[null,60],
                      "states.at_least_ns":[5,0],"time_wait_dwell_ns":60,
                      "time_wait_end":"expired","time_wait_restarts":2})"));
}

TEST(FlatJson, WhatIsNotKnownHasNoMember) {
    const std::array columns{column("none"),   column("peer"),  column("process"),
                             column("accept"), column("empty"), column("holders")};
    const std::array<report::ObjectPart, 2> parts{report::ObjectPart{"delay_ns", {}},
                                                  report::ObjectPart{"accepted", true}};
    const std::array<report::Value, 6> row{report::Value(),
                                           report::EndpointValue{},
                                           report::ProcessValue{0, ""},
                                           std::span<const report::ObjectPart>(parts),
                                           std::string_view(),
                                           report::HolderList{{}, 3}};
    EXPECT_EQ(flat({"x", columns}, row), nlohmann::json::parse(R"({"accept_accepted":1})"));
}

TEST(FlatJson, NamesChosenToDoHarmStayText) {
    const std::array columns{column("name")};
    const std::array<report::Value, 1> row{std::string_view("a\"},\n{\"b\":\xff'")};
    const nlohmann::json parsed = flat({"x", columns}, row);
    EXPECT_EQ(parsed.size(), 1U);
    EXPECT_EQ(parsed.at("name"), "a\"},\n{\"b\":\xef\xbf\xbd'");
}

} // namespace
} // namespace tcpdwell::test
