// SPDX-License-Identifier: Apache-2.0
// Findings of a report, as its JSON has them: one of each severity, one that follows from another,
// and what their connections did.
#pragma once

#include "samples.h"

namespace tcpdwell::test {

/// A state of a sample's connection, between times of day.
inline Json span(const char* state, const Json& begin, const Json& end, bool exact = true) {
    const auto time = [](const Json& at) -> Json {
        if (at.is_null()) return nullptr;
        return "2026-11-21T" + at.get<std::string>() + "Z";
    };
    return {{"state", state}, {"begin", time(begin)}, {"begin_exact", exact}, {"end", time(end)}};
}

inline Json life(const char* conn, int local_port, const Json& ending, const Json& states) {
    return {{"conn", conn},
            {"local", {{"addr", "10.20.0.3"}, {"port", local_port}}},
            {"remote", {{"addr", "10.20.0.99"}, {"port", 9200}}},
            {"ending", ending},
            {"states", states}};
}

inline Json finding(const char* id, const char* severity, const char* subject, const char* what,
                    const Json& evidence, const Json& connections, const char* advice) {
    Json json = {{"id", id},
                 {"severity", severity},
                 {"what", what},
                 {"evidence", evidence},
                 {"advice", advice},
                 {"subject", subject},
                 {"connections", connections},
                 {"because", nullptr},
                 {"timeline", Json::array()}};
    json["evidence"]["connections"] = connections;
    return json;
}

inline Json sample_findings() {
    Json leak =
        finding("close_wait_leak", "critical", "report-export (pid 77120)",
                "report-export (pid 77120) has not closed 37 sockets whose peer 10.20.0.99:9200 "
                "closed; the oldest has waited 1h 10m.",
                {{"sockets", 37},
                 {"oldest_ns", 4'211'004'118'933},
                 {"comm", "report-export"},
                 {"pid", 77120},
                 {"unread", 8'400'000},
                 {"queued", nullptr},
                 {"holders",
                  {{{"pid", 77120}, {"comm", "report-export"}}, {{"pid", 77121}, {"comm", "sh"}}}}},
                {"00000000000a41f7", "00000000000a4203", "00000000000a4388"},
                "The program must close() a socket after read() has returned 0: no sysctl ends "
                "CLOSE_WAIT.\n"
                "Look for responses that are not read to their end, and for error paths that lose "
                "a descriptor.");
    leak["timeline"] = {life("00000000000a41f7", 40'001, nullptr,
                             {span("ESTABLISHED", "14:20:00.5", "14:23:00", false),
                              span("CLOSE_WAIT", "14:23:00", nullptr)}),
                        life("00000000000a4203", 40'002, nullptr,
                             {span("SYN_SENT", "14:22:30", "14:22:30.1"),
                              span("ESTABLISHED", "14:22:30.1", "14:26:00"),
                              span("CLOSE_WAIT", "14:26:00", nullptr)}),
                        life("00000000000a4388", 40'003, "reset_sent",
                             {span("ESTABLISHED", nullptr, "14:28:00", false),
                              span("CLOSE_WAIT", "14:28:00", "14:30:00")})};
    Json ports = finding(
        "ephemeral_ports_low", "warning", "report-export to 10.20.0.99:9200",
        "report-export holds 23440 of 28232 local ports towards 10.20.0.99:9200.",
        {{"held", 23'440}, {"limit", 28'232}, {"opened_per_second", 12.7}, {"seconds_left", 377}},
        Json::array({"0000000000031c02"}), "Mend the leak.");
    ports["because"] = {{"id", "close_wait_leak"}, {"subject", "report-export (pid 77120)"}};
    return {leak, ports,
            finding("server_closes_first", "warning", "gunicorn on 0.0.0.0:8080",
                    "gunicorn on 0.0.0.0:8080 closed 16911 of 18100 connections first and so "
                    "keeps their TIME_WAIT.",
                    {{"closed_first_local", 16'911},
                     {"share", 0.934},
                     {"time_wait_peak", 1'912},
                     {"time_wait_socket_seconds", 971'604.2}},
                    Json::array({"0000000000031c02"}),
                    "Let the clients close first: keep connections alive on the server for longer "
                    "than they use them.\n"
                    "TIME_WAIT on a server costs memory, not ports: 1912 of them are harmless by "
                    "themselves."),
            finding("peers_gone", "info", "sshd",
                    "2 connections ended because the peer no longer answered keepalives.",
                    Json::object({{"keepalive", 2}}), Json::array(), "")};
}

} // namespace tcpdwell::test
