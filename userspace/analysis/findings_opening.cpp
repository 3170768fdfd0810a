// SPDX-License-Identifier: Apache-2.0
// What goes wrong before a connection is established: no port, no answer, no end of the handshake.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

std::string reuse_advice(const RuleInput& evidence, const PortRow& row) {
    const auto value = evidence.moment.host.sysctl_number(row.netns, "net.ipv4.tcp_tw_reuse");
    const auto timestamps =
        evidence.moment.host.sysctl_number(row.netns, "net.ipv4.tcp_timestamps");
    const auto delay = evidence.moment.host.sysctl_number(row.netns, "net.ipv4.tcp_tw_reuse_delay");
    const std::string after =
        delay ? fmt::format("{} ms (net.ipv4.tcp_tw_reuse_delay)", *delay) : "1 s";
    const std::string current = sysctl_text(evidence, row.netns, "net.ipv4.tcp_tw_reuse");
    if (row.is_bound())
        return fmt::format("{} doesn't help: bind() passes over the ports of TIME_WAITs, whatever "
                           "it says.",
                           current);
    const std::string effect = fmt::format("lets connect() take over a port whose TIME_WAIT has "
                                           "lasted for {}, if both ends use timestamps",
                                           after);
    const tcp::IpAddress& host = row.remote.address;
    const bool loopback = host.is_v4() ? host.text(tcp::Family::ipv4).starts_with("127.")
                                       : host.text(tcp::Family::ipv6) == "::1";
    std::string text;
    if (value == 1 || (value == 2 && loopback))
        text = fmt::format("{} already {}{}", current, effect,
                           timestamps == 0 ? "."
                                           : ": TIME_WAIT alone does not exhaust the ports here.");
    else if (value == 2)
        text =
            fmt::format("{} means loopback only; 1 {}, for outgoing connections.", current, effect);
    else
        text = fmt::format("{}: 1 {}, for outgoing connections only.", current, effect);
    if (timestamps == 0) text += " It needs net.ipv4.tcp_timestamps=1 (0 here).";
    return text;
}

/// What is held towards the remote endpoint of a row.
struct PortUse {
    std::uint64_t limit;
    std::uint64_t now;
    std::uint64_t peak;
    std::uint64_t bound; ///< of which held by bind(), towards all; at most
};

PortUse use_of(const Flows& flows, const PortRow& row, std::uint64_t limit) {
    if (row.is_bound()) return {limit, row.held.now(), row.held.peak(), row.held.peak()};
    const PortRow* bound = flows.bound_ports(row.netns, row.local);
    if (!bound) return {limit, row.held.now(), row.peak(limit), 0};
    return {limit, row.held.now() + bound->held.now(),
            std::min(limit, row.held.peak() + bound->held.peak()), bound->held.peak()};
}

FindingDraft ports_draft(const RuleInput& evidence, const PortRow& row, const PortUse& use,
                         std::uint64_t no_port) {
    const double seconds =
        std::chrono::duration<double>(evidence.moment.now - evidence.moment.begin).count();
    const auto per_second = [&](double count) { return seconds > 0 ? count / seconds : 0; };
    const double rate = per_second(static_cast<double>(row.opened));
    const double growth =
        per_second(static_cast<double>(row.held.now()) - static_cast<double>(row.held_at_begin));
    FindingDraft::Cell left;
    if (growth > 0 && use.now <= use.limit)
        left = static_cast<double>(use.limit - use.now) / growth;
    const bool is_critical = no_port != 0 || use.peak * 20 >= use.limit * 19;

    FindingDraft draft{"ephemeral_ports_low",
                       is_critical ? report::Severity::critical : report::Severity::warning};
    draft.connections = row.holders.list();
    const std::string local = row.local.text(row.family);
    const std::string remote =
        row.is_bound() ? std::string("all endpoints") : row.remote.text(row.family);
    draft.subject = fmt::format("{} to {}", local, remote);
    draft.scope.connections = use.peak;
    draft.what = fmt::format(
        "{} of {} local ports from {} to {} were held{}{}.", use.peak, use.limit, local, remote,
        row.is_bound() || use.bound == 0
            ? std::string(row.is_bound() ? ", by bind() before connect()" : "")
            : fmt::format(", {} of them by bind(), towards all", use.bound),
        no_port == 0 ? "" : fmt::format("; {} found no free port", counted(no_port, "connect")));
    draft.evidence = {{"local", "local address", local},
                      {"remote", "remote endpoint", remote},
                      {"held", "held now", use.now},
                      {"peak", "at most", use.peak},
                      {"bound", "of which by bind()", use.bound},
                      {"limit", "ports", use.limit},
                      {"opened_per_second", "opened per second", rate},
                      {"growth_per_second", "growing per second", growth},
                      {"seconds_left", "seconds left at this pace", left},
                      {"no_port", "connects without a port", no_port}};
    draft.advice.push_back("Reuse connections (a pool, HTTP keep-alive): that is the cure. A port "
                           "is held as long as any "
                           "trace of its connection is, TIME_WAIT included.");
    draft.advice.push_back(reuse_advice(evidence, row));
    draft.advice.push_back(
        fmt::format("More ports: widen {}, clear of the ports that services listen on; or use more "
                    "local addresses, or more remote "
                    "addresses or ports: the limit is for each pair.",
                    sysctl_text(evidence, row.netns, "net.ipv4.ip_local_port_range")));
    draft.advice.push_back(
        "A program that binds a local address before connect() should set IP_BIND_ADDRESS_NO_PORT, "
        "or its ports are not shared between remote endpoints.");
    return draft;
}

/// Connects that found no port, by where they were to; each is reported once.
class PortlessConnects {
public:
    explicit PortlessConnects(const Flows& flows) {
        for (const RemoteRow& row : flows.remotes())
            if (const std::uint64_t n = row.total().with(tcp::EndingDetail::no_port); n > 0)
                left_.push_back({&row, n});
    }
    /// Which local address they wanted isn't known.
    std::uint64_t take(const PortRow& ports) {
        std::uint64_t taken = 0;
        std::erase_if(left_, [&](const Connects& each) {
            if (each.to->netns != ports.netns) return false;
            if (!ports.is_bound() && each.to->remote != ports.remote) return false;
            taken += each.count;
            return true;
        });
        return taken;
    }
    [[nodiscard]] std::uint64_t left() const {
        std::uint64_t sum = 0;
        for (const Connects& each : left_) sum += each.count;
        return sum;
    }
    [[nodiscard]] const RemoteRow* example() const {
        const auto most = std::ranges::max_element(left_, {}, &Connects::count);
        return most == left_.end() ? nullptr : most->to;
    }

private:
    struct Connects {
        const RemoteRow* to;
        std::uint64_t count;
    };
    std::vector<Connects> left_;
};

/// What bind() holds first: where it is near the range, what connects hold beside it is no other
/// problem.
void find_full_ports(const RuleInput& evidence, PortlessConnects& portless, bool bound,
                     FindingDrafts& drafts) {
    const double share = evidence.thresholds.value("ephemeral_ports_low.share");
    for (const PortRow& row : evidence.flows.ports()) {
        const auto range = evidence.moment.host.port_range(row.netns);
        if (row.is_bound() != bound || !range) continue;
        const std::uint64_t limit = range->second - range->first + 1;
        const double low = share * static_cast<double>(limit);
        const PortUse use = use_of(evidence.flows, row, limit);
        if (static_cast<double>(use.peak) < low) continue;
        if (!bound && static_cast<double>(use.bound) >= low) continue;
        drafts.push_back(ports_draft(evidence, row, use, portless.take(row)));
    }
}

} // namespace

void find_ephemeral_ports_low(const RuleInput& evidence, FindingDrafts& drafts) {
    if (evidence.overview.is_sampled()) return; // which ports are in use isn't known
    PortlessConnects portless(evidence.flows);
    find_full_ports(evidence, portless, true, drafts);
    find_full_ports(evidence, portless, false, drafts);
    const RemoteRow* example = portless.example();
    if (!example) return;
    // Ports bound explicitly, reserved, or taken by other pairs' listeners.
    FindingDraft draft{"ephemeral_ports_low", report::Severity::critical};
    draft.subject = fmt::format("connects to {}", example->remote.text(example->family));
    draft.what =
        fmt::format("{} found no free local port, for instance to {}.",
                    counted(portless.left(), "connect"), example->remote.text(example->family));
    draft.evidence = {{"no_port", "connects without a port", portless.left()},
                      {"remote", "remote endpoint", example->remote.text(example->family)}};
    draft.advice.push_back(fmt::format(
        "Compare {} and net.ipv4.ip_local_reserved_ports with the ports in use: sockets "
        "that are bound to a port of their own count for every remote endpoint.",
        sysctl_text(evidence, example->netns, "net.ipv4.ip_local_port_range")));
    drafts.push_back(std::move(draft));
}

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
    std::uint64_t dropped = 0;  ///< SYNs for which there was no room, without cookies
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
            return each.failed + each.waiting + each.by_cookie;
        };
        if (!known || weight(sum) > weight(*known)) known = &sum;
    }
    const CounterGrowth& growth = evidence.counters.growth();
    for (const auto& [netns, sum] : worst) {
        sum->cookies_sent = growth.growth(netns, "TcpExt.SyncookiesSent");
        sum->dropped = growth.growth(netns, "TcpExt.TCPReqQFullDrop");
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

std::string handshakes_text(const RuleInput& evidence, const Handshakes& sum) {
    return fmt::format(
        "{}: {}{} {} in SYN_RECV now{}{}{}{}.", place_of(*sum.listener),
        sum.failed == 0 ? ""
                        : fmt::format("{} of {} were never completed, ", sum.failed,
                                      counted(sum.all, "handshake")),
        sum.failed == 0 ? fmt::format("{} of {}", sum.waiting, counted(sum.all, "handshake"))
                        : std::to_string(sum.waiting),
        sum.waiting == 1 ? "waits" : "wait",
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
        sum.by_cookie == 0 ? "" : fmt::format(", {} came in by SYN cookies", sum.by_cookie));
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
    return {"SYNs that nobody completes are a SYN flood, a scan, or a path that loses SYN-ACKs: "
            "look at the remote addresses with trace --connections.",
            fmt::format("The queue of handshakes is as long as the backlog given to listen(), at "
                        "most {}. {} keeps the service reachable when it is full; {} counts only "
                        "without SYN cookies.",
                        sysctl_text(evidence, netns, "net.core.somaxconn"),
                        sysctl_text(evidence, netns, "net.ipv4.tcp_syncookies"),
                        sysctl_text(evidence, netns, "net.ipv4.tcp_max_syn_backlog"))};
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
        if (!fails && sum.hung - sum.deferred < many && !is_flooded) continue;
        FindingDraft draft{"handshakes_failing", report::Severity::warning};
        draft.subject = place_of(row);
        draft.scope.netns = row.key.netns;
        draft.scope.services = {row.key.local};
        draft.scope.connections = sum.failed + sum.waiting;
        draft.connections = row.failed.list();
        draft.what = handshakes_text(evidence, sum);
        draft.evidence = {{"failed", "never completed", sum.failed},
                          {"handshakes", "handshakes", sum.all},
                          {"share", "share", share},
                          {"syn_recv", "in SYN_RECV now", sum.waiting},
                          {"addresses", "remote addresses",
                           sum.are_all_hosts ? FindingDraft::Cell(std::uint64_t{sum.hosts.size()})
                                             : FindingDraft::Cell()},
                          {"cookies_sent", "SYN cookies sent", sum.cookies_sent},
                          {"syn_cookies", "by SYN cookies", sum.by_cookie},
                          {"syns_dropped", "SYNs dropped at a full queue", sum.dropped}};
        if (sum.reset > 0)
            draft.evidence.push_back({"reset_by_client", "reset by clients", sum.reset});
        draft.advice = handshakes_advice(evidence, sum);
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
