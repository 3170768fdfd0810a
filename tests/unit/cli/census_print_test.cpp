// SPDX-License-Identifier: Apache-2.0
// What `census` prints, in every format.
#include "cli/census_print.h"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

namespace tcpdwell::test {
namespace {

std::vector<run::CensusSocket> some_sockets() {
    event::Process web{42, {}};
    std::strcpy(web.comm_bytes.data(), "web");
    std::vector<run::CensusSocket> sockets(4);
    const tcp::State states[] = {tcp::State::LISTEN, tcp::State::CLOSE_WAIT, tcp::State::CLOSE_WAIT,
                                 tcp::State::TIME_WAIT};
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        sockets[i].state = states[i];
        sockets[i].netns = 4026531833;
        sockets[i].tuple.local = {*tcp::IpAddress::parse("10.0.0.1"), 80};
        if (i > 0)
            sockets[i].tuple.remote = {*tcp::IpAddress::parse("10.0.0.2"),
                                       static_cast<tcp::Port>(40000 + i)};
        if (i < 3) sockets[i].process = web;
        sockets[i].has_file = i < 3;
    }
    sockets[0].queued = 3;
    sockets[0].queue_limit = 128;
    assign_roles(sockets);
    return sockets;
}

std::string census_text(cli::CensusStyle style) {
    render::Output out(-1);
    print_census(out, style, {}, some_sockets());
    return out.buffer();
}

std::string groups_text(render::Format format, run::GroupBy by) {
    render::Output out(-1);
    cli::CensusStyle style;
    style.format = format;
    const render::MetaEntry meta[] = {{"namespaces", "1"}};
    print_groups(out, style, meta, by, group_sockets(some_sockets(), by));
    return out.buffer();
}

TEST(CensusPrint, TableLeavesOutEmptyStates) {
    EXPECT_EQ(census_text({}), "STATE          COUNT  NO-FILE\n"
                               "LISTEN             1        0\n"
                               "TIME_WAIT          1        1\n"
                               "CLOSE_WAIT         2        0\n"
                               "\n"
                               "CLOSE_WAIT: the peer has closed, this host's process hasn't\n"
                               "   COUNT PROCESS\n"
                               "       2 42/web\n"
                               "\n"
                               "LISTEN: accept queues\n"
                               "LOCAL                     QUEUED   LIMIT PROCESS\n"
                               "10.0.0.1:80                    3     128 42/web\n");
}

TEST(CensusPrint, TableNamesTheNamespaceIfThereAreSeveral) {
    cli::CensusStyle style;
    style.show_netns = true;
    const std::string text = census_text(style);
    EXPECT_NE(text.find("       2 42/web                   4026531833\n"), std::string::npos)
        << text;
    EXPECT_NE(text.find("NETNS"), std::string::npos);
}

TEST(CensusPrint, SectionsWithNothingInThemAreLeftOut) {
    render::Output out(-1);
    cli::print_census(out, {}, {}, {});
    EXPECT_EQ(out.buffer(), "STATE          COUNT  NO-FILE\n");
}

TEST(CensusPrint, CsvHasEveryStateAndNothingElse) {
    cli::CensusStyle style;
    style.format = render::Format::csv;
    EXPECT_EQ(
        census_text(style),
        "state,count,without_file\nLISTEN,1,0\nSYN_SENT,0,0\nSYN_RECV,0,0\nESTABLISHED,0,0\n"
        "FIN_WAIT1,0,0\nFIN_WAIT2,0,0\nCLOSING,0,0\nTIME_WAIT,1,1\nCLOSE_WAIT,2,0\nLAST_ACK,0,0\n");
}

TEST(CensusPrint, JsonIsOneDocument) {
    cli::CensusStyle style;
    style.format = render::Format::json;
    const auto rows = nlohmann::json::parse(census_text(style));
    std::set<std::string> types;
    for (const auto& row : rows) types.insert(row.at("type"));
    EXPECT_EQ(types, (std::set<std::string>{"close_wait", "listener", "meta", "state_count"}));
}

TEST(CensusPrint, JsonLinesHaveATypeForEachSection) {
    cli::CensusStyle style;
    style.format = render::Format::jsonl;
    const std::string text = census_text(style);
    EXPECT_NE(text.find(R"({"type":"state_count","state":"TIME_WAIT","count":1,"without_file":1})"),
              std::string::npos)
        << text;
    EXPECT_NE(
        text.find(
            R"({"type":"close_wait","count":2,"process":{"pid":42,"comm":"web"},"netns":4026531833})"),
        std::string::npos)
        << text;
    EXPECT_NE(
        text.find(
            R"({"type":"listener","local":{"addr":"10.0.0.1","port":80},"queued":3,"queue_limit":128,)"
            R"("process":{"pid":42,"comm":"web"},"count":1,"netns":4026531833})"),
        std::string::npos)
        << text;
}

TEST(CensusPrint, GroupsAsATable) {
    EXPECT_EQ(groups_text(render::Format::table, run::GroupBy::port),
              "  PORT   TOTAL LISTEN TIME_WAIT CLOSE_WAIT\n"
              "    80       4      1         1          2\n");
    EXPECT_EQ(groups_text(render::Format::table, run::GroupBy::remote),
              "REMOTE                     TOTAL LISTEN TIME_WAIT CLOSE_WAIT\n"
              "10.0.0.2                       3      0         1          2\n"
              "-                              1      1         0          0\n");
}

TEST(CensusPrint, GroupsForMachines) {
    EXPECT_EQ(
        groups_text(render::Format::jsonl, run::GroupBy::process),
        R"({"type":"meta","namespaces":1})"
        "\n"
        R"({"type":"process_count","process":{"pid":42,"comm":"web"},"total":3,"LISTEN":1,"SYN_SENT":0,"SYN_RECV":0,)"
        R"("ESTABLISHED":0,"FIN_WAIT1":0,"FIN_WAIT2":0,"CLOSING":0,"TIME_WAIT":0,"CLOSE_WAIT":2,"LAST_ACK":0})"
        "\n"
        R"({"type":"process_count","process":null,"total":1,"LISTEN":0,"SYN_SENT":0,"SYN_RECV":0,)"
        R"("ESTABLISHED":0,"FIN_WAIT1":0,"FIN_WAIT2":0,"CLOSING":0,"TIME_WAIT":1,"CLOSE_WAIT":0,"LAST_ACK":0})"
        "\n");
    EXPECT_EQ(groups_text(render::Format::csv, run::GroupBy::process),
              "process_pid,process_comm,total,LISTEN,SYN_SENT,SYN_RECV,ESTABLISHED,FIN_WAIT1,FIN_"
              "WAIT2,CLOSING,TIME_WAIT,"
              "CLOSE_WAIT,LAST_ACK\n42,web,3,1,0,0,0,0,0,0,0,2,0\n,,1,0,0,0,0,0,0,0,1,0,0\n");
}

} // namespace
} // namespace tcpdwell::test
