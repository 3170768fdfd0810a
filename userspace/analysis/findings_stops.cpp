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

/// What ended them: a death, or a server that stopped without it.
std::string end_text(const CauseFacts& facts) {
    const std::string who = dead_text(facts);
    constexpr std::string_view stopped = "stopped, and closed the listening socket with them";
    if (facts.signals.empty()) return fmt::format("{} {}", who, stopped);
    return fmt::format("{} died ({}){}", who, signal_text(facts),
                       facts.stopped > 0 ? fmt::format(" or {}", stopped) : "");
}

/// Signals by which people and supervisors end a process; and a client that is done exits.
bool is_on_purpose(std::uint32_t signal, tcp::Role role) {
    constexpr std::uint32_t kExit = 0, kHup = 1, kInt = 2, kPipe = 13, kTerm = 15;
    if (signal == kExit) return role == tcp::Role::client;
    return signal == kHup || signal == kInt || signal == kPipe || signal == kTerm;
}

std::string_view death_advice(const CauseFacts& facts, bool is_meant) {
    const bool has_exited =
        facts.signals.empty() || (facts.signals.size() == 1 && facts.signals.contains(0));
    if (is_meant)
        return "A process that is to end has to finish its connections first: stop accepting, "
               "answer what is under way, and then exit.";
    if (has_exited)
        return "It ended by itself, as by a restart (it handles SIGTERM) or an error: its log says "
               "why. A server that is to end has to stop accepting, answer what is under way and "
               "wait until its clients have closed, and only then exit.";
    return "Look for the reason: dmesg (out of memory, segfault), the journal, coredumpctl. Signal "
           "9 is the kernel's OOM killer, or somebody's kill -9.";
}

} // namespace

void find_process_died(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::process_died);
        if (!facts || facts->count < count_threshold(evidence, "process_died.connections"))
            continue;
        const tcp::Role role = key.role; // clang can't capture a part of a binding
        const bool meant =
            facts->stopped == 0 && std::ranges::all_of(facts->signals, [&](const auto& each) {
                return is_on_purpose(each.first, role);
            });
        FindingDraft draft =
            party_draft("process_died", meant ? report::Severity::info : report::Severity::warning,
                        ends, *facts);
        draft.what =
            fmt::format("{} of {} ended because {}{}.", counted(facts->count, "connection"),
                        party_text(ends), end_text(*facts), within_text(*facts));
        if (!facts->signals.empty())
            draft.evidence.push_back({"signals", "ended by", signal_text(*facts)});
        if (facts->stopped > 0)
            draft.evidence.push_back({"stopped", "closed with the listener", facts->stopped});
        std::vector<event::Process> dead;
        for (const auto& [pid, process] : facts->closers) dead.push_back(process);
        // Another one serves that endpoint by now, perhaps.
        if (!dead.empty() && ends.several_pids && !draft.processes.empty())
            draft.processes.front().list = dead;
        if (!dead.empty()) draft.scope.ended = dead.front().comm();
        draft.processes.push_back({"died", "who died", dead});
        draft.advice.emplace_back(death_advice(*facts, meant));
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
