// SPDX-License-Identifier: Apache-2.0
#include "analysis/peers_gone.h"

#include <algorithm>

namespace tcpdwell::analysis {
namespace {

/// Whatever was on its way has arrived by then.
constexpr Nanoseconds kArrived = std::chrono::seconds(1);

void add_likes(Gone& gone, const Likes& likes) {
    if (gone.likes.size() < Lives::kMostInFinding)
        gone.likes.insert(gone.likes.end(), likes.list().begin(), likes.list().end());
}

} // namespace

void Gone::add(const Silences& silences, const RuleInput& evidence) {
    for (const Silence& each : silences.list()) {
        const tcp::IpAddress& host = each.tuple.remote.address;
        const bool is_first = heard.of++ == 0;
        least_idle = is_first ? each.idle : std::min(least_idle, each.idle);
        most_idle = std::max(most_idle, each.idle);
        if (each.is_over) {
            longest_wait = std::max(longest_wait, each.end - each.heard);
            most_probes = std::max(most_probes, each.keepalive_probes);
        }
        last_heard = std::max(last_heard.value_or(each.heard), each.heard);
        if (each.from > each.heard)
            first_unanswered = std::min(first_unanswered.value_or(each.from), each.from);
        const auto there = evidence.live.other_end_heard(each);
        if (there && *there > each.heard + kArrived) {
            ++heard.open_there;
            continue;
        }
        if (each.handshake_repeats > 0) {
            ++heard.never_acked;
            most_repeats = std::max(most_repeats, each.handshake_repeats);
            continue;
        }
        const auto older = evidence.heard.last_heard_on_older(each.netns, host, each.heard);
        if (evidence.heard.were_heard_between(each.netns, host, each.from, each.until)) {
            ++heard.elsewhere;
            if (older && *older > each.from) ++heard.on_older;
            continue;
        }
        const auto last = evidence.heard.last_heard(each.netns, host);
        if (last && *last > (each.is_over ? each.end : each.until)) ++heard.since;
        if (each.is_over && older && *older > each.end) ++heard.survived;
    }
}

void Gone::add(const HeldSockets& holding, const RuleInput& evidence) {
    if (!now) now = &holding; // they are in that order
    waiting += holding.old;
    if (is_closing(holding.state)) closing += holding.old;
    for (const auto& [peer, count] : holding.tried) waiting_for[peer] += count;
    unacked += holding.unacked;
    had_large += holding.had_large;
    unsent += holding.unsent;
    most_timeouts = std::max(most_timeouts, holding.most_timeouts);
    most_keepalive = std::max(most_keepalive, holding.most_keepalive);
    ids.insert(ids.end(), holding.ids.begin(), holding.ids.end());
    add_likes(*this, holding.likes);
    scope.add(scope_of(holding));
    add(holding.silences, evidence);
}

void Gone::add(const PartyEnds& party, const CauseFacts& facts, const RuleInput& evidence) {
    if (!ends || ends->count(EndCause::peer_gone) < facts.count) ends = &party;
    ended += facts.count;
    orphaned += facts.orphaned;
    most_ended_timeouts = std::max(most_ended_timeouts, facts.most_timeouts);
    lost += facts.unsent;
    parties.emplace_back(facts.count, &party);
    Scope its = scope_of(party, facts);
    its.is_began_seen = false; // they waited before they ended
    for (const Silence& each : facts.silences.list())
        its.began = std::min(its.began.value_or(each.heard), each.heard);
    scope.add(its);
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
        details[detail] += facts.details[detail];
    for (const track::ConnectionId id : facts.ids.list()) ids.push_back(id);
    add_likes(*this, facts.likes);
    add(facts.silences, evidence);
}

GoneByProgram waiting_by_program(const RuleInput& evidence,
                                 const std::vector<const HeldSockets*>& waiting) {
    GoneByProgram programs;
    for (const HeldSockets* holding : waiting)
        programs[{holding->netns, holding->comm}].add(*holding, evidence);
    return programs;
}

GoneByProgram gone_by_program(const RuleInput& evidence) {
    GoneByProgram programs = waiting_by_program(evidence, evidence.live.unanswering());
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::peer_gone);
        if (!facts) continue;
        const std::string comm = ends.process ? std::string(ends.process->comm())
                                              : std::string(event::comm_text(ends.party.comm));
        programs[{key.netns, comm}].add(ends, *facts, evidence);
    }
    return programs;
}

} // namespace tcpdwell::analysis
