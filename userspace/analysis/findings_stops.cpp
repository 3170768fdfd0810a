// SPDX-License-Identifier: Apache-2.0
// Servers that ended: what becomes of their connections.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

std::string signal_text(const CauseFacts& facts) {
    std::string text;
    for (const auto& [number, count] : facts.signals)
        text += fmt::format("{}{}", text.empty() ? "" : ", ",
                            number == 0 ? std::string("exited") : fmt::format("signal {}", number));
    return text;
}

std::string dead_text(const CauseFacts& facts) {
    if (facts.closers.empty()) return "a process";
    if (facts.closers.size() == 1) return process_text(facts.closers.begin()->second);
    return fmt::format("{}{} processes", facts.are_all_closers ? "" : "at least ",
                       facts.closers.size());
}

/// What ended them: a death, or a server that stops, perhaps without it: it may still finish
/// others.
std::string end_text(const CauseFacts& facts) {
    const std::string who = dead_text(facts);
    constexpr std::string_view closed = "closed them as the listening socket was closed";
    if (facts.signals.empty()) return fmt::format("{} {}", who, closed);
    return fmt::format("{} died ({}){}", who, signal_text(facts),
                       facts.stopped > 0 ? fmt::format(" or {}", closed) : "");
}

/// Signals by which people and supervisors end a process; and a client that is done exits.
bool is_on_purpose(std::uint32_t signal, tcp::Role role) {
    constexpr std::uint32_t kExit = 0, kHup = 1, kInt = 2, kPipe = 13, kTerm = 15;
    if (signal == kExit) return role == tcp::Role::client;
    return signal == kHup || signal == kInt || signal == kPipe || signal == kTerm;
}

constexpr std::string_view kLimitAdvice =
    "Something ends single processes while they work on a request, and the service goes on: a "
    "supervisor's time limit (php-fpm: request_terminate_timeout, gunicorn: timeout, uwsgi: "
    "harakiri) or somebody's kill. Its log may say so; look for what the requests wait for, or "
    "raise the limit.";

std::string_view death_advice(const CauseFacts& facts, bool is_meant) {
    constexpr std::uint32_t kExit = 0;
    const bool has_exited = facts.signals.size() == 1 && facts.signals.contains(kExit);
    if (is_meant)
        return "A process that is to end has to finish its connections first: stop accepting, "
               "answer what is under way, and then exit.";
    if (facts.signals.empty())
        return "The server stops, or is restarted (SIGTERM, SIGQUIT): its log says why. It has to "
               "stop accepting, answer what is under way and wait until its clients have closed, "
               "and only then close.";
    if (has_exited)
        return "It ended by itself, as by a restart (it handles SIGTERM) or an error: its log says "
               "why. A server that is to end has to stop accepting, answer what is under way and "
               "wait until its clients have closed, and only then exit.";
    return "Look for the reason: dmesg (out of memory, segfault), the journal, coredumpctl. Signal "
           "9 is the kernel's OOM killer, or somebody's kill -9.";
}

/// The connections of one party that a death ended.
struct Death {
    const PartyEnds* ends;
    const CauseFacts* facts;
    std::vector<const PartyEnds*> others; ///< of the same processes: what they were connected to
};

/// Whether all that ended these has ended those, too.
bool is_same_death(const CauseFacts& facts, const CauseFacts& of) {
    return !facts.closers.empty() && facts.are_all_closers &&
           std::ranges::all_of(facts.closers,
                               [&](const auto& each) { return of.closers.contains(each.first); });
}

/// A process that dies ends what it serves and what it is connected to: that is one death.
std::vector<Death> deaths_of(const RuleInput& evidence) {
    std::vector<Death> deaths;
    const auto collect = [&](tcp::Role role) {
        for (const auto& [key, ends] : evidence.causes.parties()) {
            const CauseFacts* facts = ends.facts(EndCause::process_died);
            if (!facts || key.role != role) continue;
            const std::uint32_t netns = key.netns; // clang can't capture a part of a binding
            const auto same = std::ranges::find_if(deaths, [&](const Death& each) {
                return role == tcp::Role::client && each.ends->party.netns == netns &&
                       is_same_death(*facts, *each.facts);
            });
            if (same != deaths.end())
                same->others.push_back(&ends);
            else if (facts->count >= count_threshold(evidence, "process_died.connections"))
                deaths.push_back({&ends, facts, {}});
        }
    };
    collect(tcp::Role::server);
    collect(tcp::Role::client);
    return deaths;
}

/// "; so did 8 connections of its own to 127.0.0.1:7211"
std::string others_text(const Death& death) {
    std::uint64_t count = 0;
    for (const PartyEnds* each : death.others) count += each->count(EndCause::process_died);
    if (count == 0) return {};
    const PartyEnds& first = *death.others.front();
    return fmt::format("; so did {} to {}{}", counted(count, "connection"),
                       first.party.endpoint.text(first.family),
                       death.others.size() > 1 ? " and others" : "");
}

/// Whether somebody has listened there all the time since before the first of them.
bool is_served_on(const RuleInput& evidence, const Death& death) {
    if (death.ends->party.role != tcp::Role::server) return false;
    const auto* times =
        evidence.listeners.find(death.ends->party.netns, death.ends->party.endpoint);
    return times && times->open > 0 && (!times->since || *times->since <= death.facts->first);
}

/// ", a request had waited for 2.1 s to 2.6 s on 6 of them, and others are served on": of processes
/// that died at work, where others are answered.
std::string cut_short_text(const Death& death) {
    const LogHistogram& waited = death.facts->unanswered;
    const std::string least = duration_text(waited.min());
    const std::string most = duration_text(waited.max());
    return fmt::format("; on {} a request had waited for its answer for {}, and the listening "
                       "socket is still there",
                       waited.count() == death.facts->count
                           ? std::string(waited.count() == 1 ? "it" : "each")
                           : fmt::format("{} of them", waited.count()),
                       least == most ? least : fmt::format("{} to {}", least, most));
}

void name_the_dead(const Death& death, FindingDraft& draft) {
    std::vector<event::Process> dead;
    for (const auto& [pid, process] : death.facts->closers) dead.push_back(process);
    // Another one serves that endpoint by now, perhaps.
    if (!dead.empty() && death.ends->several_pids && !draft.processes.empty())
        draft.processes.front().list = dead;
    if (!dead.empty()) draft.scope.ended = dead.front().comm();
    draft.processes.push_back({"died", "who died", dead});
}

FindingDraft death_draft(const RuleInput& evidence, const Death& death) {
    const PartyEnds& ends = *death.ends;
    const CauseFacts& facts = *death.facts;
    const tcp::Role role = ends.party.role;
    const bool meant =
        facts.stopped == 0 && std::ranges::all_of(facts.signals, [&](const auto& each) {
            return is_on_purpose(each.first, role);
        });
    const bool is_cut_short =
        facts.unanswered.count() > 0 && ends.has_answered && is_served_on(evidence, death);
    FindingDraft draft = party_draft(
        "process_died", meant && !is_cut_short ? report::Severity::info : report::Severity::warning,
        ends, facts);
    draft.what =
        fmt::format("{} of {} ended because {}{}{}{}.", counted(facts.count, "connection"),
                    party_text(ends), end_text(facts), within_text(facts),
                    is_cut_short ? cut_short_text(death) : std::string(), others_text(death));
    if (!facts.signals.empty())
        draft.evidence.push_back({"signals", "ended by", signal_text(facts)});
    if (facts.stopped > 0)
        draft.evidence.push_back({"stopped", "closed with the listener", facts.stopped});
    if (is_cut_short) {
        draft.evidence.push_back(
            {"unanswered", "while a request waited", facts.unanswered.count()});
        draft.evidence.push_back({"waited_ns", "at most for", facts.unanswered.max()});
        draft.advice.emplace_back(kLimitAdvice);
    }
    name_the_dead(death, draft);
    for (const PartyEnds* each : death.others)
        draft.scope.add(scope_of(*each, *each->facts(EndCause::process_died)));
    if (!meant || !is_cut_short) draft.advice.emplace_back(death_advice(facts, meant));
    return draft;
}

} // namespace

void find_process_died(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const Death& death : deaths_of(evidence)) drafts.push_back(death_draft(evidence, death));
}

} // namespace tcpdwell::analysis
