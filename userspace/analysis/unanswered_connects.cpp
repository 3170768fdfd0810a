// SPDX-License-Identifier: Apache-2.0
#include "analysis/unanswered_connects.h"

#include <algorithm>

namespace tcpdwell::analysis {
namespace {

void add_carried(PartyEnds::Carried& sum, const PartyEnds& ends) {
    for (const PartyEnds::Carried& each : {ends.ended_carried, ends.open_carried}) {
        sum.sent += each.sent;
        sum.retransmitted += each.retransmitted;
    }
}

/// What is known of the endpoints besides.
void note_hosts(const RuleInput& evidence, const ProgramKey& key, UnansweredConnects& connects) {
    const MonoTime began = connects.scope.began.value_or(MonoTime{});
    const MonoTime last = connects.scope.last.value_or(began);
    for (const auto& [endpoint, count] : connects.endpoints) {
        if (evidence.causes.has_connected(key.first, key.second, endpoint))
            connects.known.insert(endpoint.address);
        if (evidence.causes.may_have_connected(key.first, key.second, endpoint))
            connects.maybe.insert(endpoint.address);
        connects.undisturbed += evidence.causes.undisturbed(key.first, endpoint, began, began);
        const auto on_older =
            evidence.heard.last_heard_on_older(key.first, endpoint.address, began);
        connects.are_hosts_heard =
            connects.are_hosts_heard &&
            ((on_older && *on_older > began) ||
             evidence.heard.were_heard_between(key.first, endpoint.address, began, last));
        const Causes::Answers answers = evidence.causes.answers_of(key.first, endpoint);
        connects.answers.count += answers.count;
        connects.answers.late += answers.late;
    }
}

bool is_of_program(const Party& party, const ProgramKey& key) {
    return party.role == tcp::Role::client && party.netns == key.first &&
           comm_of(party.comm) == key.second;
}

/// At whichever port of the hosts.
void note_carried(const RuleInput& evidence, UnansweredPrograms& programs) {
    std::map<std::pair<ProgramKey, tcp::IpAddress>, std::vector<UnansweredConnects*>> index;
    for (auto& [key, ports] : programs)
        for (auto& [port, connects] : ports)
            for (const auto& [host, count] : by_host(connects))
                index[{key, host}].push_back(&connects);
    for (const auto& [party, ends] : evidence.causes.parties()) {
        if (party.role != tcp::Role::client) continue;
        const auto found = index.find({{party.netns, comm_of(party.comm)}, party.endpoint.address});
        if (found == index.end()) continue;
        for (UnansweredConnects* connects : found->second) add_carried(connects->carried, ends);
    }
}

} // namespace

void UnansweredConnects::add(const UnansweredConnects& other) {
    failed += other.failed;
    unreachable += other.unreachable;
    late += other.late;
    at_once += other.at_once;
    meanwhile += other.meanwhile;
    known.insert(other.known.begin(), other.known.end());
    maybe.insert(other.maybe.begin(), other.maybe.end());
    open += other.open;
    undisturbed += other.undisturbed;
    are_hosts_heard = are_hosts_heard && other.are_hosts_heard;
    was_answered_between = was_answered_between || other.was_answered_between;
    answered_since = std::max(answered_since, other.answered_since);
    are_answered_since = are_answered_since && other.are_answered_since;
    answers.count += other.answers.count;
    answers.late += other.answers.late;
    carried.sent += other.carried.sent;
    carried.retransmitted += other.carried.retransmitted;
    waiting += other.waiting;
    endpoints.insert(other.endpoints.begin(), other.endpoints.end());
    tries.insert(other.tries.begin(), other.tries.end());
    if (ids.empty()) {
        ids = other.ids;
        likes = other.likes;
    }
    scope.add(other.scope);
}

std::map<tcp::IpAddress, std::uint64_t> by_host(const UnansweredConnects& connects) {
    std::map<tcp::IpAddress, std::uint64_t> hosts;
    for (const auto& [endpoint, count] : connects.endpoints) hosts[endpoint.address] += count;
    return hosts;
}

bool has_lost_known(const UnansweredConnects& connects) {
    const std::size_t hosts = by_host(connects).size();
    return hosts >= kManyHosts && connects.known.size() * 2 >= hosts;
}

bool is_scan(const UnansweredConnects& connects) {
    if (connects.are_scans) return true;
    const std::size_t hosts = by_host(connects).size();
    return hosts >= kManyHosts && connects.all() <= 2 * hosts && connects.maybe.size() * 2 < hosts;
}

namespace {

bool overlap(const Scope& one, const Scope& other) {
    return one.began && one.last && other.began && other.last && *one.began <= *other.last &&
           *other.began <= *one.last;
}

/// The same hosts, but for a few of which one port was answered.
bool are_at_same_hosts(const UnansweredConnects& one, const UnansweredConnects& other) {
    const auto hosts = by_host(one);
    const auto others = by_host(other);
    const auto common = static_cast<std::size_t>(std::ranges::count_if(
        hosts, [&](const auto& each) { return others.contains(each.first); }));
    return common * 10 >= std::max(hosts.size(), others.size()) * 9;
}

} // namespace

UnansweredConnects merged_scans(std::vector<const UnansweredConnects*>& of_ports) {
    const auto first =
        std::ranges::find_if(of_ports, [](const auto* each) { return is_scan(*each); });
    if (first == of_ports.end()) return {};
    const UnansweredConnects& model = **first;
    const auto is_alike = [&](const UnansweredConnects* each) {
        return is_scan(*each) && overlap(each->scope, model.scope) &&
               are_at_same_hosts(*each, model);
    };
    UnansweredConnects all;
    if (std::ranges::count_if(of_ports, is_alike) < 2) return all;
    for (const UnansweredConnects* each : of_ports)
        if (is_alike(each)) all.add(*each);
    std::erase_if(of_ports, is_alike);
    all.are_scans = true;
    return all;
}

UnansweredPrograms unanswered_by_program(const RuleInput& evidence) {
    UnansweredPrograms programs;
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::unanswered);
        if (!facts) continue;
        UnansweredConnects& connects = programs[{key.netns, comm_of(key.comm)}][key.endpoint.port];
        connects.failed += facts->count;
        connects.unreachable += facts->details[tcp::EndingDetail::unreachable];
        connects.late += std::min(facts->answered_late, facts->count);
        connects.at_once += std::min(facts->at_once, facts->count);
        connects.meanwhile += std::min(facts->answered_meanwhile, facts->count);
        connects.open += ends.open;
        connects.was_answered_between =
            connects.was_answered_between || facts->was_answered_between;
        connects.answered_since = std::max(connects.answered_since, facts->answered_since);
        connects.are_answered_since = connects.are_answered_since && facts->answered_since;
        connects.endpoints[key.endpoint] += facts->count;
        connects.tries[key.endpoint] += ends.connections();
        if (connects.ids.empty()) {
            connects.ids = facts->ids.list();
            connects.likes = facts->likes.list();
        }
        Scope scope = scope_of(ends, *facts);
        scope.began = facts->opened;
        connects.scope.add(scope);
    }
    for (const HeldSockets* holding : evidence.live.in(tcp::State::SYN_SENT)) {
        auto& program =
            programs[{holding->netns, holding->comm.empty() ? comm_of({}) : holding->comm}];
        for (const auto& [endpoint, count] : holding->tried) {
            UnansweredConnects& connects = program[endpoint.port];
            connects.waiting += count;
            connects.endpoints[endpoint] += count;
            connects.tries[endpoint] += count;
            Scope scope = scope_of(*holding);
            scope.connections = count;
            scope.remotes = {endpoint};
            connects.scope.add(scope);
            if (connects.ids.size() < holding->ids.size()) connects.ids = holding->ids;
        }
    }
    for (auto& [key, ports] : programs)
        for (auto& [port, connects] : ports) note_hosts(evidence, key, connects);
    note_carried(evidence, programs);
    return programs;
}

PartyEnds::Carried carried_elsewhere(const RuleInput& evidence, const ProgramKey& key,
                                     const UnansweredConnects& connects) {
    const auto hosts = by_host(connects);
    PartyEnds::Carried sum;
    for (const auto& [party, ends] : evidence.causes.parties())
        if (is_of_program(party, key) && !hosts.contains(party.endpoint.address))
            add_carried(sum, ends);
    return sum;
}

} // namespace tcpdwell::analysis
