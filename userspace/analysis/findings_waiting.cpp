// SPDX-License-Identifier: Apache-2.0
// Sockets that stay too long where they are, and what ended them.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

constexpr std::uint64_t kCriticalLeak =
    1000; ///< sockets: the usual limit of descriptors (RLIMIT_NOFILE 1024) is near

void describe(const HeldSockets& holding, FindingDraft& draft) {
    const event::Process* process = holding.process ? &*holding.process : nullptr;
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
         process ? FindingDraft::Cell(std::string(process->comm())) : FindingDraft::Cell()});
    draft.evidence.push_back({"netns", "network namespace", std::uint64_t{holding.netns}});
    draft.connections = holding.ids;
}

std::string age_text(const HeldSockets& holding) {
    return fmt::format("{}{}", holding.oldest_is_exact ? "" : "at least ",
                       duration_text(holding.oldest));
}

} // namespace

void find_close_wait_leak(const RuleInput& evidence, std::vector<FindingDraft>& drafts) {
    const std::uint64_t many =
        std::max<std::uint64_t>(evidence.thresholds.count("close_wait_leak.sockets"), 1);
    for (const HeldSockets* holding : evidence.live.in(tcp::State::CLOSE_WAIT)) {
        if (holding->old < many) continue;
        FindingDraft draft{"close_wait_leak", holding->old >= kCriticalLeak
                                                  ? report::Severity::critical
                                                  : report::Severity::warning};
        draft.what = fmt::format("{} has {} in CLOSE_WAIT for longer than {}, the oldest for {}: "
                                 "the peer has closed, and it "
                                 "doesn't call close().",
                                 process_text(holding->process), counted(holding->old, "socket"),
                                 duration_text(evidence.thresholds.duration("close_wait_leak.age")),
                                 age_text(*holding));
        draft.evidence = {{"sockets", "sockets so old", holding->old},
                          {"in_state", "in CLOSE_WAIT", holding->sockets}};
        describe(*holding, draft);
        const std::string pid = holding->process && holding->process->pid != 0
                                    ? fmt::format("{}", holding->process->pid)
                                    : "PID";
        draft.advice.push_back(fmt::format(
            "Only the process can end this: it has to call close() after read() has "
            "returned 0. Its descriptors: ls -l /proc/{}/fd; the sockets: ss -tnp state "
            "close-wait. Ending the process closes them.",
            pid));
        draft.advice.push_back(
            "No sysctl helps: keep-alive ends a socket only if the peer no longer exists, and "
            "tcp_fin_timeout is for another state.");
        drafts.push_back(std::move(draft));
    }
}

void find_fin_wait2_pileup(const RuleInput& evidence, std::vector<FindingDraft>& drafts) {
    struct Program {
        std::uint64_t now = 0;
        std::uint64_t expired = 0;
        Nanoseconds oldest{};
        std::vector<track::ConnectionId> ids;
    };
    std::map<std::pair<std::uint32_t, std::string>, Program> programs;
    for (const HeldSockets* holding : evidence.live.in(tcp::State::FIN_WAIT2)) {
        const std::string comm =
            holding->process ? std::string(holding->process->comm()) : comm_of({});
        Program& program = programs[{holding->netns, comm}];
        program.now += holding->sockets;
        program.oldest = std::max(program.oldest, holding->oldest);
        program.ids.insert(program.ids.end(), holding->ids.begin(), holding->ids.end());
    }
    for (const ServiceRow& row : evidence.services) {
        const std::uint64_t n = row.total().ended(tcp::Ending::fin_wait2_expired);
        if (n == 0) continue;
        Program& program = programs[{row.key.netns, comm_of(row.key.comm)}];
        program.expired += n;
        if (program.ids.empty()) program.ids = row.expired.list();
    }
    const std::uint64_t many =
        std::max<std::uint64_t>(evidence.thresholds.count("fin_wait2_pileup.sockets"), 1);
    for (const auto& [key, program] : programs) {
        if (program.now < many && program.expired < many) continue;
        FindingDraft draft{"fin_wait2_pileup", report::Severity::warning};
        draft.connections = program.ids;
        draft.what = fmt::format(
            "{} has {} in FIN_WAIT2 now, and {} expired there: it has closed, and the peers don't.",
            key.second, counted(program.now, "connection"), program.expired);
        draft.evidence = {{"sockets", "in FIN_WAIT2 now", program.now},
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

void find_closing_stuck(const RuleInput& evidence, std::vector<FindingDraft>& drafts) {
    const std::uint64_t many =
        std::max<std::uint64_t>(evidence.thresholds.count("closing_stuck.sockets"), 1);
    for (const tcp::State state : {tcp::State::LAST_ACK, tcp::State::CLOSING}) {
        for (const HeldSockets* holding : evidence.live.in(state)) {
            if (holding->old < many) continue;
            FindingDraft draft{"closing_stuck", report::Severity::warning};
            draft.what = fmt::format(
                "{} of {} stuck in {}, the oldest for {}: the peer doesn't acknowledge the FIN.",
                counted(holding->old, "socket"), process_text(holding->process), name(state),
                age_text(*holding));
            draft.evidence = {{"state", "state", std::string(name(state))},
                              {"sockets", "sockets so old", holding->old},
                              {"in_state", "in that state", holding->sockets}};
            describe(*holding, draft);
            draft.advice.push_back(
                "The peer has gone, or segments are lost on the way to it or back.");
            draft.advice.push_back(
                fmt::format("The kernel gives up after {} retransmissions (0 means 8, which take "
                            "over a minute); until then each "
                            "counts against {}.",
                            sysctl_text(evidence, holding->netns, "net.ipv4.tcp_orphan_retries"),
                            sysctl_text(evidence, holding->netns, "net.ipv4.tcp_max_orphans")));
            drafts.push_back(std::move(draft));
        }
    }
}

void find_keepalive_kills(const RuleInput& evidence, std::vector<FindingDraft>& drafts) {
    const std::uint64_t many =
        std::max<std::uint64_t>(evidence.thresholds.count("keepalive_kills.connections"), 1);
    for (const ServiceRow& row : evidence.services) {
        const EndCounts sum = row.total();
        const std::uint64_t killed = sum.with(tcp::EndingDetail::keepalive);
        if (killed < many) continue;
        FindingDraft draft{"keepalive_kills", report::Severity::warning};
        draft.connections = row.killed.list();
        draft.what = fmt::format(
            "{} of {} half-open and ended by keepalive: the peer had gone without a FIN.",
            counted(killed, "connection"), place_of(row));
        draft.evidence = {{"killed", "ended by keepalive", killed},
                          {"all", "of connections", sum.connections}};
        draft.advice.push_back(
            "Peers crash, lose their network, or sit behind a NAT or firewall that forgot the idle "
            "connection: if many do, find out after how long, and keep the idle time below it.");
        draft.advice.push_back(
            fmt::format("{} s of silence pass before the first probe unless the program sets "
                        "TCP_KEEPIDLE, then {} probes {} s apart; "
                        "a program that must know sooner should set its own, or TCP_USER_TIMEOUT.",
                        sysctl_text(evidence, row.key.netns, "net.ipv4.tcp_keepalive_time"),
                        sysctl_text(evidence, row.key.netns, "net.ipv4.tcp_keepalive_probes"),
                        sysctl_text(evidence, row.key.netns, "net.ipv4.tcp_keepalive_intvl")));
        drafts.push_back(std::move(draft));
    }
}

void find_events_lost(const RuleInput& evidence, std::vector<FindingDraft>& drafts) {
    const std::uint64_t lost = evidence.overview.lost();
    const std::uint64_t holes = evidence.overview.holes();
    const std::uint64_t unseen = evidence.overview.unseen();
    std::vector<std::string> missing;
    if (lost > 0) missing.push_back(counted(lost, "event") + " lost");
    if (unseen > 0) missing.push_back("at least " + counted(unseen, "event") + " not seen");
    if (holes > 0) missing.push_back(counted(holes, "hole") + " in the recording");
    if (missing.empty()) return;
    FindingDraft draft{"events_lost", report::Severity::warning};
    draft.what = fmt::format("{}: numbers in this report are too low, and there are gaps in {}.",
                             fmt::join(missing, ", "),
                             counted(evidence.overview.connections(tcp::Seen::gap), "connection"));
    draft.evidence = {
        {"events", "events", lost},
        {"unseen", "events not seen", unseen},
        {"holes", "holes", holes},
        {"gaps", "connections with gaps", evidence.overview.connections(tcp::Seen::gap)}};
    if (lost > 0)
        draft.advice.push_back("Give the buffer more room with --buffer-size, or trace less with a "
                               "filter by port or address.");
    if (unseen > 0)
        draft.advice.push_back("The kernel ran no program for these events and counted none: some "
                               "virtual machines run none while a task of their agent is current. "
                               "A larger buffer doesn't help.");
    if (holes > 0)
        draft.advice.push_back(
            "Read all files of the recording at once, and see 'tcpdwell info' for what they lack.");
    drafts.push_back(std::move(draft));
}

} // namespace tcpdwell::analysis
