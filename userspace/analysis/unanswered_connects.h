// SPDX-License-Identifier: Apache-2.0
// Connects of one program that got no answer, and what else is known of their endpoints.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/findings.h"

namespace tcpdwell::analysis {

/// Unanswered connects of one program to one port, or to all.
struct UnansweredConnects {
    std::uint64_t failed = 0;
    std::uint64_t unreachable = 0; ///< of the failed ones
    std::uint64_t late = 0;        ///< of the failed ones: answered after they were given up
    std::uint64_t at_once = 0;     ///< of the failed ones: within moments
    std::uint64_t meanwhile = 0;   ///< of the failed ones, while others were answered there
    std::uint64_t waiting = 0;
    std::map<tcp::Endpoint, std::uint64_t> endpoints;
    std::map<tcp::Endpoint, std::uint64_t> tries; ///< all that have ended, or wait
    std::set<tcp::IpAddress> known;               ///< hosts to which the program has been connected
    std::set<tcp::IpAddress> maybe;               ///< or may have been: not all is remembered
    std::uint64_t open = 0;        ///< connects that weren't among them: they are open now
    std::uint64_t undisturbed = 0; ///< open connections to these endpoints that go on all the time
    bool are_hosts_heard = true;   ///< on other connections, since the first of these was opened
    bool was_answered_between = false;
    /// When the program was answered again, at the last of these endpoints; nullopt: it wasn't.
    std::optional<MonoTime> answered_since;
    bool are_answered_since = true; ///< all of them
    Causes::Answers answers;        ///< of the endpoints, whoever connected
    PartyEnds::Carried carried;     ///< by connections to these hosts that came to be
    bool are_scans = false;         ///< of several ports, each of which was looked for
    std::vector<track::ConnectionId> ids;
    std::vector<track::ConnectionId> likes;
    Scope scope;

    [[nodiscard]] std::uint64_t all() const { return failed + waiting; }
    [[nodiscard]] std::uint64_t all_tries() const {
        std::uint64_t sum = 0;
        for (const auto& [endpoint, count] : tries) sum += count;
        return std::max(sum, all());
    }
    /// None was answered between the first and the last, but later.
    [[nodiscard]] bool is_over() const {
        return waiting == 0 && are_answered_since && answered_since && !was_answered_between;
    }
    void add(const UnansweredConnects& other);
};

/// So many hosts with hardly a connect to each aren't one upstream that is down.
inline constexpr std::size_t kManyHosts = 10;
/// Of many hosts the program has been connected to most: they are no addresses that it tries out.
bool has_lost_known(const UnansweredConnects& connects);
bool is_scan(const UnansweredConnects& connects);
/// One program scans at several ports at the same time: takes these from the list, and returns them
/// as one; empty if there is but one.
UnansweredConnects merged_scans(std::vector<const UnansweredConnects*>& of_ports);

/// A program by its network namespace and name.
using ProgramKey = std::pair<std::uint32_t, std::string>;
/// By program and remote port.
using UnansweredPrograms = std::map<ProgramKey, std::map<tcp::Port, UnansweredConnects>>;

/// Where the second SYN of each connect is answered.
inline constexpr std::string_view kFirstSynAdvice =
    "Something drops the first SYN of each connect, and lets the second one pass: a firewall, NAT "
    "or load balancer on the way that doesn't accept it as it is (with net.ipv4.tcp_ecn at 1 only "
    "the first one asks for ECN), or that forwards no packet of a flow before it has learned of "
    "it. Programs that wait for less than 1 s always fail there; the others lose 1 s each time.";

UnansweredPrograms unanswered_by_program(const RuleInput& evidence);

std::map<tcp::IpAddress, std::uint64_t> by_host(const UnansweredConnects& connects);

/// What connections of the program that came to be have carried to all other hosts.
PartyEnds::Carried carried_elsewhere(const RuleInput& evidence, const ProgramKey& key,
                                     const UnansweredConnects& connects);

} // namespace tcpdwell::analysis
