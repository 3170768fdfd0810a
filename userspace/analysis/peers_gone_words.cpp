// SPDX-License-Identifier: Apache-2.0
#include "analysis/peers_gone_words.h"

#include <fmt/format.h>

namespace tcpdwell::analysis {
namespace {

/// How many peers, as far as they are distinguished.
bool is_one_peer(const Gone& gone) { return gone.waiting_for.size() + gone.parties.size() == 1; }

/// What the peers of served connections have may be an address of many (NAT).
bool are_served(const Gone& gone) { return gone.scope.remotes.empty(); }

/// Others at the same hosts are answered: which, and why these aren't.
std::string why_only_these_text(const Gone& gone) {
    if (gone.is_idle())
        return "on other connections, so it hasn't gone: most likely a firewall or NAT on the way "
               "has forgotten these idle connections";
    if (gone.is_of_what_was_before())
        return fmt::format(
            "on connections that were opened later, and on none that was there before: {}a "
            "firewall or NAT on the way has lost its state, or {}",
            are_served(gone) ? "" : "most likely ",
            are_served(gone) ? "drops what these send, or several hosts share an address"
                             : "the server was restarted or replaced and its RSTs don't arrive");
    if (gone.heard.on_older == 0)
        return fmt::format("on other connections, so what these send is lost on the way{}, or "
                           "several hosts share an address",
                           gone.sends_much() ? " (perhaps by its size)" : "");
    return fmt::format("on other connections, so what these send is lost on the way (by its "
                       "{}ports, on one of several paths), or several hosts share an address",
                       gone.sends_much() ? "size, or its " : "");
}

std::string_view or_forgotten_text(const Gone& gone) {
    return gone.is_idle() ? ", or a firewall or NAT on the way has forgotten the idle connections"
                          : "";
}

/// Of a host that is heard.
std::string why_unanswered_text(const Gone& gone) {
    const bool is_one = is_one_peer(gone);
    if (gone.is_received_there())
        return "their other ends are open on this host, and receive what is sent: what those send "
               "is lost on the way";
    if (gone.is_never_acked())
        return fmt::format("only up to {} came after the SYN-ACK, without data or acknowledgement: "
                           "most likely the SYN-ACK again, as the peer gets neither the last ACK "
                           "of the handshake nor what follows: what these send is lost on the way, "
                           "but for the SYN",
                           counted(gone.most_repeats, "segment"));
    if (gone.is_heard_elsewhere())
        return fmt::format("{} {}",
                           gone.waiting == 0 ? (is_one ? "that host answered meanwhile"
                                                       : "these hosts answered meanwhile")
                           : is_one          ? "that host answers"
                                             : "these hosts answer",
                           why_only_these_text(gone));
    if (gone.is_short_keepalive())
        return fmt::format(
            "{} answered since, also on connections that were there before: a short outage, in "
            "which keepalive gave up {} after a segment had come last, with {} unanswered",
            is_one ? "that host has" : "these hosts have", duration_text(gone.longest_wait),
            counted(gone.most_probes, "probe"));
    if (gone.waiting == 0)
        return fmt::format("{} answered since, so {} or the way there {} out of reach then{}",
                           is_one ? "that host has" : "these hosts have", is_one ? "it" : "they",
                           is_one ? "was" : "were", or_forgotten_text(gone));
    return fmt::format("{} on other connections now, so either what these send is lost on the way, "
                       "or an outage has just ended, and what they send next will be answered",
                       is_one ? "that host answers" : "these hosts answer");
}

} // namespace

std::string why_text(const Gone& gone) {
    if (gone.is_kept_here()) return "what is to be sent is dropped here, or the path is cut";
    if (gone.is_heard_since()) return why_unanswered_text(gone);
    const bool is_one = is_one_peer(gone);
    return fmt::format("{}{}{}",
                       is_one ? "the peer has gone, or the path to it is cut"
                              : "the peers have gone, or the paths to them are cut",
                       !gone.sends_much() ? ""
                       : is_one           ? " or takes no large segments"
                                          : " or take no large segments",
                       or_forgotten_text(gone));
}

namespace {

constexpr std::string_view kSizeAdvice =
    "If small segments get through, the path takes no large ones and no ICMP error comes back: "
    "ping -M do -s 1472 (IPv4), the MTU of the interfaces and tunnels, and "
    "net.ipv4.tcp_mtu_probing.";

constexpr std::string_view kIdleAdvice =
    "Firewalls, NATs and load balancers forget connections that are idle for long, and drop what "
    "comes then. Send something sooner (TCP_KEEPIDLE below that time, or keepalive of the "
    "protocol), or let the pool close connections before.";

constexpr std::string_view kShortAdvice =
    "Keepalive that gives up so soon ends connections in each short outage: let more probes go "
    "unanswered (TCP_KEEPCNT), or further apart (TCP_KEEPINTVL).";

constexpr std::string_view kStateAdvice =
    "Look for what was restarted or taken over when the silence began: a firewall, NAT or load "
    "balancer on the way (has it kept its connection table?), the server, or its address. Where "
    "RSTs are let through, clients notice at once.";

constexpr std::string_view kDropsAdvice =
    "Look at the firewalls and NATs on the way: what they drop (their logs and counters), which "
    "limits they have for a connection, and whether one was restarted when the silence began.";

constexpr std::string_view kOneWayAdvice =
    "One direction is cut: look for what drops it here (nft list ruleset, tc -s qdisc), on the way "
    "(routes that differ by direction, a firewall that has seen one direction only), and at the "
    "peer.";

/// What ended them, or will.
void advise_on_waiting(const RuleInput& evidence, const Gone& gone, std::uint32_t netns,
                       FindingDraft& draft) {
    const std::string retries = sysctl_text(evidence, netns, "net.ipv4.tcp_retries2");
    const bool has_set_timeout = gone.details[tcp::EndingDetail::user_timeout] > 0;
    if (gone.is_of_orphans())
        draft.advice.push_back(fmt::format(
            "When the process has closed a connection, the kernel gives up after {} "
            "retransmissions (0 stands for 8; fewer where an ICMP error came), not after "
            "net.ipv4.tcp_retries2: a higher value "
            "lets what is still to be sent survive a longer outage. A program that has to know "
            "that all has arrived waits for the peer's answer, or FIN, before close().",
            sysctl_text(evidence, netns, "net.ipv4.tcp_orphan_retries")));
    else if (gone.details[tcp::EndingDetail::retransmission] > 0)
        draft.advice.push_back(fmt::format(
            "The kernel ends a connection after {} retransmissions without an answer: 15, the "
            "default, take some 15 minutes, and a few end connections in a short outage.",
            retries));
    else if (has_set_timeout)
        draft.advice.push_back("The program itself has set the time-out that ended them "
                               "(TCP_USER_TIMEOUT): what it takes depends on how long an outage "
                               "may last.");
    else if (!gone.is_by_keepalive())
        draft.advice.push_back(fmt::format(
            "A connection with unacknowledged data hangs until {} retransmissions have gone out, "
            "some 15 minutes with 15; a program that must know sooner sets TCP_USER_TIMEOUT.",
            retries));
    const bool are_all_closed = gone.is_of_orphans() && gone.orphaned == gone.ended &&
                                gone.closing == gone.waiting; // no keepalive is sent for these
    if (gone.details[tcp::EndingDetail::keepalive] > 0 || gone.most_keepalive > 0 || are_all_closed)
        return;
    draft.advice.push_back(fmt::format(
        "One that only listens never notices without keepalive: SO_KEEPALIVE, and {} s of "
        "silence until the first probe unless the program sets TCP_KEEPIDLE, then {} probes {} "
        "s apart.",
        sysctl_text(evidence, netns, "net.ipv4.tcp_keepalive_time"),
        sysctl_text(evidence, netns, "net.ipv4.tcp_keepalive_probes"),
        sysctl_text(evidence, netns, "net.ipv4.tcp_keepalive_intvl")));
}

} // namespace

void advise_on_gone(const RuleInput& evidence, const Gone& gone, std::uint32_t netns,
                    FindingDraft& draft) {
    if (gone.is_kept_here())
        draft.advice.push_back("The data was not even sent once: look for what drops it on "
                               "this host (nft list ruleset, iptables-save, tc -s qdisc).");
    if (gone.is_received_there() || gone.is_never_acked()) draft.advice.emplace_back(kOneWayAdvice);
    if (gone.is_short_keepalive()) {
        draft.advice.emplace_back(kShortAdvice);
        return;
    }
    if (gone.is_idle() && gone.is_heard_elsewhere()) draft.advice.emplace_back(kIdleAdvice);
    if (gone.is_of_what_was_before() && !gone.is_idle())
        draft.advice.emplace_back(are_served(gone) ? kDropsAdvice : kStateAdvice);
    if (gone.sends_much() && !gone.is_idle()) draft.advice.emplace_back(kSizeAdvice);
    advise_on_waiting(evidence, gone, netns, draft);
    if (gone.is_idle() && !gone.is_heard_elsewhere()) draft.advice.emplace_back(kIdleAdvice);
    if (!gone.is_heard_since() && !gone.is_idle())
        draft.advice.push_back("Peers crash, lose their network, or sit behind a NAT or firewall "
                               "that forgot the idle connection: if many do after the same idle "
                               "time, keep it below that.");
}

void advise_on_one_way(const Gone& gone, FindingDraft& draft) {
    draft.advice.emplace_back(kOneWayAdvice);
    if (gone.had_large < gone.waiting) draft.advice.emplace_back(kSizeAdvice);
}

} // namespace tcpdwell::analysis
