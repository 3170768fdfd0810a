// SPDX-License-Identifier: Apache-2.0
// Two hosts on one page, one of which has no name.
#include "described.h"

namespace tcpdwell::test {
namespace {

Json endpoint(const char* addr, int port) { return {{"addr", addr}, {"port", port}}; }

Json path(std::initializer_list<std::pair<const char*, Json>> states) {
    Json list = Json::array();
    for (const auto& [state, dwell] : states)
        list.push_back({{"state", state}, {"dwell_ns", dwell}});
    return list;
}

Json served(const char* addr, int port, int client, int server, int disagree) {
    return {{"client_host", "web-3.example.net"},
            {"server_host", "</td><b>db"},
            {"server", endpoint(addr, port)},
            {"connections", client + server + disagree + 3},
            {"closed_first", {{"client", client}, {"server", server}, {"both", 0}, {"none", 1}}},
            {"crossed", 2},
            {"not_told", 0},
            {"disagree", disagree},
            {"client_established_p50_ns", 81'000'000},
            {"server_established_p50_ns", nullptr},
            {"time_wait", {{"client", client}, {"server", server}, {"both", 1}, {"neither", 2}}}};
}

} // namespace

Json hosts_report() {
    Json nameless = empty_report();
    nameless["meta"]["host"] = nullptr;
    const Json both = {
        {"summary",
         {{"joined", 1017},
          {"agree", 1012},
          {"crossed", 4},
          {"not_told", 0},
          {"disagree", 1},
          {"left_out", 0},
          {"servers_left_out", 0},
          {"tolerance_ns", 30'000'000'000}}},
        {"hosts", {{{"host", "web-3.example.net"}}, {{"host", "</td><b>db"}}}},
        {"pairs",
         {{{"client_host", "web-3.example.net"},
           {"server_host", "</td><b>db"},
           {"joined", 1017},
           {"clock_difference_ns", -2'500'000'000},
           {"only_client", 3},
           {"only_client_outside", 1},
           {"only_server", 2},
           {"only_server_outside", 0}}}},
        {"servers", {served("10.0.0.9", 5432, 900, 100, 1), served("2001:db8::9", 6379, 6, 1, 0)}},
        {"disagreements",
         {{{"client_host", "web-3.example.net"},
           {"server_host", "</td><b>db"},
           {"client", endpoint("10.0.0.1", 40'000)},
           {"server", endpoint("10.0.0.9", 5432)},
           {"client_opened", "2026-11-21T14:22:07.000000000Z"},
           {"server_opened", nullptr},
           {"client_says", "server"},
           {"server_says", "client"},
           {"client_ending", "reset_received"},
           {"server_ending", "reset_received"},
           {"client_ending_detail", nullptr},
           {"server_ending_detail", nullptr},
           {"client_seen", "whole"},
           {"server_seen", "joined"},
           {"client_states", path({{"SYN_SENT", 300'000}, {"ESTABLISHED", 4'000'000'000}})},
           {"server_states", path({{"ESTABLISHED", nullptr}})}}}}};
    Json reports = described_hosts({{"hosts", {usual_report(), nameless}}, {"both_ends", both}},
                                   {"web-3.example.net", "</td><b>db"});
    reports["both_ends"]["sections"][0]["help"] =
        "1017 connections between these hosts were found at both ends.";
    return reports;
}

} // namespace tcpdwell::test
