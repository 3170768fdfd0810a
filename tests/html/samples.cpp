// SPDX-License-Identifier: Apache-2.0
// What stands in the reports that the page has to draw.
#include "described.h"
#include "sample_findings.h"
#include "sample_tables.h"

#include <cmath>

namespace tcpdwell::test {
namespace {

constexpr double kUs = 1e3;
constexpr double kMs = 1e6;
constexpr double kS = 1e9;

const std::vector<std::pair<std::string, std::string>> kTitles = {
    {"LISTEN", "waiting for connections"},
    {"SYN_SENT", "connecting"},
    {"SYN_RECV", "handshake of an incoming connection"},
    {"ESTABLISHED", "open"},
    {"FIN_WAIT1", "our FIN not yet acknowledged"},
    {"FIN_WAIT2", "waiting for the peer's FIN"},
    {"CLOSING", "FINs crossed"},
    {"TIME_WAIT", "both closed, we first"},
    {"CLOSE_WAIT", "peer closed, our program has not"},
    {"LAST_ACK", "our FIN, the second, not yet acknowledged"},
    {"CLOSE", "no connection"},
};

Json meta() {
    return {
        {"version", "0.2.0"},
        {"source", "live"},
        {"host", "web-3.example.net"},
        {"kernel", "6.12.48+deb13-amd64"},
        {"machine", "x86_64"},
        {"begin", "2026-11-21T14:22:05.127493021Z"},
        {"end", "2026-11-21T14:32:05.129001775Z"},
        {"duration_ns", 600'001'508'754},
        {"interval", false},
        {"netns", 2},
        {"filter", nullptr},
        {"probes",
         "inet_sock_set_state, timer_start, timer_cancel, timer_expire_entry, tcp_receive_reset, "
         "tcp_send_reset, sys_exit_accept4"},
        {"sysctls",
         {{"net.ipv4.tcp_fin_timeout", "60"},
          {"net.ipv4.tcp_max_tw_buckets", "262144"},
          {"net.ipv4.tcp_tw_reuse", "2"},
          {"net.ipv4.tcp_syn_retries", "6"},
          {"net.ipv4.ip_local_port_range", "32768\t60999"},
          {"net.ipv4.tcp_max_orphans", "131072"}}},
        {"thresholds",
         {{"server_closes_first.connections", 100},
          {"server_closes_first.share", 0.5},
          {"close_wait_leak.sockets", 1},
          {"close_wait_leak.age", 60},
          {"ephemeral_ports_low.share", 0.8}}}};
}

Json quality(std::uint64_t connections, std::uint64_t open) {
    return {{"lost", 0},
            {"holes", 0},
            {"connections", connections},
            {"ended", connections - open},
            {"open", open},
            {"whole", connections - connections / 40},
            {"joined", connections / 40},
            {"gap", 0},
            {"transitions", connections * 6},
            {"unexpected_edges", 0},
            {"evicted", 0},
            {"malformed", 0},
            {"unknown_records", 0},
            {"dropped", 0},
            {"quantile_error", 0.008}};
}

Json closed_first(std::uint64_t local, std::uint64_t remote, std::uint64_t both, std::uint64_t none,
                  std::uint64_t unknown = 0) {
    return {
        {"local", local}, {"remote", remote}, {"both", both}, {"none", none}, {"unknown", unknown}};
}

Json time_wait(std::uint64_t now, std::uint64_t peak, double socket_seconds) {
    return {{"now", now}, {"peak", peak}, {"socket_seconds", socket_seconds}};
}

Json endpoint(const Json& addr, const Json& port) { return {{"addr", addr}, {"port", port}}; }

Json process(const Json& pid, const std::string& comm) { return {{"pid", pid}, {"comm", comm}}; }

Json service(const Json& local, const Json& owner, const std::string& role, const Json& cgroup,
             std::uint64_t connections, const Json& first, const Json& endings, const Json& waits) {
    return {{"local", local},        {"process", owner},    {"role", role},
            {"cgroup", cgroup},      {"netns", 4026531840}, {"connections", connections},
            {"closed_first", first}, {"endings", endings},  {"time_wait", waits}};
}

Json remote(const Json& to, const Json& owner, std::uint64_t connections, const Json& first,
            const Json& endings, const Json& waits) {
    return {{"remote", to},          {"process", owner},
            {"netns", 4026531840},   {"connections", connections},
            {"closed_first", first}, {"endings", endings},
            {"time_wait", waits}};
}

Json port(const std::string& from, const Json& to, std::uint64_t held, const Json& limit,
          double per_second) {
    return {{"netns", 4026531840}, {"local", endpoint(from, nullptr)}, {"remote", to},
            {"held", held},        {"peak", held + held / 9},          {"limit", limit},
            {"opened", held * 7},  {"per_second", per_second}};
}

Json transition(const char* from, const char* to, std::uint64_t count, const Json& median,
                const char* kind = "rfc9293") {
    return {{"from", from}, {"to", to}, {"count", count}, {"p50_ns", median}, {"kind", kind}};
}

Json states() {
    Json json = {
        {"LISTEN", no_samples(kTitles[0].second)},
        {"SYN_SENT", json_distribution(
                         kTitles[1].second,
                         {{8'812, 310 * kUs, 0.5}, {164, 1.03 * kS, 0.01}, {31, 3.06 * kS, 0.01}})},
        {"SYN_RECV", json_distribution(kTitles[2].second, {{21'400, 24.1 * kMs, 0.9}})},
        {"ESTABLISHED", json_distribution(kTitles[3].second,
                                          {{24'900, 92 * kMs, 1.4}, {5'230, 15.02 * kS, 0.004}})},
        {"FIN_WAIT1", json_distribution(kTitles[4].second, {{18'930, 26 * kMs, 0.8}})},
        {"FIN_WAIT2", json_distribution(kTitles[5].second, {{18'330, 3.2 * kMs, 2.1},
                                                            {58, 60.6 * kS, 0.006, 60.0 * kS}})},
        {"CLOSING", json_distribution(kTitles[6].second, {{14, 19 * kMs, 0.5}})},
        {"TIME_WAIT",
         json_distribution(kTitles[7].second, {{16'100, 60.9 * kS, 0.008, 60.0 * kS}})},
        {"CLOSE_WAIT", json_distribution(kTitles[8].second, {{10'720, 180 * kUs, 1.1}})},
        {"LAST_ACK", json_distribution(kTitles[9].second, {{10'690, 410 * kUs, 0.7}})},
        {"CLOSE", no_samples(kTitles[10].second)},
    };
    json["LISTEN"]["open"] = 6;
    json["LISTEN"]["oldest_ns"] = 312'455'018'733'114;
    const auto open = [&](const char* state, std::uint64_t count, double oldest) {
        json[state]["open"] = count;
        json[state]["oldest_ns"] = static_cast<std::uint64_t>(oldest);
    };
    open("SYN_SENT", 3, 6.91 * kS);
    open("SYN_RECV", 2, 340 * kMs);
    open("ESTABLISHED", 148, 5'400 * kS);
    open("FIN_WAIT2", 12, 48.3 * kS);
    open("TIME_WAIT", 1'731, 60.4 * kS);
    open("CLOSE_WAIT", 37, 4'211 * kS);
    json["TIME_WAIT"]["nominal_ns"] = 60'000'000'000;
    return json;
}

Json transitions() {
    return {transition("CLOSE", "LISTEN", 2, nullptr),
            transition("CLOSE", "SYN_SENT", 9'042, nullptr),
            transition("LISTEN", "SYN_RECV", 21'440, nullptr),
            transition("SYN_SENT", "ESTABLISHED", 8'812, 312'004),
            transition("SYN_SENT", "CLOSE", 195, 1'032'114'500),
            transition("SYN_RECV", "ESTABLISHED", 21'318, 24'098'113),
            transition("SYN_RECV", "CLOSE", 82, 63'402'117'000),
            transition("ESTABLISHED", "FIN_WAIT1", 18'930, 118'233'019),
            transition("ESTABLISHED", "CLOSE_WAIT", 10'757, 71'220'000),
            transition("ESTABLISHED", "CLOSE", 443, 2'310'450'000),
            transition("FIN_WAIT1", "FIN_WAIT2", 18'388, 26'013'400),
            transition("FIN_WAIT1", "CLOSING", 14, 25'100'000),
            transition("FIN_WAIT1", "CLOSE", 528, 30'993'118),
            transition("FIN_WAIT2", "TIME_WAIT", 17'817, 3'198'004),
            transition("FIN_WAIT2", "CLOSE", 559, 41'204'000),
            transition("FIN_WAIT2", "FIN_WAIT2", 71, 402'118, "linux_specific"),
            transition("CLOSING", "TIME_WAIT", 14, 19'010'000),
            transition("TIME_WAIT", "CLOSE", 16'100, 60'904'551'018),
            transition("CLOSE_WAIT", "LAST_ACK", 10'690, 180'442),
            transition("CLOSE_WAIT", "CLOSE", 30, 9'114'000),
            transition("LAST_ACK", "CLOSE", 10'690, 411'030)};
}

Json services() {
    return {service(endpoint("0.0.0.0", 8080), process(1884, "gunicorn"), "server",
                    "/system.slice/app.service", 18'204, closed_first(16'911, 1'177, 12, 98, 6),
                    {{"fin", 17'482},
                     {"reset_received", 466},
                     {"fin_wait2_expired", 58},
                     {"handshake_failed", 82},
                     {"open", 116}},
                    time_wait(1'690, 1'912, 971'604.2)),
            service(endpoint("::", 443), process(nullptr, "nginx"), "server",
                    "/system.slice/nginx.service", 3'211, closed_first(1'204, 1'966, 2, 39),
                    {{"fin", 3'102}, {"reset_sent", 41}, {"reset_received", 29}, {"open", 39}},
                    time_wait(41, 66, 36'802.5)),
            service(endpoint(nullptr, nullptr), process(nullptr, "gunicorn"), "client",
                    "/system.slice/app.service", 8'731, closed_first(822, 7'701, 0, 208),
                    {{"fin", 8'480}, {"connect_failed", 195}, {"reset_received", 43}, {"open", 13}},
                    time_wait(0, 118, 24'733.9)),
            service(endpoint("127.0.0.1", 5432), process(nullptr, "postgres"), "server",
                    "/system.slice/postgresql.service", 211, closed_first(3, 171, 0, 37),
                    {{"fin", 174}, {"open", 37}}, time_wait(0, 1, 182.6)),
            service(endpoint(nullptr, nullptr), process(77120, "report-export"), "client",
                    "/user.slice/user-1000.slice/user@1000.service/app.slice/report-export.service",
                    37, closed_first(0, 37, 0, 0), {{"open", 37}}, time_wait(0, 0, 0)),
            service(endpoint("0.0.0.0", 22), process(nullptr, "sshd"), "server",
                    "/system.slice/ssh.service", 25, closed_first(0, 22, 0, 3),
                    {{"fin", 22}, {"open", 3}}, time_wait(0, 0, 0))};
}

Json remotes() {
    return {remote(endpoint("10.20.0.14", 6379), process(nullptr, "gunicorn"), 7'640,
                   closed_first(391, 7'236, 0, 13),
                   {{"fin", 7'602}, {"reset_received", 25}, {"open", 13}},
                   time_wait(0, 104, 22'930.1)),
            remote(endpoint("2001:db8:40::17", 443), process(nullptr, "gunicorn"), 896,
                   closed_first(431, 465, 0, 0), {{"fin", 878}, {"reset_received", 18}},
                   time_wait(0, 14, 1'803.8)),
            remote(endpoint("10.20.0.99", 9200), process(77120, "report-export"), 37,
                   closed_first(0, 37, 0, 0), {{"open", 37}}, time_wait(0, 0, 0)),
            remote(endpoint("10.20.7.3", 8125), process(nullptr, "gunicorn"), 195,
                   closed_first(0, 0, 0, 195), {{"connect_failed", 195}}, time_wait(0, 0, 0))};
}

Json ports() {
    return {port("10.20.0.3", endpoint("10.20.0.14", 6379), 23'440, 28'232, 12.73),
            port("10.20.0.3", endpoint("10.20.0.99", 9200), 37, 28'232, 0.06),
            port("2001:db8:40::3", endpoint("2001:db8:40::17", 443), 14, 28'232, 1.49),
            port("10.20.0.3", endpoint("10.20.7.3", 8125), 3, nullptr, 0.33)};
}

Json timeline(std::size_t steps, double scale) {
    Json json = {{"begin", "2026-11-21T14:22:05.127493021Z"},
                 {"step_ns", 2'000'000'000},
                 {"states", Json::object()}};
    const auto fill = [&](const char* state, const auto& value) {
        for (std::size_t i = 0; i < steps; ++i) {
            const double at = static_cast<double>(i) / static_cast<double>(steps);
            json["states"][state].push_back(
                static_cast<std::uint64_t>(std::max(0.0, scale * value(at))));
        }
    };
    fill("SYN_SENT", [](double t) { return 3 + 9 * std::exp(-std::pow((t - 0.62) * 25, 2)); });
    fill("SYN_RECV", [](double t) { return 5 + 3 * std::sin(40 * t); });
    fill("ESTABLISHED", [](double t) {
        return 240 + 90 * std::sin(7 * t) + 12 * std::sin(61 * t) +
               260 * std::exp(-std::pow((t - 0.62) * 14, 2));
    });
    fill("FIN_WAIT1", [](double t) { return 18 + 7 * std::sin(23 * t); });
    fill("FIN_WAIT2",
         [](double t) { return 60 + 40 * std::sin(5 * t + 1) + 9 * std::sin(50 * t); });
    fill("TIME_WAIT", [](double t) {
        return 1'500 * std::min(1.0, t * 9) + 230 * std::sin(9 * t) +
               400 * std::exp(-std::pow((t - 0.7) * 9, 2));
    });
    fill("CLOSE_WAIT", [](double t) { return t < 0.3 ? 2 : std::min(37.0, 2 + (t - 0.3) * 90); });
    fill("LAST_ACK", [](double t) { return 6 + 4 * std::sin(31 * t); });
    return json;
}

} // namespace

Json usual_report() {
    Json latencies = {
        {"connect", json_distribution("SYN_SENT of connections that were established",
                                      {{8'812, 310 * kUs, 0.5}, {164, 1.03 * kS, 0.01}})},
        {"handshake", json_distribution("SYN_RECV of connections that were established",
                                        {{21'318, 24 * kMs, 0.9}})},
        {"fin_acked", json_distribution("FIN_WAIT1", {{18'388, 26 * kMs, 0.8}})},
        {"close_wait", json_distribution("until the program closed", {{10'720, 180 * kUs, 1.1}})},
        {"last_ack", json_distribution("LAST_ACK", {{10'690, 410 * kUs, 0.7}})},
    };
    const Json all = states();
    Json groups = Json::array();
    for (const char* role : {"client", "server"}) {
        Json group = {{"group", role}, {"states", Json::object()}};
        for (const auto& [state, body] : all.items())
            if (body["count"] > 0 &&
                state != (group["group"] == "client" ? "SYN_RECV" : "SYN_SENT"))
                group["states"][state] = body;
        groups.push_back(group);
    }
    return described({{"meta", meta()},
                      {"quality", quality(30'419, 205)},
                      {"findings", sample_findings()},
                      {"states", all},
                      {"states_by", {{"by", "role"}, {"groups", groups}}},
                      {"latencies", latencies},
                      {"accept_delays",
                       {{"0.0.0.0:8080",
                         json_distribution("ESTABLISHED to accept()", {{12'044, 90 * kUs, 0.7}})}}},
                      {"transitions", transitions()},
                      {"services", services()},
                      {"remotes", remotes()},
                      {"ports", ports()},
                      {"accept_queues", accept_queues()},
                      {"endings", endings()},
                      {"transfers", transfers()},
                      {"timeline", timeline(300, 1)}});
}

Json empty_report() {
    Json states = Json::object();
    for (const auto& [state, title] : kTitles) states[state] = no_samples(title);
    Json latencies = Json::object();
    for (const char* id : {"connect", "handshake", "fin_acked", "close_wait", "last_ack"})
        latencies[id] = no_samples(id);
    return described({{"meta", meta()},
                      {"quality", quality(0, 0)},
                      {"findings", Json::array()},
                      {"states", states},
                      {"states_by", nullptr},
                      {"latencies", latencies},
                      {"accept_delays", Json::object()},
                      {"transitions", Json::array()},
                      {"services", Json::array()},
                      {"remotes", Json::array()},
                      {"ports", Json::array()},
                      {"accept_queues", Json::array()},
                      {"endings", Json::array()},
                      {"transfers", Json::array()},
                      {"timeline",
                       {{"begin", "2026-11-21T14:22:05Z"},
                        {"step_ns", 1'000'000'000},
                        {"states", Json::object()}}}});
}

Json huge_report() {
    Json report = usual_report();
    Json services = Json::array();
    for (std::uint64_t i = 0; i < 5'000; ++i) {
        const std::string addr = "10." + std::to_string(i / 250) + ".1." + std::to_string(i % 250);
        const std::uint64_t connections =
            1 + i * 7'919 % 100'003; // a permutation: no two are equal
        services.push_back(service(
            endpoint(addr, 8'000 + i % 10), process(1'000 + i, "worker-" + std::to_string(i)),
            i % 3 == 0 ? "client" : "server",
            "/system.slice/worker@" + std::to_string(i) + ".service", connections,
            closed_first(connections / 2, connections / 3, 1, 2, 3),
            {{"fin", connections / 2}, {"reset_sent", 3}, {"timed_out", 1}},
            time_wait(i, i * 2, static_cast<double>(connections) * 30.25)));
    }
    report["services"] = services;
    Json wide = Json::object();
    for (const auto& [state, title] : kTitles)
        wide[state] = json_distribution(title, {{40'000, 2 * kMs, 0.75}});
    report["states"] = wide;
    Json groups = Json::array();
    for (int i = 0; i < 40; ++i)
        groups.push_back({{"group", "10.0.0." + std::to_string(i) + ":443"}, {"states", wide}});
    report["states_by"] = {{"by", "remote"}, {"groups", groups}};
    report["timeline"] = timeline(300, 900);
    return report;
}

} // namespace tcpdwell::test
