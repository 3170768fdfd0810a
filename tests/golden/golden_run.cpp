// SPDX-License-Identifier: Apache-2.0
#include "golden_run.h"

#include "../unit/analysis/connection_mix.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kOwnNetns = 4026531840;
constexpr std::uint32_t kOtherNetns = 4026532291;

synth::Setting stage(Nanoseconds start, const tcp::FourTuple& tuple, std::uint32_t pid,
                     std::uint32_t netns = kOwnNetns) {
    return synth::Setting{
        .netns = netns, .tuple = tuple, .start = synth::kTestClock.mono + start, .first_pid = pid};
}

/// The catalog, a story each two seconds, in IPv4 and IPv6 in turn. In the other namespace, so that
/// the crowds have one of their own.
void add_catalog(ConnectionMix& town) {
    Nanoseconds start = 0s;
    tcp::Port port = 0;
    std::uint32_t pid = 5000;
    for (const synth::Scenario& s : synth::all_scenarios()) {
        const bool v6 = port % 2 == 1;
        const tcp::FourTuple ends =
            tuple(v6 ? "2001:db8::1" : "10.1.0.1", static_cast<tcp::Port>(20'000 + port),
                  v6 ? "2001:db8::2" : "10.1.0.2", static_cast<tcp::Port>(30'000 + port));
        town.add(s, stage(start, ends, pid, kOtherNetns));
        start += 2s;
        ++port;
        pid += 3;
    }
}

void add_crowds(ConnectionMix& town) {
    const auto by_remote = ConnectionMix::Vary::remote_port;
    const auto by_local = ConnectionMix::Vary::local_port;
    // A web server that closes first, most of the time.
    town.add(scenario("server_first"), stage(5s, tuple("10.0.0.1", 80, "192.0.2.7", 40'000), 100),
             110, by_remote);
    town.add(scenario("served"), stage(8s, tuple("10.0.0.1", 80, "192.0.2.8", 40'000), 100), 40,
             by_remote);
    // One whose clients close, and where many handshakes are never completed.
    town.add(scenario("served"), stage(10s, tuple("2001:db8::1", 443, "2001:db8::99", 50'000), 200),
             60, by_remote);
    town.add(scenario("handshake_reset"),
             stage(12s, tuple("2001:db8::1", 443, "2001:db8::66", 50'000), 200), 25, by_remote);
    // A client that waits for none of its TIME_WAITs.
    town.add(scenario("client_first_fin_with_ack"),
             stage(100s, tuple("10.0.0.1", 40'000, "10.0.0.5", 5432), 300), 130, by_local);
    tcp::FourTuple mapped = tuple("10.0.0.1", 42'000, "10.0.0.6", 6379);
    mapped.family = tcp::Family::ipv6; // IPv4 in an IPv6 socket
    town.add(scenario("linger_zero"), stage(20s, mapped, 400), 30, by_local);
    town.add(scenario("connect_times_out"),
             stage(3s, tuple("10.0.0.1", 43'000, "198.51.100.9", 9200), 500), 22, by_local);
    town.add(kLeaks, stage(30s, tuple("10.0.0.1", 44'000, "10.0.0.7", 8080), 600), 7, by_local);
    town.add(kLastAckStays, stage(90s, tuple("10.0.0.1", 45'000, "10.0.0.8", 25), 700));
}

void feed_facts(TrackedReport& run) {
    run.fact(0, "version", "0.0.0");
    run.fact(0, "host", "golden");
    run.fact(0, "kernel", "6.18.0");
    run.fact(0, "machine", "x86_64");
    run.fact(0, "probes", "set_state timer request reset");
    const std::pair<const char*, const char*> sysctls[] = {
        {"net.core.somaxconn", "4096"},           {"net.ipv4.ip_local_port_range", "40000 40149"},
        {"net.ipv4.tcp_fin_timeout", "60"},       {"net.ipv4.tcp_keepalive_intvl", "75"},
        {"net.ipv4.tcp_keepalive_probes", "9"},   {"net.ipv4.tcp_keepalive_time", "7200"},
        {"net.ipv4.tcp_max_orphans", "8192"},     {"net.ipv4.tcp_max_syn_backlog", "512"},
        {"net.ipv4.tcp_max_tw_buckets", "65536"}, {"net.ipv4.tcp_orphan_retries", "0"},
        {"net.ipv4.tcp_syn_retries", "6"},        {"net.ipv4.tcp_syncookies", "1"},
        {"net.ipv4.tcp_timestamps", "1"},         {"net.ipv4.tcp_tw_reuse", "2"},
        {"net.ipv4.tcp_tw_reuse_delay", "1000"},
    };
    for (const auto& [key, value] : sysctls) run.fact(0, key, value);
    run.fact(kOtherNetns, "net.ipv4.tcp_max_tw_buckets", "128");
    run.feed(event::CgroupPath{4242, "/system.slice/app.service"}, run.now());
    run.feed(event::ContainerName{4242, "app.service"}, run.now());
}

} // namespace

const synth::GeneratedConnection& golden_story() {
    static const synth::GeneratedConnection story = [] {
        ConnectionMix town;
        add_catalog(town);
        add_crowds(town);
        return town.tell();
    }();
    return story;
}

std::unique_ptr<TrackedReport> golden_run(analysis::SplitBy by, track::TrackerListener* front) {
    analysis::ReportOptions options;
    options.by = by;
    options.run.source = "golden.tcpdwell";
    auto run = std::make_unique<TrackedReport>(std::move(options));
    if (front != nullptr) run->front = front;
    feed_facts(*run);
    for (const synth::WireRecord& record : golden_story().records)
        if (record.at < kGoldenEnd) run->feed(record);
    run->pass_time(kGoldenEnd);
    return run;
}

const synth::GeneratedConnection& short_story() {
    static const synth::GeneratedConnection story = [] {
        ConnectionMix town;
        Nanoseconds start = 0s;
        tcp::Port port = 0;
        for (const char* name : {"client_first_fin_with_ack", "served", "refused_then_retried",
                                 "unread_data", "handshake_times_out", "reused_chosen_port",
                                 "fin_never_comes", "still_established"}) {
            const bool v6 = port % 2 == 1;
            const tcp::FourTuple ends =
                tuple(v6 ? "2001:db8::1" : "10.1.0.1", static_cast<tcp::Port>(20'000 + port),
                      v6 ? "2001:db8::2" : "10.1.0.2", static_cast<tcp::Port>(30'000 + port));
            town.add(scenario(name), stage(start, ends, 1000u + port * 3u));
            start += 1s;
            ++port;
        }
        return town.tell();
    }();
    return story;
}

} // namespace tcpdwell::test
