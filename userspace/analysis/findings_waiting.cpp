// SPDX-License-Identifier: Apache-2.0
// Sockets that stay too long where they are, and what ended them.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

constexpr std::uint64_t kCriticalLeak =
    1000; ///< sockets: the usual limit of descriptors (RLIMIT_NOFILE 1024) is near

/// The one process that it is about; nullptr if there are several, or none is known.
const event::Process* only_process(const HeldSockets& holding) {
    return holding.processes.size() == 1 ? &holding.processes.front() : nullptr;
}

void describe(const HeldSockets& holding, FindingDraft& draft) {
    const event::Process* process = only_process(holding);
    draft.evidence.push_back({"oldest_ns", "the oldest", holding.oldest});
    draft.evidence.push_back({"oldest_local", "its local end",
                              holding.oldest_tuple.local.text(holding.oldest_tuple.family)});
    draft.evidence.push_back({"oldest_remote", "its remote end",
                              holding.oldest_tuple.remote.text(holding.oldest_tuple.family)});
    draft.evidence.push_back({"pid", "process id",
                              process && process->pid != 0
                                  ? FindingDraft::Cell(std::uint64_t{process->pid})
                                  : FindingDraft::Cell()});
    draft.evidence.push_back(
        {"comm", "process",
         holding.comm.empty() ? FindingDraft::Cell() : FindingDraft::Cell(holding.comm)});
    draft.evidence.push_back({"netns", "network namespace", std::uint64_t{holding.netns}});
    if (!holding.processes.empty())
        draft.processes.push_back(
            {"holders", holding.held == holding.old ? "held by" : "opened by", holding.processes});
    draft.connections = holding.ids;
    draft.likes = holding.likes.list();
    draft.subject = processes_text(holding.processes);
    draft.scope = scope_of(holding);
}

/// null where it isn't known of all.
FindingDraft::Cell known(const HeldSockets& holding, std::uint64_t number) {
    return holding.numbered == holding.old ? FindingDraft::Cell(number) : FindingDraft::Cell();
}

std::string age_text(const HeldSockets& holding) {
    return fmt::format("{}{}", holding.oldest_is_exact ? "" : "at least ",
                       duration_text(holding.oldest));
}

/// Of the process that opened it, where another one holds it.
std::string opener_text(const HeldSockets& holding) {
    const auto same = [&](const event::Process& each) { return each.pid == holding.owner->pid; };
    if (!holding.owner || std::ranges::any_of(holding.processes, same)) return "";
    if (holding.is_given())
        return fmt::format(" (handed over by {}, which accepted or connected {})",
                           process_text(holding.owner), holding.old == 1 ? "it" : "them");
    return fmt::format(" (accepted or connected by {})", process_text(holding.owner));
}

std::string fd_text(const HeldSockets& holding) {
    const event::Process* process = only_process(holding);
    return process && process->pid != 0 ? fmt::format("{}", process->pid) : std::string("PID");
}

/// Of none of them is it known who has a descriptor, only who opened them.
bool are_only_opened(const HeldSockets& holding) {
    return holding.held == 0 && !holding.processes.empty();
}

/// Who has, or opened, which sockets.
std::string leaked_text(const HeldSockets& holding) {
    const std::string sockets = counted(holding.old, "socket");
    const std::string who = processes_text(holding.processes);
    if (are_only_opened(holding))
        return fmt::format("{} accepted or connected {} that {} been in CLOSE_WAIT", who, sockets,
                           holding.old == 1 ? "has" : "have");
    return fmt::format("{} {} {} in CLOSE_WAIT", who, holding.processes.size() > 1 ? "have" : "has",
                       sockets);
}

} // namespace

void find_close_wait_leak(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "close_wait_leak.sockets");
    for (const HeldSockets* holding : evidence.live.in(tcp::State::CLOSE_WAIT)) {
        if (holding->old < many || (holding->inherited && !holding->is_given())) continue;
        FindingDraft draft{"close_wait_leak", holding->old >= kCriticalLeak
                                                  ? report::Severity::critical
                                                  : report::Severity::warning};
        draft.what = fmt::format(
            "{} for longer than {}, the oldest for {}{}: the peers have closed,{} and "
            "close() isn't called{}.",
            leaked_text(*holding),
            duration_text(evidence.thresholds.duration("close_wait_leak.age")), age_text(*holding),
            opener_text(*holding),
            holding->numbered == holding->old ? " nothing moves any more," : "",
            are_only_opened(*holding) ? "; which processes have a descriptor hasn't been looked up"
                                      : "");
        draft.evidence = {{"sockets", "sockets so old", holding->old},
                          {"in_state", "in CLOSE_WAIT", holding->sockets},
                          {"unread", "bytes not read", known(*holding, holding->unread)}};
        describe(*holding, draft);
        draft.advice.push_back(fmt::format(
            "Only a process that has a descriptor can end this: it has to call close() after "
            "read() has returned 0. Its descriptors: ls -l /proc/{}/fd; the sockets: ss -tnp state "
            "close-wait.{}",
            fd_text(*holding),
            !holding->looked_up              ? ""
            : holding->processes.size() == 1 ? " Ending this process closes them."
                                             : " Ending all of these processes closes them."));
        draft.advice.push_back(
            "A program that is at work on something else meanwhile (a query, a lock, a slow "
            "service behind it) doesn't notice that its client has gone unless it polls for "
            "POLLRDHUP; PostgreSQL does with client_connection_check_interval.");
        draft.advice.push_back(
            "No sysctl helps: keep-alive ends a socket only if the peer no longer exists, and "
            "tcp_fin_timeout is for another state.");
        drafts.push_back(std::move(draft));
    }
}

void find_descriptor_inherited(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "descriptor_inherited.sockets");
    for (const HeldSockets* holding : evidence.live.in(tcp::State::CLOSE_WAIT)) {
        if (holding->old < many || !holding->inherited || holding->is_given()) continue;
        FindingDraft draft{"descriptor_inherited", report::Severity::warning};
        draft.what = fmt::format(
            "{} in CLOSE_WAIT, the oldest for {}, {} held open by {}{}, which inherited the "
            "descriptor or was handed it: {} accepted or connected {}, and {}.",
            counted(holding->old, "socket"), age_text(*holding), holding->old == 1 ? "is" : "are",
            processes_text(holding->processes), holding->looked_up ? " only" : "",
            process_text(holding->owner), holding->old == 1 ? "it" : "them",
            holding->looked_up ? "has closed its own"
                               : "wasn't found to have one (not all processes could be looked "
                                 "into)");
        draft.evidence = {{"sockets", "sockets so old", holding->old},
                          {"in_state", "in CLOSE_WAIT", holding->sockets}};
        describe(*holding, draft);
        draft.processes.push_back({"opened_by", "accepted or connected by", {*holding->owner}});
        draft.advice.push_back(
            fmt::format("No FIN is sent while any process has the descriptor. If {} has no use for "
                        "it, {} has to open its sockets with SOCK_CLOEXEC (accept4(), socket()), "
                        "or close them between fork() and exec().",
                        processes_text(holding->processes), process_text(holding->owner)));
        draft.advice.push_back(fmt::format(
            "If the connection is its work, as of what inetd starts, or where descriptors are "
            "passed (SCM_RIGHTS), it has to call close() after read() has returned 0. As 0 and 1 "
            "in /proc/{}/fd it is no accident.",
            fd_text(*holding)));
        if (holding->looked_up)
            draft.advice.push_back(
                fmt::format("Now: {} of {} ends the connections.",
                            holding->processes.size() == 1 ? "the end" : "only the end",
                            processes_text(holding->processes)));
        drafts.push_back(std::move(draft));
    }
}

namespace {

/// Of one program in one network namespace.
struct InFinWait2 {
    std::uint64_t now = 0;
    std::uint64_t old = 0;  ///< of which
    std::uint64_t shut = 0; ///< of the old ones
    std::uint64_t expired = 0;
    Nanoseconds oldest{};
    std::vector<track::ConnectionId> ids;
    Scope scope;
};

std::string fin_wait2_text(const RuleInput& evidence, const std::string& comm,
                           const InFinWait2& program) {
    return fmt::format(
        "{} has {} in FIN_WAIT2 now{}, and {} expired there: it has {}, and the peers don't{}.",
        comm, counted(program.now, "connection"),
        program.old == program.now
            ? ""
            : fmt::format(" ({} of them for longer than {})", program.old,
                          duration_text(evidence.thresholds.duration("fin_wait2_pileup.age"))),
        program.expired,
        program.shut == 0 ? "closed"
        : program.shut == program.old && program.expired == 0
            ? "called shutdown()"
            : fmt::format("closed, or called shutdown() on {}", program.shut),
        program.shut == 0 ? "" : " close");
}

} // namespace

void find_fin_wait2_pileup(const RuleInput& evidence, FindingDrafts& drafts) {
    std::map<std::pair<std::uint32_t, std::string>, InFinWait2> programs;
    for (const HeldSockets* holding : evidence.live.in(tcp::State::FIN_WAIT2)) {
        InFinWait2& program =
            programs[{holding->netns, holding->comm.empty() ? comm_of({}) : holding->comm}];
        program.now += holding->sockets;
        program.old += holding->old;
        program.shut += holding->shut;
        program.oldest = std::max(program.oldest, holding->oldest);
        program.ids.insert(program.ids.end(), holding->ids.begin(), holding->ids.end());
        program.scope.add(scope_of(*holding));
    }
    for (const ServiceRow& row : evidence.services) {
        const std::uint64_t n = row.total().ended(tcp::Ending::fin_wait2_expired);
        if (n == 0) continue;
        InFinWait2& program = programs[{row.key.netns, comm_of(row.key.comm)}];
        program.expired += n;
        if (program.ids.empty()) program.ids = row.expired.list();
    }
    const std::uint64_t many = count_threshold(evidence, "fin_wait2_pileup.sockets");
    for (const auto& [key, program] : programs) {
        if (program.old < many && program.expired < many) continue;
        FindingDraft draft{"fin_wait2_pileup", report::Severity::warning};
        draft.connections = program.ids;
        draft.subject = key.second;
        draft.scope = program.scope;
        draft.what = fin_wait2_text(evidence, key.second, program);
        draft.evidence = {{"sockets", "sockets so old", program.old},
                          {"in_state", "in FIN_WAIT2 now", program.now},
                          {"expired", "expired", program.expired},
                          {"oldest_ns", "the oldest", program.oldest},
                          {"comm", "program", key.second},
                          {"netns", "network namespace", std::uint64_t{key.first}}};
        draft.advice.push_back(
            "The peers leave their side open: on them, look for sockets in CLOSE_WAIT.");
        draft.advice.push_back(
            fmt::format("{} s end FIN_WAIT2 once close() has been called, and this is all that it "
                        "governs; TCP_LINGER2 sets it for one "
                        "socket. After shutdown() without close() FIN_WAIT2 has no end.",
                        sysctl_text(evidence, key.first, "net.ipv4.tcp_fin_timeout")));
        drafts.push_back(std::move(draft));
    }
}

namespace {

/// Where the peer's window isn't known to be 0. The silence is known of all together only.
std::string why_unacknowledged(const HeldSockets& holding) {
    const std::string silence =
        holding.zero_window == 0 && holding.longest_silence > Nanoseconds(0)
            ? fmt::format(", no segment from it for {}", duration_text(holding.longest_silence))
            : "";
    if (holding.most_timeouts > 0)
        return fmt::format("the peer acknowledges nothing: up to {} in a row{}",
                           counted(holding.most_timeouts, "retransmission"), silence);
    if (holding.most_probes > 0)
        return fmt::format("the peer answers nothing: up to {} in a row{}",
                           counted(holding.most_probes, "probe"), silence);
    if (const std::uint64_t unsent = holding.unsent - holding.kept_back; unsent > 0)
        return fmt::format("{} that the FIN has to follow {} sent", counted(unsent, "byte"),
                           unsent == 1 ? "isn't" : "aren't");
    if (holding.numbered == 0)
        return "the FIN isn't acknowledged, or waits behind data that the peer doesn't read "
               "(it isn't known which: no numbers of the sockets were read)";
    return "the peer doesn't acknowledge the FIN";
}

/// What keeps it there, by what is known of the peer.
std::string why_stuck(const HeldSockets& holding) {
    if (holding.zero_window == 0) return why_unacknowledged(holding);
    const bool is_one = holding.zero_window == 1;
    const bool are_all = holding.zero_window == holding.old;
    return fmt::format("{}{} bytes can't be sent to {} with a receive window of 0: {} alive, but "
                       "{} read{}{}",
                       are_all ? "" : fmt::format("of {} of them ", holding.zero_window),
                       holding.kept_back, is_one ? "a peer" : "peers",
                       is_one ? "it is" : "they are", is_one ? "it doesn't" : "they don't",
                       are_all ? "" : "; of the others ",
                       are_all ? "" : why_unacknowledged(holding));
}

} // namespace

void find_closing_stuck(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "closing_stuck.sockets");
    for (const tcp::State state :
         {tcp::State::FIN_WAIT1, tcp::State::LAST_ACK, tcp::State::CLOSING}) {
        for (const HeldSockets* holding : evidence.live.in(state)) {
            if (holding->old < many) continue;
            FindingDraft draft{"closing_stuck", report::Severity::warning};
            draft.what = fmt::format(
                "{} of {} {} stuck in {}, the oldest for {}: {}.", counted(holding->old, "socket"),
                processes_text(holding->processes), holding->old == 1 ? "is" : "are", name(state),
                age_text(*holding), why_stuck(*holding));
            draft.evidence = {
                {"state", "state", std::string(name(state))},
                {"sockets", "sockets so old", holding->old},
                {"in_state", "in that state", holding->sockets},
                {"zero_window", "with a window of 0", known(*holding, holding->zero_window)},
                {"unsent", "bytes unsent", known(*holding, holding->unsent)},
                {"unacked", "bytes unacknowledged", known(*holding, holding->unacked)}};
            describe(*holding, draft);
            if (holding->zero_window > 0) {
                draft.advice.push_back(fmt::format(
                    "The cure is at the peer, which has to read or close. Here the data stays in "
                    "kernel memory until it does{}.",
                    holding->shut == holding->old
                        ? ""
                        : ": close() gave the socket to the kernel, and SO_LINGER with a time of "
                          "0, or shutdown and TCP_USER_TIMEOUT before close(), would have dropped "
                          "it"));
            }
            if (holding->numbered == 0)
                draft.advice.push_back(
                    "ss -tnoi shows which: the timer is 'persist' where the peer doesn't read, and "
                    "'on' where it doesn't answer.");
            else if (holding->zero_window < holding->old)
                draft.advice.push_back(
                    "The peer has gone, or segments are lost on the way to it or back.");
            if (holding->shut > 0)
                draft.advice.push_back(fmt::format(
                    "{}shutdown() was called, and close() wasn't: a process still has the socket, "
                    "and can end it. The kernel gives up after {} retransmissions without an "
                    "answer.",
                    holding->shut == holding->old ? ""
                                                  : fmt::format("Of {} of them ", holding->shut),
                    sysctl_text(evidence, holding->netns, "net.ipv4.tcp_retries2")));
            if (holding->shut < holding->old)
                draft.advice.push_back(fmt::format(
                    "The kernel gives up after {} retransmissions or probes without an answer (0 "
                    "means 8, which take over a minute); until then each counts against {}.",
                    sysctl_text(evidence, holding->netns, "net.ipv4.tcp_orphan_retries"),
                    sysctl_text(evidence, holding->netns, "net.ipv4.tcp_max_orphans")));
            drafts.push_back(std::move(draft));
        }
    }
}

} // namespace tcpdwell::analysis
