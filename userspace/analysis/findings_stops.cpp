// SPDX-License-Identifier: Apache-2.0
// Servers that ended, or aren't there: what becomes of their connections, and of connects to them.
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

namespace {

/// A server that is started again takes as long.
constexpr Nanoseconds kRestart = std::chrono::seconds(1);

/// Whether the process began to listen there later, and was the first that was seen to.
bool came_too_early(const ListenerTimes::Times& times, const CauseFacts& refused) {
    return times.open > 0 && times.began && *times.began > refused.last && !times.ended;
}

/// Whether all were refused within the short time in which a server was started again.
bool came_during_restart(const ListenerTimes::Times& times, const CauseFacts& refused) {
    return times.open > 0 && times.began && times.ended && *times.ended <= refused.first &&
           *times.began >= refused.last && *times.began - *times.ended <= kRestart;
}

std::string listener_text(const std::optional<event::Process>& process) {
    return process ? process_text(*process) : std::string("a process");
}

std::string short_time_text(Nanoseconds time) {
    return time < std::chrono::milliseconds(1) ? "less than 1 ms" : duration_text(time);
}

/// What is known of listeners at that endpoint of the same namespace, while these were refused.
std::string listening_text(const ListenerTimes::Times& times, const CauseFacts& refused) {
    if (came_too_early(times, refused))
        return fmt::format("nobody listened there until {} did, {} after the last of them",
                           listener_text(times.process),
                           short_time_text(*times.began - refused.last));
    if (!times.ended) return {};
    if (*times.ended > refused.first)
        return times.ends < 2 ? std::string()
                              : fmt::format("the listening socket there was closed {} times, and "
                                            "nobody listened until the next one was there",
                                            times.ends);
    std::string text = fmt::format(
        "nobody listened there since the socket of {} was closed, {} before the first of them",
        listener_text(times.ended_of), short_time_text(refused.first - *times.ended));
    if (times.open == 0) return text;
    if (!times.began || *times.began < refused.last) return {};
    return text + fmt::format("; {} has done so again since {} after the last",
                              listener_text(times.process),
                              short_time_text(*times.began - refused.last));
}

/// Where somebody listens at the same port of the same namespace, at other addresses.
std::string elsewhere_text(const RuleInput& evidence, const tcp::Endpoint& at,
                           std::uint32_t netns) {
    const auto open = evidence.listeners.open_at_port(netns, at.port);
    if (open.empty()) return {};
    const auto& [address, times] = open.front();
    return fmt::format("nobody listens at that address, but {} does on {}",
                       listener_text(times->process),
                       tcp::Endpoint{address, at.port}.text(times->family));
}

/// Why they were refused: loopback addresses, and those of a client that connects to its own, are
/// of its namespace; of others the listeners aren't known.
std::string refusal_text(const RuleInput& evidence, const PartyEnds& ends,
                         const CauseFacts& refused) {
    const Party& party = ends.party;
    const ListenerTimes::Times* times = evidence.listeners.find(party.netns, party.endpoint);
    std::string text;
    if (times)
        text = listening_text(*times, refused);
    else if (party.endpoint.address.is_loopback())
        text = elsewhere_text(evidence, party.endpoint, party.netns);
    if (!text.empty()) return text;
    if (refused.answered && *refused.answered > refused.first)
        return "others were answered meanwhile, so a firewall or a limit rejects some, or nobody "
               "listens there at times";
    return "nobody listens there, or a firewall rejects them";
}

std::string_view refusal_advice(const ListenerTimes::Times* times, const CauseFacts& refused) {
    if (times && came_too_early(*times, refused))
        return "The program was started before what it needs: let it try again, or order their "
               "starts.";
    if (times && times->open > 0 && !listening_text(*times, refused).empty())
        return "The service was started again. No connect is refused meanwhile where the listening "
               "socket stays (systemd's socket units) or the next one is there before "
               "(SO_REUSEPORT); and clients may try again.";
    return "The host is up and answers with an RST: the service isn't running, listens on another "
           "address or port, or a firewall rejects.";
}

} // namespace

void find_connects_refused(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::refused);
        if (!facts || !is_many(evidence, "connects_refused", facts->count, ends.connections()))
            continue;
        const ListenerTimes::Times* times =
            evidence.listeners.find(ends.party.netns, ends.party.endpoint);
        const bool is_over =
            times && (came_too_early(*times, *facts) || came_during_restart(*times, *facts));
        FindingDraft draft =
            party_draft("connects_refused",
                        is_over ? report::Severity::info : report::Severity::warning, ends, *facts);
        draft.what = fmt::format("{} of {} connects of {} were refused{}: {}.", facts->count,
                                 ends.connections(), party_text(ends), within_text(*facts),
                                 refusal_text(evidence, ends, *facts));
        if (times && times->ended_of && !listening_text(*times, *facts).empty())
            draft.scope.ended = times->ended_of->comm();
        draft.evidence.push_back(
            {"remote", "remote endpoint", ends.party.endpoint.text(ends.family)});
        draft.advice.emplace_back(refusal_advice(times, *facts));
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
