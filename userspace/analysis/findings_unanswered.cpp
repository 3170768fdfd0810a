// SPDX-License-Identifier: Apache-2.0
// Connects that get no answer: a service that is out of reach, or a program that tries too many.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/unanswered_connects.h"

namespace tcpdwell::analysis {
namespace {

/// From so many ports on the program is what they have in common.
constexpr std::size_t kManyPorts = 8;

/// Several at one endpoint, or one each at many.
bool is_unanswered(const RuleInput& evidence, const UnansweredConnects& connects) {
    const auto many = count_threshold(evidence, "connects_unanswered.connections");
    const double share = evidence.thresholds.value("connects_unanswered.share");
    if (connects.all() >= 2 * kManyHosts && by_host(connects).size() >= kManyHosts) return true;
    return std::ranges::any_of(connects.endpoints, [&](const auto& each) {
        const double tries = static_cast<double>(connects.tries.at(each.first));
        return each.second >= many && static_cast<double>(each.second) >= share * tries;
    });
}

/// How many connects of the program to each of these hosts have ended, at whichever port, or wait.
std::map<tcp::IpAddress, std::uint64_t> tries_by_host(const RuleInput& evidence,
                                                      const ProgramKey& key,
                                                      const UnansweredConnects& connects) {
    std::map<tcp::IpAddress, std::uint64_t> tries;
    for (const auto& [endpoint, count] : connects.endpoints) tries[endpoint.address];
    for (const auto& [party, ends] : evidence.causes.parties()) {
        const auto host = tries.find(party.endpoint.address);
        if (party.role == tcp::Role::client && host != tries.end() && party.netns == key.first &&
            comm_of(party.comm) == key.second)
            host->second += ends.connections();
    }
    for (const HeldSockets* holding : evidence.live.in(tcp::State::SYN_SENT))
        for (const auto& [endpoint, count] : holding->tried)
            if (const auto host = tries.find(endpoint.address);
                host != tries.end() && holding->netns == key.first && holding->comm == key.second)
                host->second += count;
    return tries;
}

/// Several at one host, each at another port: as FTP's servers connect to their clients.
bool is_host_unanswered(const RuleInput& evidence, const ProgramKey& key,
                        const UnansweredConnects& connects) {
    const auto many = count_threshold(evidence, "connects_unanswered.connections");
    const double share = evidence.thresholds.value("connects_unanswered.share");
    const auto tries = tries_by_host(evidence, key, connects);
    const auto hosts = by_host(connects);
    return std::ranges::any_of(hosts, [&](const auto& each) {
        return each.second >= many && static_cast<double>(each.second) >=
                                          share * static_cast<double>(tries.at(each.first));
    });
}

std::string endpoint_text(const tcp::Endpoint& endpoint) {
    return endpoint.text(endpoint.address.is_v4() ? tcp::Family::ipv4 : tcp::Family::ipv6);
}

/// "2 ports"
std::string ports_text(const UnansweredConnects& connects) {
    std::set<tcp::Port> ports;
    for (const auto& [endpoint, count] : connects.endpoints) ports.insert(endpoint.port);
    return counted(ports.size(), "port");
}

/// "10.0.0.5:5432", "port 5432 of 2 hosts".
std::string target_text(const UnansweredConnects& connects, std::size_t hosts) {
    if (connects.endpoints.size() == 1) return endpoint_text(connects.endpoints.begin()->first);
    if (connects.endpoints.size() == hosts)
        return fmt::format("port {} of {}", connects.endpoints.begin()->first.port,
                           counted(hosts, "host"));
    const tcp::IpAddress& host = connects.endpoints.begin()->first.address;
    return fmt::format("{} of {}", ports_text(connects),
                       hosts == 1 ? host.text(host.is_v4() ? tcp::Family::ipv4 : tcp::Family::ipv6)
                                  : counted(hosts, "host"));
}

template <typename Key>
const Key& most_often(const std::map<Key, std::uint64_t>& counts) {
    return std::ranges::max_element(counts, {}, [](const auto& each) { return each.second; })
        ->first;
}

/// Most of them were answered, but too late.
bool is_late(const UnansweredConnects& connects) { return connects.late * 2 > connects.all(); }

/// Most of them: an ICMP error came, or no neighbour had the address.
bool is_unreachable(const UnansweredConnects& connects) {
    return connects.unreachable * 2 > connects.all();
}

/// Most of them failed by an error, some sooner than a program gives up.
bool is_rejected(const UnansweredConnects& connects) {
    return connects.at_once > 0 && (connects.at_once + connects.unreachable) * 2 > connects.all();
}

/// Most of them while others at the same endpoint were answered.
bool is_partial(const UnansweredConnects& connects) {
    return connects.meanwhile * 2 > connects.all();
}

/// All connects at the endpoint are answered, but none by the first SYN.
bool needs_second_syn(const UnansweredConnects& connects) {
    constexpr std::uint64_t kEnough = 3;
    return connects.answers.count >= kEnough && connects.answers.late == connects.answers.count;
}

/// Some of what connections to these hosts send gets lost, however it isn't by chance. Where
/// nothing was answered meanwhile, what was sent again is of the same time: then nothing gets
/// through.
bool is_lossy(const UnansweredConnects& connects) {
    constexpr std::uint64_t kEnough = 5;
    constexpr double kShare = 0.05;
    return connects.meanwhile > 0 && connects.carried.retransmitted >= kEnough &&
           share_of(connects.carried.retransmitted, connects.carried.sent) >= kShare;
}

/// "12 of 60 connects"
std::string connects_text(const UnansweredConnects& connects) {
    const std::uint64_t all = connects.all_tries() + connects.open;
    const std::string tries = counted(all, "connect");
    return all == connects.all() ? tries : fmt::format("{} of {}", connects.all(), tries);
}

std::string rejected_text(const UnansweredConnects& connects) {
    const bool are_all = connects.at_once == connects.all();
    return fmt::format(
        "failed{} at once (within 10 ms){}: by an ICMP error, or a firewall that rejects (perhaps "
        "on this host), unless the program closed {} itself",
        are_all ? "" : fmt::format(", {} of them", connects.at_once),
        connects.unreachable == 0 ? "" : fmt::format(", {} as unreachable", connects.unreachable),
        connects.at_once == 1 ? "it" : "them");
}

/// How others fare there.
std::string context_text(const UnansweredConnects& connects) {
    if (needs_second_syn(connects))
        return fmt::format(", while {} there were answered, but only when the SYN was sent again, "
                           "after 1 s",
                           counted(connects.answers.count, "other"));
    if (is_partial(connects)) return ", while others there were answered";
    if (connects.is_over()) {
        const MonoTime since = *connects.answered_since;
        const Nanoseconds after = since - connects.scope.last.value_or(since);
        return fmt::format(", until they were answered again{}",
                           after < std::chrono::milliseconds(1)
                               ? ""
                               : fmt::format(" {} after the last of them", duration_text(after)));
    }
    if (connects.undisturbed > 0)
        return fmt::format(", though {} there, opened before, {} on",
                           counted(connects.undisturbed, "connection"),
                           connects.undisturbed == 1 ? "goes" : "go");
    if (connects.are_hosts_heard && by_host(connects).size() == 1)
        return ", though that host answers on other connections";
    return {};
}

/// What became of them, where most weren't answered by anything.
std::string no_answer_text(const UnansweredConnects& connects) {
    const std::uint64_t errors = connects.unreachable + connects.at_once;
    std::string text = "got no answer";
    if (errors > 0) {
        text = fmt::format("failed: {} got no answer", connects.all() - errors);
        if (connects.unreachable > 0)
            text += fmt::format(", {} as unreachable (an ICMP error came, there is no route, or no "
                                "neighbour has the address)",
                                connects.unreachable);
        if (connects.at_once > 0)
            text += fmt::format(", {} at once (within 10 ms: an ICMP error, or a firewall that "
                                "rejects)",
                                connects.at_once);
    }
    return text + context_text(connects);
}

std::string how_text(const UnansweredConnects& connects) {
    if (is_rejected(connects)) return rejected_text(connects);
    if (is_unreachable(connects))
        return "failed, because it can't be reached: an ICMP error came, there is no route, or no "
               "neighbour has the address";
    return no_answer_text(connects);
}

std::string unanswered_text(const ProgramKey& key, const UnansweredConnects& connects,
                            const std::string& subject) {
    const auto hosts = by_host(connects);
    const std::uint64_t all = connects.all();
    if (is_scan(connects))
        return fmt::format("{} of {} to {}{} hosts got no answer: a scan, or wrong addresses.",
                           counted(all, "connect"), key.second,
                           connects.are_scans ? ports_text(connects) + " of " : "", hosts.size());
    if (has_lost_known(connects))
        return fmt::format("{} of {} to {} got no answer, though it has been connected to {} of "
                           "these hosts.",
                           counted(all, "connect"), key.second, target_text(connects, hosts.size()),
                           connects.known.size());
    if (is_late(connects))
        return fmt::format(
            "{} of {} {} given up before the answer came: to {} of them it came after that.",
            counted(all, "connect"), subject, all == 1 ? "was" : "were", connects.late);
    const tcp::IpAddress& host = most_often(hosts);
    const bool is_to = is_rejected(connects) || is_unreachable(connects);
    return fmt::format(
        "{} of {} {}{}.", connects_text(connects), subject, how_text(connects),
        hosts.size() == 1
            ? ""
            : fmt::format(", {} of them {} {}", hosts.at(host), is_to ? "to" : "from",
                          host.text(host.is_v4() ? tcp::Family::ipv4 : tcp::Family::ipv6)));
}

/// Whether the listener at `remote` was seen here with as many handshakes that didn't come to their
/// end as connects to it failed or wait: fewer may be those of other clients. Each namespace has
/// loopback addresses of its own.
bool has_got_syns(const RuleInput& evidence, std::uint32_t netns, const tcp::Endpoint& remote,
                  std::uint64_t connects) {
    const auto is_elsewhere = [&](std::uint32_t server) {
        return server != netns && remote.address.is_loopback();
    };
    std::uint64_t incomplete = 0;
    for (const auto& [key, ends] : evidence.causes.parties()) {
        if (key.role != tcp::Role::server || key.endpoint.port != remote.port) continue;
        if (is_elsewhere(key.netns)) continue;
        if (key.endpoint != remote && !ends.addresses.contains(remote.address)) continue;
        incomplete += ends.count(EndCause::never_completed) + ends.count(EndCause::half_open_check);
    }
    for (const ServiceRow& row : evidence.services)
        if (row.key.role == tcp::Role::server && row.key.local == remote &&
            !is_elsewhere(row.key.netns))
            incomplete += row.in_syn_recv;
    return incomplete >= connects;
}

std::string unanswered_advice(const RuleInput& evidence, const ProgramKey& key,
                              const UnansweredConnects& connects) {
    if (is_scan(connects))
        return fmt::format("Many hosts and hardly a repetition: if {} is not meant to look for "
                           "hosts, find out who started it.",
                           key.second);
    if (has_lost_known(connects))
        return "Hosts that were in use don't answer: look for what they have in common on the way "
               "(a link, a switch, a route, a firewall rule). The network may be partitioned, or "
               "this host cut off.";
    if (is_late(connects))
        return "The server answers, and the ways there and back work: hold the program's time-out "
               "for connecting against the round-trip time (ping) and against the 1 s after which "
               "a lost SYN or SYN-ACK is sent again.";
    if (is_rejected(connects))
        return "Look for a rule that rejects: on this host first (nft list ruleset, iptables-save; "
               "a Kubernetes Service without endpoints is rejected so), then at the server and on "
               "the way. 'tcpdump icmp' shows who sends the errors, strace what connect() returns.";
    if (is_unreachable(connects))
        return "Check that the host is up and has that address (ip neigh: FAILED), its route (ip "
               "route get), and firewalls that reject with an ICMP error (tcpdump icmp shows who "
               "sends it).";
    const tcp::Endpoint& worst = most_often(connects.endpoints);
    if (has_got_syns(evidence, key.first, worst, connects.endpoints.at(worst)))
        return "The SYNs arrived: the server is traced here as well, and has answered them. Its "
               "SYN-ACKs came after the program had given up, or were lost: check the way back "
               "(routes, firewalls, address translation) and the program's time-out.";
    if (needs_second_syn(connects)) return std::string(kFirstSynAdvice);
    if (is_lossy(connects))
        return "The way there loses segments, SYNs among them: look for errors and drops on it "
               "(ip -s link, ethtool -S, mtr), and for what the other hosts' ways have not in "
               "common with it.";
    if (is_partial(connects))
        return "Others there were answered meanwhile: one of several paths (ECMP, a bond), or one "
               "of several servers behind that address (a load balancer, a Service) is bad, or the "
               "server is overloaded and drops SYNs (nstat -az TcpExtListenDrops on it).";
    if (connects.is_over())
        return "They are answered again, so it is over: the host or the way there was out of reach "
               "(a reboot, a link, a firewall or route that was reloaded). The logs of both say "
               "what happened then.";
    if (connects.undisturbed > 0)
        return "The server is up, and connections that are open there go on, so look for what has "
               "no room for new ones: a NAT without free ports for that endpoint, a full table of "
               "connections (dmesg: nf_conntrack: table full) here or at a gateway, a limit for "
               "each client or on SYNs, or a full queue of the listener (nstat -az "
               "TcpExtListenDrops at the server).";
    if (connects.are_hosts_heard && by_host(connects).size() == 1)
        return "The host is up, and the way there works: a firewall drops what goes to that port, "
               "or new connections have no room (a NAT without free ports, a full table of "
               "connections at a gateway, a full queue of the listener), unless it was out of "
               "reach for a while only.";
    return "The SYNs, or the answers to them, are dropped on the way or at a host: check that the "
           "server is up, the routes both ways, and firewalls (which should reject, so that "
           "connect() fails at once).";
}

/// In the sentence, too.
void note_loss(const RuleInput& evidence, const ProgramKey& key, const UnansweredConnects& connects,
               FindingDraft& draft) {
    if (is_scan(connects) || has_lost_known(connects)) return;
    if (!is_lossy(connects) || is_late(connects) || is_rejected(connects) ||
        is_unreachable(connects))
        return;
    const PartyEnds::Carried others = carried_elsewhere(evidence, key, connects);
    draft.what.pop_back();
    draft.what += fmt::format(
        ": the way there loses segments, for {} of {} on connections that came to be had to be "
        "sent again",
        connects.carried.retransmitted, counted(connects.carried.sent, "segment"));
    if (others.sent > 0)
        draft.what += fmt::format(" ({} of {} to other hosts)", others.retransmitted, others.sent);
    draft.what += '.';
    draft.evidence.push_back(
        {"retransmitted", "segments sent again", connects.carried.retransmitted});
    draft.evidence.push_back({"segments_sent", "segments sent", connects.carried.sent});
}

FindingDraft unanswered_draft(const RuleInput& evidence, const ProgramKey& key,
                              const UnansweredConnects& connects) {
    const auto hosts = by_host(connects);
    const tcp::IpAddress& host = most_often(hosts);
    const std::string host_text = host.text(host.is_v4() ? tcp::Family::ipv4 : tcp::Family::ipv6);
    FindingDraft draft{"connects_unanswered", report::Severity::warning};
    draft.connections = connects.ids;
    draft.likes = connects.likes;
    draft.subject = fmt::format("{} to {}", key.second, target_text(connects, hosts.size()));
    draft.scope = connects.scope;
    draft.what = unanswered_text(key, connects, draft.subject);
    draft.evidence = {
        {"connects", "connects", connects.all()},
        {"waiting", "in SYN_SENT now", connects.waiting},
        {"failed", "given up", connects.failed},
        {"unreachable", "of which unreachable", connects.unreachable},
        {"hosts", "hosts", std::uint64_t{hosts.size()}},
        {"host", "most often", host_text},
        {"remote", "remote endpoint", endpoint_text(most_often(connects.endpoints))},
        {"program", "program", key.second},
        {"tries", "connects there in all", connects.all_tries() + connects.open},
        {"at_once", "of which failed at once", connects.at_once},
        {"answered_meanwhile", "while others there were answered", connects.meanwhile}};
    if (connects.undisturbed > 0)
        draft.evidence.push_back(
            {"undisturbed", "open connections there that go on", connects.undisturbed});
    if (needs_second_syn(connects))
        draft.evidence.push_back(
            {"second_syn", "answered at the second SYN", connects.answers.late});
    note_loss(evidence, key, connects, draft);
    if (connects.late > 0)
        draft.evidence.push_back({"answered_late", "answered after that", connects.late});
    if (!connects.known.empty())
        draft.evidence.push_back({"known_hosts", "hosts to which it has been connected",
                                  std::uint64_t{connects.known.size()}});
    advise_on_hidden_addresses(evidence, draft);
    draft.advice.push_back(unanswered_advice(evidence, key, connects));
    const std::string retries = sysctl_text(evidence, key.first, "net.ipv4.tcp_syn_retries");
    if (is_rejected(connects))
        draft.advice.push_back(fmt::format(
            "If the program closed them itself, it left no time for an answer: connect() waits as "
            "long as {} says, over two minutes with 6.",
            retries));
    else if (!is_unreachable(connects) && !is_late(connects)) // these don't wait so long
        draft.advice.push_back(fmt::format("A connect() waits as long as {} says, over two minutes "
                                           "with 6; the program should have a time-out of its own.",
                                           retries));
    return draft;
}

} // namespace

void find_connects_unanswered(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ports] : unanswered_by_program(evidence)) {
        std::vector<const UnansweredConnects*> found;
        UnansweredConnects all;
        for (const auto& [port, connects] : ports) {
            all.add(connects);
            if (is_unanswered(evidence, connects)) found.push_back(&connects);
        }
        const UnansweredConnects scan = merged_scans(found);
        if (scan.are_scans) found.push_back(&scan);
        const bool of_all = is_unanswered(evidence, all) || is_host_unanswered(evidence, key, all);
        if (found.size() >= kManyPorts || (found.empty() && of_all)) found = {&all};
        for (const UnansweredConnects* connects : found)
            drafts.push_back(unanswered_draft(evidence, key, *connects));
    }
}

} // namespace tcpdwell::analysis
