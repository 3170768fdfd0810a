// SPDX-License-Identifier: Apache-2.0
// What goes wrong before a connection is established: a connect that meets itself, no end of the
// handshake.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
void find_self_connected(const RuleInput& evidence, FindingDrafts& drafts) {
    const auto many = count_threshold(evidence, "self_connected.connections");
    for (const auto& [key, found] : evidence.causes.self_connected()) {
        if (found.count < many) continue;
        FindingDraft draft{"self_connected", report::Severity::warning};
        draft.subject = process_text(found.process);
        draft.connections = found.ids.list();
        const std::string endpoint = found.tuple.local.text(found.tuple.family);
        draft.what = fmt::format(
            "{} of {} {} connected to {} ({}): nobody listened there, and {} that very port{}.",
            counted(found.count, "socket"), draft.subject, found.count == 1 ? "has" : "have",
            found.count == 1 ? "itself" : "themselves", endpoint,
            found.is_bound ? "the program had bound" : "connect() chose",
            found.is_bound ? "" : " as its local one");
        draft.evidence = {{"sockets", "sockets", found.count},
                          {"endpoint", "endpoint", endpoint},
                          {"netns", "network namespace", std::uint64_t{key.first}}};
        draft.advice.push_back(
            found.is_bound
                ? std::string("A program that connects to a port of its own host has to bind() "
                              "another one, or "
                              "none.")
                : fmt::format(
                      "The port lies in {}, so a service on it can be connected to before it "
                      "listens, and "
                      "then can't bind it: move the service out of the range, or add the port to "
                      "net.ipv4.ip_local_reserved_ports.",
                      sysctl_text(evidence, key.first, "net.ipv4.ip_local_port_range")));
        drafts.push_back(std::move(draft));
    }
}

namespace {

/// Handshakes of one listening endpoint, over all processes that listen there or accept: a
/// handshake that fails is never accepted by any process.
struct Handshakes {
    const ServiceRow* listener; ///< the row with the most failed ones
    std::uint64_t all = 0;
    std::uint64_t failed = 0;
    std::uint64_t reset = 0; ///< of the failed ones: by the client, late
    std::uint64_t waiting = 0;
    std::uint64_t hung = 0;      ///< of those that wait, for longer than a round trip takes
    std::uint64_t by_cookie = 0; ///< completed
    // By the kernel's counters of the namespace, where the most trouble is:
    std::uint64_t cookies_sent = 0;
    std::uint64_t dropped = 0;     ///< SYNs for which there was no room, without cookies
    std::uint64_t unexplained = 0; ///< dropped by listeners, and not for a full queue
    std::uint64_t drops = 0;       ///< by listeners in all
    std::uint64_t deferred = 0; ///< of the hung ones: the client is through, and has sent nothing
    std::set<tcp::IpAddress> hosts;
    bool are_all_hosts = true;
};

/// Without those that are health checks.
void add_failed(const RuleInput& evidence, Handshakes& sum) {
    const Party server{sum.listener->key.netns, tcp::Role::server, sum.listener->key.local, {}};
    for (const EndCause cause : {EndCause::never_completed, EndCause::half_open_check}) {
        const CauseFacts* facts = evidence.causes.facts(server, cause);
        if (!facts || (cause == EndCause::half_open_check && is_check(evidence, *facts))) continue;
        sum.failed += facts->count;
        if (cause == EndCause::never_completed)
            sum.reset += facts->details[tcp::EndingDetail::reset_received];
        sum.hosts.insert(facts->hosts.begin(), facts->hosts.end());
        sum.are_all_hosts = sum.are_all_hosts && facts->are_all_hosts;
    }
}

std::vector<Handshakes> handshakes_by_endpoint(const RuleInput& evidence) {
    std::map<std::pair<std::uint32_t, tcp::Endpoint>, std::size_t> index;
    std::vector<Handshakes> list;
    for (const ServiceRow& row : evidence.services) {
        if (row.key.role != tcp::Role::server) continue;
        const auto [it, is_new] = index.try_emplace({row.key.netns, row.key.local}, list.size());
        if (is_new) list.push_back(Handshakes{&row});
        Handshakes& sum = list[it->second];
        const EndCounts tally = row.total();
        if (tally.ended(tcp::Ending::handshake_failed) >
            sum.listener->total().ended(tcp::Ending::handshake_failed))
            sum.listener = &row;
        sum.all += tally.connections;
        sum.waiting += row.in_syn_recv;
        sum.hung += row.hung;
        sum.by_cookie += tally.cookies;
    }
    for (Handshakes& sum : list) add_failed(evidence, sum);
    // The kernel counts by namespace: they are put where the most trouble is.
    std::map<std::uint32_t, Handshakes*> worst;
    for (Handshakes& sum : list) {
        Handshakes*& known = worst[sum.listener->key.netns];
        const auto weight = [](const Handshakes& each) {
            return std::pair(each.failed + each.waiting + each.by_cookie, each.all);
        };
        if (!known || weight(sum) > weight(*known)) known = &sum;
    }
    const CounterGrowth& growth = evidence.counters.growth();
    for (const auto& [netns, sum] : worst) {
        sum->cookies_sent = growth.growth(netns, "TcpExt.SyncookiesSent");
        sum->dropped = growth.growth(netns, "TcpExt.TCPReqQFullDrop");
        sum->drops = growth.growth(netns, "TcpExt.ListenDrops");
        const std::uint64_t explained = sum->dropped +
                                        growth.growth(netns, "TcpExt.TCPReqQFullDoCookies") +
                                        growth.growth(netns, "TcpExt.ListenOverflows");
        sum->unexplained = sum->drops - std::min(sum->drops, explained);
        // TCP_DEFER_ACCEPT: the last ACK of the handshake is dropped until data come
        // (tcp_check_req(), net/ipv4/tcp_minisocks.c).
        sum->deferred = std::min(sum->hung, growth.growth(netns, "TcpExt.TCPDeferAcceptDrop"));
    }
    return list;
}

/// Also without a full queue (tcp_conn_request()).
bool gets_each_syn_a_cookie(const RuleInput& evidence, const Handshakes& sum) {
    return evidence.moment.host.sysctl_number(sum.listener->key.netns, "net.ipv4.tcp_syncookies") ==
           2;
}

/// Without SYN cookies the kernel drops a SYN, and counts no more than that (ListenDrops), when
/// handshakes of its listener are under way for three quarters of tcp_max_syn_backlog
/// (tcp_conn_request(), net/ipv4/tcp_input.c). Drops for other reasons, of which there are few (no
/// memory, no route back, a security module, an ICMP error), would be counted likewise.
bool drops_by_backlog(const RuleInput& evidence, const Handshakes& sum) {
    const std::uint32_t netns = sum.listener->key.netns;
    const HostFacts& host = evidence.moment.host;
    const auto backlog = host.sysctl_number(netns, "net.ipv4.tcp_max_syn_backlog");
    const std::uint64_t many = kernel_threshold(evidence, "handshakes_failing.connections");
    return host.sysctl_number(netns, "net.ipv4.tcp_syncookies") == 0 && backlog &&
           sum.unexplained >= many && sum.unexplained * 2 > sum.drops &&
           sum.all * 4 >= *backlog * 3;
}

std::string backlog_text(const RuleInput& evidence, const Handshakes& sum) {
    if (!drops_by_backlog(evidence, sum)) return {};
    const std::uint32_t netns = sum.listener->key.netns;
    return fmt::format(
        "; listeners of this network namespace dropped {} SYNs that found no full queue: with {} "
        "the kernel drops them once three quarters of {} handshakes are under way",
        sum.unexplained, sysctl_text(evidence, netns, "net.ipv4.tcp_syncookies"),
        sysctl_text(evidence, netns, "net.ipv4.tcp_max_syn_backlog"));
}

/// What became of the handshakes that are known.
std::string outcome_text(const Handshakes& sum) {
    const std::string all = counted(sum.all, "handshake");
    const std::string_view waits = sum.waiting == 1 ? "waits" : "wait";
    if (sum.failed > 0)
        return fmt::format("{} of {} were never completed, {} {} in SYN_RECV now", sum.failed, all,
                           sum.waiting, waits);
    if (sum.waiting > 0) return fmt::format("{} of {} {} in SYN_RECV now", sum.waiting, all, waits);
    return fmt::format("{} {} completed", all, sum.all == 1 ? "was" : "were");
}

std::string handshakes_text(const RuleInput& evidence, const Handshakes& sum) {
    return fmt::format(
        "{}: {}{}{}{}{}{}.", place_of(*sum.listener), outcome_text(sum),
        sum.hosts.empty()
            ? ""
            : fmt::format(", from {}{} address{}", sum.are_all_hosts ? "" : "at least ",
                          sum.hosts.size(), sum.hosts.size() == 1 ? "" : "es"),
        sum.cookies_sent == 0
            ? ""
            : fmt::format("; the kernel sent {} SYN cookies{}", sum.cookies_sent,
                          gets_each_syn_a_cookie(evidence, sum)
                              ? ""
                              : ", for SYNs that found the queue full and left no other trace"),
        sum.dropped == 0
            ? ""
            : fmt::format("; the kernel dropped {} SYNs, because the queue was full", sum.dropped),
        sum.by_cookie == 0 ? "" : fmt::format(", {} came in by SYN cookies", sum.by_cookie),
        backlog_text(evidence, sum));
}

/// The queue of handshakes, by what the kernel does then.
bool is_queue_full(const RuleInput& evidence, const Handshakes& sum) {
    const std::uint64_t many = count_threshold(evidence, "handshakes_failing.connections");
    const std::uint64_t many_in_all = kernel_threshold(evidence, "handshakes_failing.connections");
    if (sum.dropped >= many_in_all) return true;
    return !gets_each_syn_a_cookie(evidence, sum) &&
           (sum.by_cookie >= many || sum.cookies_sent >= many_in_all);
}

std::vector<std::string> handshakes_advice(const RuleInput& evidence, const Handshakes& sum) {
    if (sum.reset * 2 > sum.failed + sum.waiting)
        return {"The clients answered the SYN-ACK with an RST: when it came, they had given up, or "
                "had never sent the SYN. Hold their time-outs for connecting against the "
                "round-trip time."};
    const std::uint32_t netns = sum.listener->key.netns;
    const bool is_short = drops_by_backlog(evidence, sum);
    std::vector<std::string> advice;
    if (is_short)
        advice.push_back(fmt::format(
            "{}: 1 answers SYNs that find no room with cookies, instead of dropping them. Without "
            "cookies {} has to be larger than the handshakes that are under way at a time, as has "
            "the backlog.",
            sysctl_text(evidence, netns, "net.ipv4.tcp_syncookies"),
            sysctl_text(evidence, netns, "net.ipv4.tcp_max_syn_backlog")));
    // A flood without cookies leaves handshakes that wait, or fail.
    advice.emplace_back(is_short && sum.failed + sum.waiting == 0
                            ? "No handshake fails, so it is no flood: more clients come than round "
                              "trips end, and each one dropped tries again after 1 s."
                            : "SYNs that nobody completes are a SYN flood, a scan, or a path that "
                              "loses the SYN-ACKs or the last ACKs (asymmetric routing through a "
                              "firewall): look at the remote addresses with trace --connections.");
    advice.push_back(fmt::format(
        "The queue of handshakes is as long as the backlog given to listen(), at most {}. {} keeps "
        "the service reachable when it is full; {} counts only without SYN cookies.",
        sysctl_text(evidence, netns, "net.core.somaxconn"),
        sysctl_text(evidence, netns, "net.ipv4.tcp_syncookies"),
        sysctl_text(evidence, netns, "net.ipv4.tcp_max_syn_backlog")));
    return advice;
}

} // namespace

void find_handshakes_failing(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "handshakes_failing.connections");
    for (const Handshakes& sum : handshakes_by_endpoint(evidence)) {
        const ServiceRow& row = *sum.listener;
        const double share = share_of(sum.failed, sum.all);
        const bool fails =
            sum.failed >= many && share >= evidence.thresholds.value("handshakes_failing.share");
        // So it is also where the accept queue is full, which has a finding of its own.
        const bool is_flooded =
            is_queue_full(evidence, sum) && full_queues(evidence, row.key.netns).empty();
        const bool is_short = drops_by_backlog(evidence, sum);
        if (!fails && sum.hung - sum.deferred < many && !is_flooded && !is_short) continue;
        FindingDraft draft{"handshakes_failing", report::Severity::warning};
        draft.subject = place_of(row);
        draft.scope.netns = row.key.netns;
        draft.scope.services = {row.key.local};
        draft.scope.connections = sum.failed + sum.waiting;
        draft.connections = row.failed.list();
        draft.what = handshakes_text(evidence, sum);
        draft.evidence = {
            {"failed", "never completed", sum.failed},
            {"handshakes", "handshakes", sum.all},
            {"share", "share", share},
            {"syn_recv", "in SYN_RECV now", sum.waiting},
            {"addresses", "remote addresses",
             sum.are_all_hosts && sum.hosts.empty() == (sum.failed == 0 && sum.waiting == 0)
                 ? FindingDraft::Cell(std::uint64_t{sum.hosts.size()})
                 : FindingDraft::Cell()},
            {"cookies_sent", "SYN cookies sent", sum.cookies_sent},
            {"syn_cookies", "by SYN cookies", sum.by_cookie},
            {"syns_dropped", "SYNs dropped at a full queue", sum.dropped}};
        if (is_short) draft.evidence.push_back({"drops", "drops by listeners in all", sum.drops});
        if (sum.reset > 0)
            draft.evidence.push_back({"reset_by_client", "reset by clients", sum.reset});
        draft.advice = handshakes_advice(evidence, sum);
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
