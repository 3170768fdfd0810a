// SPDX-License-Identifier: Apache-2.0
// /proc/thread-self, because /proc/net (of the process) shows the network namespace of its first
// thread, not of the one that has entered another.
#include "host/kernel_counters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "host/proc_file.h"

namespace tcpdwell::host {
namespace {

constexpr std::array<std::string_view, 6> kTcpCounters = {
    "ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets", "RetransSegs", "OutRsts"};

constexpr std::array<std::string_view, 23> kTcpExtCounters = {
    "ListenOverflows",     "ListenDrops",
    "SyncookiesSent",      "SyncookiesRecv",
    "SyncookiesFailed",    "TCPReqQFullDoCookies",
    "TCPReqQFullDrop",     "TW",
    "TWRecycled",          "TWKilled",
    "TCPTimeWaitOverflow", "TCPAbortOnData",
    "TCPAbortOnClose",     "TCPAbortOnMemory",
    "TCPAbortOnTimeout",   "TCPAbortOnLinger",
    "TCPAbortFailed",      "TCPTimeouts",
    "TCPSynRetrans",       "PAWSActive",
    "PAWSEstab",           "TCPDeferAcceptDrop",
    "TCPBacklogDrop",
};

bool is_of_interest(std::string_view group, std::string_view name) {
    if (group == "Tcp") return std::ranges::find(kTcpCounters, name) != kTcpCounters.end();
    return group == "TcpExt" && std::ranges::find(kTcpExtCounters, name) != kTcpExtCounters.end();
}

/// Takes the text up to `end`, and `end` itself, off the front.
std::string_view take_until(std::string_view& text, char end) {
    const std::string_view taken = text.substr(0, text.find(end));
    text.remove_prefix(std::min(taken.size() + 1, text.size()));
    return taken;
}

/// Tcp.MaxConn is -1, for example.
std::optional<std::uint64_t> counter_value(std::string_view text) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [parsed, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || parsed != end) return std::nullopt;
    return value;
}

void add_group(std::string_view group, std::string_view names, std::string_view values,
               std::vector<KernelCounter>& counters) {
    if (std::ranges::count(names, ' ') != std::ranges::count(values, ' ')) return;
    while (!names.empty()) {
        const std::string_view name = take_until(names, ' ');
        const auto value = counter_value(take_until(values, ' '));
        if (value && is_of_interest(group, name))
            counters.push_back({std::string(group) + "." + std::string(name), *value});
    }
}

} // namespace

std::vector<KernelCounter> parse_kernel_counters(std::string_view text) {
    std::vector<KernelCounter> counters;
    while (!text.empty()) {
        std::string_view names = take_until(text, '\n');
        std::string_view values = take_until(text, '\n');
        const std::string_view group = take_until(names, ':');
        if (take_until(values, ':') != group) return counters; // lines aren't pairs from here on
        add_group(group, names, values, counters);
    }
    return counters;
}

std::vector<KernelCounter> read_kernel_counters() {
    std::vector<KernelCounter> counters;
    for (const char* path : {"/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat"}) {
        const auto text = read_proc_file(path);
        if (!text) continue;
        for (KernelCounter& counter : parse_kernel_counters(*text))
            counters.push_back(std::move(counter));
    }
    return counters;
}

} // namespace tcpdwell::host
