// SPDX-License-Identifier: Apache-2.0
// Who accumulates TIME_WAITs, who avoids them, and how close their number is to the limit.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

std::uint64_t closed_by_anybody(const EndCounts& tally) {
    return tally.closed(tcp::ClosedFirst::local) + tally.closed(tcp::ClosedFirst::remote) +
           tally.closed(tcp::ClosedFirst::both);
}

/// Of that listening endpoint, by whichever of its programs. nullptr: none.
const CauseFacts* ended_by_death(const RuleInput& evidence, const ServiceKey& service) {
    return evidence.causes.facts(Party{service.netns, tcp::Role::server, service.local, {}},
                                 EndCause::process_died);
}

/// TIME_WAITs of all services: they share the table.
std::uint64_t most_held_in(const RuleInput& evidence, std::uint32_t netns) {
    const auto found = evidence.flows.time_waits().find(netns);
    return found == evidence.flows.time_waits().end() ? 0 : found->second.peak();
}

/// What skips a TIME_WAIT on purpose. The other causes have findings of their own.
constexpr SkipCause kOwnCauses[] = {SkipCause::so_linger_zero, SkipCause::linger2};

/// So many by that cause that have no finding of their own.
std::uint64_t skipped_by(const EndCounts& sum, SkipCause cause) {
    const std::uint64_t all = sum.skipped_by(cause);
    return cause == SkipCause::so_linger_zero ? all - std::min(all, sum.reset_for_cause) : all;
}

/// Whether a protocol of that port has the server close: the client says that it is done (SMTP:
/// QUIT, IMAP: LOGOUT), or the end of the answer is the end of the connection (whois, finger).
bool has_server_close(tcp::Port port) {
    constexpr tcp::Port kPorts[] = {13,  17,  19,  21,  25,  37,  43,  79,
                                    110, 119, 143, 465, 563, 587, 993, 995};
    return std::ranges::find(kPorts, port) != std::end(kPorts);
}

std::string_view who_closes_advice(const ServiceRow& row) {
    if (has_server_close(row.key.local.port))
        return "By the protocols of that port the server closes, so that is as it should be: only "
               "fewer connections, each used for longer, would leave fewer TIME_WAITs.";
    return "Let clients close first where the protocol leaves it to them (HTTP): keep connections "
           "open for several requests (keep-alive), with an idle time-out that is longer than the "
           "clients', and speak HTTP/1.1 or later with keep-alive to proxies. Where the server "
           "has to close (SMTP's QUIT, IMAP's LOGOUT, FTP, whois), it is as it should be.";
}

/// How many connections the program that serves there has made to itself, by any of its processes.
std::uint64_t own_connects(const RuleInput& evidence, const ServiceRow& row) {
    const Causes::Parties& parties = evidence.causes.parties();
    const auto server = parties.find(Party{row.key.netns, tcp::Role::server, row.key.local, {}});
    if (server == parties.end() || !server->second.process) return 0;
    std::uint64_t count = 0;
    for (const tcp::IpAddress& address : server->second.addresses) {
        const auto client = parties.find(
            Party{row.key.netns, tcp::Role::client, {address, row.key.local.port}, row.key.comm});
        if (client == parties.end() || !client->second.process) continue;
        const bool are_several = server->second.several_pids || client->second.several_pids;
        if (are_several || client->second.process->pid == server->second.process->pid)
            count += client->second.connections();
    }
    return count;
}

/// Bytes that were to be sent when such closes by that program threw them away.
std::uint64_t thrown_away(const RuleInput& evidence, const ServiceRow& row) {
    const bool is_server = row.key.role == tcp::Role::server;
    std::uint64_t unsent = 0;
    for (const auto& [key, ends] : evidence.causes.parties()) {
        if (key.role != row.key.role || key.netns != row.key.netns) continue;
        if (is_server ? key.endpoint != row.key.local : key.comm != row.key.comm) continue;
        if (const CauseFacts* facts = ends.facts(EndCause::lingered)) unsent += facts->unsent;
    }
    return unsent;
}

constexpr std::string_view kThrownAway =
    "Data is lost here: what the program has written and the kernel hasn't sent yet goes with the "
    "close. Close without SO_LINGER 0, which leaves it to the kernel to send the rest.";

std::string_view advice_for(SkipCause cause) {
    return cause == SkipCause::linger2
               ? "TCP_LINGER2 below 0 ends FIN_WAIT2 at once: the peer's last data is refused."
               : "SO_LINGER with a time of 0 makes close() send an RST: the peer gets an error and "
                 "may lose data that it has not read yet. Remove it; a TIME_WAIT is cheaper than "
                 "lost data.";
}

} // namespace

namespace {

/// Where nearly all of its connections are its own.
void add_own_connects(const RuleInput& evidence, const ServiceRow& row, std::uint64_t all,
                      FindingDraft& draft) {
    const std::uint64_t own = std::min(own_connects(evidence, row), all);
    if (own * 10 < all * 9) return;
    draft.what += fmt::format(" {} of them are connects of {} itself.", own, comm_of(row.key.comm));
    draft.evidence.push_back({"to_itself", "connects of its own", own});
    draft.advice.emplace_back(
        "Both ends of nearly all of these are one program: a proxy whose upstream leads back to "
        "itself (a loop in its configuration: proxy_pass, upstream, or a name that resolves to "
        "this host). Each request goes round until a limit ends it.");
}

} // namespace

void find_server_closes_first(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const ServiceRow& row : evidence.services) {
        if (row.key.role != tcp::Role::server) continue;
        const EndCounts sum = row.total();
        // The end of a process closes everything, and that once.
        const CauseFacts* dead = ended_by_death(evidence, row.key);
        const std::uint64_t died =
            std::min(dead ? dead->count : 0, sum.closed(tcp::ClosedFirst::local));
        // The others of those ended by an RST.
        const std::uint64_t died_with_fin =
            std::min({died, dead ? dead->details[tcp::EndingDetail::none] : 0, sum.time_waits});
        const std::uint64_t local = sum.closed(tcp::ClosedFirst::local) - died;
        const std::uint64_t all = closed_by_anybody(sum) - died;
        const double share = share_of(local, all);
        // Resets leave none, and have findings of their own.
        const std::uint64_t collecting = std::min(local, sum.time_waits - died_with_fin);
        if (collecting < count_threshold(evidence, "server_closes_first.connections") ||
            share < evidence.thresholds.value("server_closes_first.share"))
            continue;
        const auto limit =
            evidence.moment.host.sysctl_number(row.key.netns, "net.ipv4.tcp_max_tw_buckets");
        const bool has_room = limit && most_held_in(evidence, row.key.netns) * 2 < *limit;
        const bool is_over = row.time_wait.now() == 0 && has_room;
        FindingDraft draft{"server_closes_first",
                           is_over ? report::Severity::info : report::Severity::warning};
        draft.what = fmt::format("{} closed {} of {} connections first, and so {} the TIME_WAITs: "
                                 "{} now, {} at most.",
                                 place_of(row), local, all, is_over ? "had" : "collects",
                                 row.time_wait.now(), row.time_wait.peak());
        draft.subject = place_of(row);
        draft.scope.connections = local;
        draft.connections = row.closed_first.list();
        draft.evidence = {{"closed_first_local", "closed first here", local},
                          {"closed_first_remote", "closed first by clients",
                           sum.closed(tcp::ClosedFirst::remote)},
                          {"share", "share", share},
                          {"time_wait_now", "TIME_WAITs now", row.time_wait.now()},
                          {"time_wait_peak", "at most", row.time_wait.peak()},
                          {"time_wait_socket_seconds", "socket-seconds",
                           row.time_wait.held_seconds(evidence.moment.now)}};
        add_own_connects(evidence, row, all, draft);
        draft.advice.emplace_back(who_closes_advice(row));
        draft.advice.push_back(
            fmt::format("A server's TIME_WAIT takes a few hundred bytes for 60 s and no port that "
                        "others need: it does harm only "
                        "near {}.{} No sysctl changes who closes first.",
                        sysctl_text(evidence, row.key.netns, "net.ipv4.tcp_max_tw_buckets"),
                        has_room ? " There is room." : ""));
        drafts.push_back(std::move(draft));
    }
}

void find_time_wait_skipped(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const ServiceRow& row : evidence.services) {
        const EndCounts sum = row.total();
        std::uint64_t skipped = 0;
        for (const SkipCause cause : kOwnCauses) skipped += skipped_by(sum, cause);
        std::uint64_t active = sum.time_waits;
        for (const SkipCause cause : kAllOf<SkipCause>) active += sum.skipped_by(cause);
        if (skipped < count_threshold(evidence, "time_wait_skipped.connections") ||
            share_of(skipped, active) < evidence.thresholds.value("time_wait_skipped.share"))
            continue;
        const std::uint64_t lost = thrown_away(evidence, row);
        const bool is_harmless = sum.harmless >= skipped && lost == 0;
        FindingDraft draft{"time_wait_skipped",
                           is_harmless ? report::Severity::info : report::Severity::warning};
        draft.evidence = {{"skipped", "without TIME_WAIT", skipped},
                          {"active_closes", "active closes", active}};
        draft.connections = row.skipped.list();
        std::vector<SkipCause> causes;
        std::ranges::copy_if(kOwnCauses, std::back_inserter(causes),
                             [&](SkipCause cause) { return skipped_by(sum, cause) != 0; });
        std::ranges::stable_sort(causes, std::greater<>(),
                                 [&](SkipCause cause) { return skipped_by(sum, cause); });
        std::string list;
        for (const SkipCause cause : causes) {
            const std::uint64_t count = skipped_by(sum, cause);
            list += fmt::format("{}{} {}", list.empty() ? "" : ", ", name(cause), count);
            draft.evidence.push_back({cause, name(cause), count});
            if (!is_harmless) draft.advice.emplace_back(advice_for(cause));
        }
        if (is_harmless)
            draft.advice.push_back(
                "They were clients' with no data on its way: so health checks end, and idle "
                "connections of proxies' pools, where nothing is lost. A client that gave up "
                "waiting "
                "for an answer ends so, too (haproxy: timeout server): its log says which it was.");
        draft.subject = place_of(row);
        draft.scope.connections = skipped;
        draft.what =
            fmt::format("{}: {} of {} active closes left no TIME_WAIT by a socket option ({}){}.",
                        place_of(row), skipped, active, list,
                        lost == 0 ? ""
                                  : fmt::format(", and threw {} away that had not been sent yet",
                                                counted(lost, "byte")));
        if (lost > 0) {
            draft.evidence.push_back({"unsent", "bytes thrown away", lost});
            draft.advice.insert(draft.advice.begin(), std::string(kThrownAway));
        }
        drafts.push_back(std::move(draft));
    }
}

namespace {

/// How many connections went without a TIME_WAIT, by namespace: what was traced, or of a sample
/// what the kernel counted.
std::map<std::uint32_t, std::uint64_t> overflows_of(const RuleInput& evidence) {
    std::map<std::uint32_t, std::uint64_t> overflows;
    if (evidence.overview.is_sampled()) {
        constexpr std::string_view name = "TcpExt.TCPTimeWaitOverflow";
        const CounterGrowth& growth = evidence.counters.growth();
        for (const auto& [key, counter] : growth.counters())
            if (const std::uint64_t n = growth.growth(key.first, name); n > 0)
                overflows[key.first] = n;
        return overflows;
    }
    for (const ServiceRow& row : evidence.services)
        if (const std::uint64_t n = row.total().skipped_by(SkipCause::overflow); n > 0)
            overflows[row.key.netns] += n;
    return overflows;
}

/// "Network namespace 1 held 9 of 10 TIME_WAITs and went without one for 5 connections."
std::string table_text(std::uint32_t netns, const Gauge& held, std::optional<std::uint64_t> limit,
                       std::uint64_t lost) {
    return fmt::format(
        "Network namespace {} held {}{} TIME_WAITs{}.", netns, held.peak(),
        limit ? fmt::format(" of {}", *limit) : "",
        lost == 0 ? "" : fmt::format(" and went without one for {}", counted(lost, "connection")));
}

/// Whether it held so many; a few of a sample may be chance.
bool is_nearly_full(const RuleInput& evidence, const Gauge& held,
                    std::optional<std::uint64_t> limit) {
    if (!limit || !is_enough(evidence, held.peak())) return false;
    const double share =
        *limit != 0 ? static_cast<double>(held.peak()) / static_cast<double>(*limit) : 0;
    return share >= evidence.thresholds.value("time_wait_table_full.share");
}

} // namespace

void find_time_wait_table_full(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::map<std::uint32_t, std::uint64_t> overflows = overflows_of(evidence);
    std::map<std::uint32_t, Examples> examples;
    for (const ServiceRow& row : evidence.services)
        if (row.total().skipped_by(SkipCause::overflow) > 0)
            examples[row.key.netns].note(row.skipped);
    std::map<std::uint32_t, Gauge> tables = evidence.flows.time_waits();
    for (const auto& [netns, count] : overflows) tables.try_emplace(netns);
    for (const auto& [netns, gauge] : tables) {
        const auto limit = evidence.moment.host.sysctl_number(netns, "net.ipv4.tcp_max_tw_buckets");
        const auto overflow = overflows.find(netns);
        const std::uint64_t lost = overflow == overflows.end() ? 0 : overflow->second;
        if (lost == 0 && !is_nearly_full(evidence, gauge, limit)) continue;
        FindingDraft draft{"time_wait_table_full",
                           lost == 0 ? report::Severity::warning : report::Severity::critical};
        draft.connections = examples[netns].list();
        draft.subject = fmt::format("network namespace {}", netns);
        draft.what = table_text(netns, gauge, limit, lost);
        draft.evidence = {{"netns", "network namespace", std::uint64_t{netns}},
                          {"time_wait_now", "TIME_WAITs now", gauge.now()},
                          {"time_wait_peak", "at most", gauge.peak()},
                          {"limit", "tcp_max_tw_buckets",
                           limit ? FindingDraft::Cell(*limit) : FindingDraft::Cell()},
                          {"overflows", "closed without one", lost}};
        draft.advice.push_back(
            fmt::format("Past {} the kernel goes from FIN_WAIT2 straight to CLOSE: a late segment "
                        "can then hit a new connection of "
                        "the same ports. Raise it if there is memory (a few hundred bytes each); "
                        "lowering it cures nothing.",
                        sysctl_text(evidence, netns, "net.ipv4.tcp_max_tw_buckets")));
        draft.advice.push_back("The table \"Who closes first\" shows on top who fills it: that "
                               "program is where the cure lies.");
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
