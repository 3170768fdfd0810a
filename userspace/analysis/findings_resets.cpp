// SPDX-License-Identifier: Apache-2.0
// Connections that ended by resets or by the death of a process, each by its cause.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
FindingDraft party_draft(std::string_view id, report::Severity severity, const PartyEnds& ends,
                         const CauseFacts& facts) {
    FindingDraft draft{id, severity};
    draft.subject = party_text(ends);
    draft.scope = scope_of(ends, facts);
    draft.connections = facts.ids.list();
    draft.likes = facts.likes.list();
    draft.evidence = {{"count", "connections", facts.count},
                      {"all", "of connections ended", ends.connections()},
                      {"share", "share", share_of(facts.count, ends.connections())},
                      {"hosts", "remote hosts", std::uint64_t{facts.hosts.size()}},
                      {"netns", "network namespace", std::uint64_t{ends.party.netns}}};
    if (facts.translated > 0)
        draft.evidence.push_back({"translated",
                                  "other ends behind address translation, by the client's port",
                                  facts.translated});
    if (ends.process) draft.processes.push_back({"process", "process", {*ends.process}});
    return draft;
}

std::string within_text(const CauseFacts& facts) {
    const Nanoseconds spread = facts.last - facts.first;
    if (facts.count < 2 || facts.ids.count < 2) return {};
    if (spread < std::chrono::milliseconds(1)) return ", all at once";
    return fmt::format(", all within {}", duration_text(spread));
}

bool is_many(const RuleInput& evidence, std::string_view id, std::uint64_t count,
             std::uint64_t all) {
    const auto many = count_threshold(evidence, fmt::format("{}.connections", id));
    return count >= many &&
           share_of(count, all) >= evidence.thresholds.value(fmt::format("{}.share", id));
}

std::string party_text(const PartyEnds& ends) {
    const std::string comm = comm_of(ends.process ? ends.process->comm_bytes : ends.party.comm);
    const std::string program = ends.process && ends.process->pid != 0 && !ends.several_pids
                                    ? fmt::format("{} (pid {})", comm, ends.process->pid)
                                    : comm;
    return fmt::format("{} {} {}", program, ends.party.role == tcp::Role::server ? "on" : "to",
                       ends.party.endpoint.text(ends.family));
}

void find_listener_closed(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::listener_closed);
        if (!facts || facts->count < count_threshold(evidence, "listener_closed.connections"))
            continue;
        FindingDraft draft =
            party_draft("listener_closed", report::Severity::warning, ends, *facts);
        draft.what = fmt::format(
            "{} of {} {} reset in the accept queue, because a listening socket was closed{}{}: the "
            "clients believed that they were connected.",
            counted(facts->count, "connection"), party_text(ends),
            facts->count == 1 ? "was" : "were",
            facts->closers.size() == 1
                ? fmt::format(" by {}", process_text(facts->closers.begin()->second))
                : "",
            within_text(*facts));
        draft.advice.push_back(fmt::format(
            "Each socket of SO_REUSEPORT has an accept queue of its own, which is lost with it. {} "
            "hands what waits there to the listeners that remain (Linux 5.14).",
            sysctl_text(evidence, ends.party.netns, "net.ipv4.tcp_migrate_req")));
        draft.advice.push_back(
            "Or drain before the end: stop the distribution to that socket (a BPF program of "
            "SO_ATTACH_REUSEPORT_EBPF, or the load balancer), accept until accept() returns "
            "EAGAIN, and only then close the listener.");
        drafts.push_back(std::move(draft));
    }
}

/// Without a body worth speaking of; the headers of browsers and proxies fit.
constexpr std::uint32_t kOneRequest = 4096;

void find_answered_unread(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::answered_unread);
        if (!facts || !is_many(evidence, "answered_unread", facts->count, ends.connections()))
            continue;
        FindingDraft draft =
            party_draft("answered_unread", report::Severity::warning, ends, *facts);
        draft.what = fmt::format(
            "{} answered and then closed {} of {} connections with data unread{}: close() sends an "
            "RST then, and the client may never see the answer.",
            party_text(ends), facts->count, ends.connections(), within_text(*facts));
        if (facts->most_unread < kOneRequest)
            draft.advice.push_back(fmt::format(
                "No more than {} were unread, so it may have been the next request of the same "
                "connection: a server that restarts, or limits requests per connection, has to "
                "announce the end (Connection: close) with the answer before it.",
                counted(facts->most_unread, "byte")));
        draft.advice.push_back(
            "The server refuses what it is sent (too large, not allowed) and closes without "
            "reading the rest: it has to send its answer, shutdown(SHUT_WR), read to the end or "
            "for some seconds, and then close (nginx: lingering_close always; lingering_time).");
        draft.advice.push_back("Clients can ask first: Expect: 100-continue.");
        drafts.push_back(std::move(draft));
    }
}

void find_turned_away(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::turned_away);
        if (!facts || !is_many(evidence, "turned_away", facts->count, ends.connections())) continue;
        FindingDraft draft = party_draft("turned_away", report::Severity::warning, ends, *facts);
        draft.what = fmt::format(
            "{} closed {} of {} connections at once after accept(), having read and sent "
            "nothing{}: it turns clients away.",
            party_text(ends), facts->count, ends.connections(), within_text(*facts));
        draft.advice.push_back(
            "Look into its log and its limits: connections per client or in all, access lists "
            "(tcp_wrappers), descriptors (RLIMIT_NOFILE), or a TLS or proxy protocol that only one "
            "side speaks.");
        drafts.push_back(std::move(draft));
    }
}

namespace {

std::string signal_text(const CauseFacts& facts) {
    std::string text;
    for (const auto& [number, count] : facts.signals)
        text += fmt::format("{}{}", text.empty() ? "" : ", ",
                            number == 0 ? std::string("exited") : fmt::format("signal {}", number));
    return text;
}

/// Signals by which people and supervisors end a process; and a client that is done exits.
bool is_on_purpose(std::uint32_t signal, tcp::Role role) {
    constexpr std::uint32_t kExit = 0, kHup = 1, kInt = 2, kPipe = 13, kTerm = 15;
    if (signal == kExit) return role == tcp::Role::client;
    return signal == kHup || signal == kInt || signal == kPipe || signal == kTerm;
}

std::string_view death_advice(const CauseFacts& facts, bool is_meant) {
    const bool has_exited = facts.signals.size() == 1 && facts.signals.contains(0);
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
        const bool meant = std::ranges::all_of(
            facts->signals, [&](const auto& each) { return is_on_purpose(each.first, role); });
        FindingDraft draft =
            party_draft("process_died", meant ? report::Severity::info : report::Severity::warning,
                        ends, *facts);
        draft.what = fmt::format("{} of {} ended because {} died ({}){}.",
                                 counted(facts->count, "connection"), party_text(ends),
                                 facts->closers.size() == 1
                                     ? process_text(facts->closers.begin()->second)
                                     : fmt::format("{} processes", facts->closers.size()),
                                 signal_text(*facts), within_text(*facts));
        draft.evidence.push_back({"signals", "ended by", signal_text(*facts)});
        std::vector<event::Process> dead;
        for (const auto& [pid, process] : facts->closers) dead.push_back(process);
        // Another one serves that endpoint by now, perhaps.
        if (!dead.empty() && ends.several_pids && !draft.processes.empty())
            draft.processes.front().list = dead;
        draft.processes.push_back({"died", "who died", dead});
        draft.advice.emplace_back(death_advice(*facts, meant));
        drafts.push_back(std::move(draft));
    }
}

namespace {

/// Resets without a cause of their own, by who sent them. Those by SO_LINGER belong to them where
/// they are too few for time_wait_skipped, and no checks.
struct Resets {
    std::uint64_t here = 0;
    std::uint64_t there = 0;
    EnumArray<tcp::EndingDetail, std::uint64_t> details;
    const CauseFacts* most = nullptr;
};

Resets resets_of(const RuleInput& evidence, const PartyEnds& ends) {
    Resets resets;
    for (const EndCause cause : {EndCause::reset_here, EndCause::reset_there, EndCause::reset_idle,
                                 EndCause::lingered, EndCause::hung_up}) {
        const CauseFacts* facts = ends.facts(cause);
        if (!facts) continue;
        if (cause == EndCause::reset_idle && is_idle_race(evidence, ends, cause)) continue;
        if (cause == EndCause::hung_up && is_check(evidence, *facts)) continue;
        if ((cause == EndCause::lingered || cause == EndCause::hung_up) &&
            facts->count >= count_threshold(evidence, "time_wait_skipped.connections"))
            continue;
        const bool there = cause == EndCause::reset_there || cause == EndCause::reset_idle;
        (there ? resets.there : resets.here) += facts->count;
        for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
            resets.details[detail] += facts->details[detail];
        if (!resets.most || resets.most->count < facts->count) resets.most = facts;
    }
    resets.details[tcp::EndingDetail::none] = 0;
    return resets;
}

std::string details_text(const Resets& resets) {
    std::string text;
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
        if (resets.details[detail] != 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name(detail),
                                resets.details[detail]);
    return text;
}

/// After which silence a client gave up, where that is always the same; else empty.
std::string patience_text(const CauseFacts& facts) {
    const Nanoseconds silence = facts.idle.quantile(0.5);
    return silence < std::chrono::milliseconds(100) || !clusters(facts.idle)
               ? std::string()
               : fmt::format(" after {}", duration_text(silence));
}

std::string reset_advice(const Resets& resets, tcp::Role role) {
    using enum tcp::EndingDetail;
    if (resets.there > resets.here)
        return "The other side resets: it closes with data unread, or aborts (a limit, a time-out, "
               "a restart). Trace there, too: tcpdwell report over both recordings joins the ends.";
    if (resets.details[unread_data] * 2 >= resets.here)
        return "close() with data unread sends an RST instead of a FIN: read to the end before "
               "closing, or the peer may lose the last answer.";
    if (resets.details[data_after_close] * 2 >= resets.here && role == tcp::Role::client)
        return fmt::format("The answers came after this program had closed: it gave up waiting{}. "
                           "Hold its time-out against the time that the server takes.",
                           patience_text(*resets.most));
    if (resets.details[data_after_close] * 2 >= resets.here)
        return "The peer still sent data after close(), so it was reset: use shutdown(SHUT_WR), "
               "read to the end, then close.";
    if (resets.details[so_linger_zero] * 2 >= resets.here && role == tcp::Role::client &&
        !patience_text(*resets.most).empty())
        return fmt::format("This program ended each{} of silence, as by a time-out of its own "
                           "(haproxy: timeout server, timeout client): hold it against the time "
                           "that the server takes. It closes with SO_LINGER 0, so what comes later "
                           "is refused.",
                           patience_text(*resets.most));
    if (resets.details[so_linger_zero] * 2 >= resets.here)
        return "SO_LINGER with a time of 0 makes close() send an RST: the peer gets an error, and "
               "may lose data that it has not read yet. Remove it.";
    return "This side resets; trace --connections shows why, for each.";
}

} // namespace

void find_connections_reset(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const Resets resets = resets_of(evidence, ends);
        const std::uint64_t count = resets.here + resets.there;
        if (!resets.most || !is_many(evidence, "connections_reset", count, ends.connections()))
            continue;
        FindingDraft draft =
            party_draft("connections_reset", report::Severity::warning, ends, *resets.most);
        const std::string details = details_text(resets);
        draft.what = fmt::format(
            "{} of {} connections of {} ended by a reset: {} sent here, {} received{}{}.", count,
            ends.connections(), party_text(ends), resets.here, resets.there,
            details.empty() ? "" : fmt::format(" ({})", details), within_text(*resets.most));
        draft.scope.connections = count;
        draft.evidence[0].value = count;
        draft.evidence[2].value = share_of(count, ends.connections());
        draft.evidence.push_back({"reset_sent", "sent here", resets.here});
        draft.evidence.push_back({"reset_received", "received", resets.there});
        for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
            if (resets.details[detail] != 0)
                draft.evidence.push_back({detail, name(detail), resets.details[detail]});
        draft.advice.emplace_back(reset_advice(resets, key.role));
        draft.advice.push_back("trace --connections shows each of them, with its detail and what "
                               "it had carried.");
        drafts.push_back(std::move(draft));
    }
}

void find_connects_refused(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::refused);
        if (!facts || !is_many(evidence, "connects_refused", facts->count, ends.connections()))
            continue;
        FindingDraft draft =
            party_draft("connects_refused", report::Severity::warning, ends, *facts);
        draft.what =
            fmt::format("{} of {} connects of {} were refused{}: nobody listens there.",
                        facts->count, ends.connections(), party_text(ends), within_text(*facts));
        draft.evidence.push_back(
            {"remote", "remote endpoint", ends.party.endpoint.text(ends.family)});
        draft.advice.push_back("The host is up and answers with an RST: the service isn't running, "
                               "listens on another address or port, or a firewall rejects.");
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
