// SPDX-License-Identifier: Apache-2.0
// Findings on listeners, by what the kernel counted itself.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "analysis/findings.h"
#include "analysis/overflowed_queues.h"

namespace tcpdwell::analysis {
namespace {

constexpr double kCriticalPerSecond = 100;

std::set<std::uint32_t> namespaces_with(const CounterGrowth& growth) {
    std::set<std::uint32_t> namespaces;
    for (const auto& [key, counter] : growth.counters()) namespaces.insert(key.first);
    return namespaces;
}

/// "nginx (pid 12)", "nginx (pids 1, 2, 3, ...)", "nginx (pid 12), sleep (pid 13)"
std::string processes_text(const std::vector<event::Process>& processes) {
    constexpr std::size_t kMost = 3;
    if (processes.empty()) return process_text(std::nullopt);
    if (processes.size() == 1) return process_text(processes.front());
    const std::string_view comm = processes.front().comm();
    const bool is_one_program = std::ranges::all_of(
        processes, [&](const event::Process& each) { return each.comm() == comm; });
    std::string list;
    for (std::size_t i = 0; i < std::min(processes.size(), kMost); ++i)
        list += fmt::format("{}{}", i == 0 ? "" : ", ",
                            is_one_program ? fmt::format("{}", processes[i].pid)
                                           : process_text(processes[i]));
    const std::string_view rest = processes.size() > kMost ? ", ..." : "";
    return is_one_program ? fmt::format("{} (pids {}{})", comm, list, rest)
                          : fmt::format("{}{}", list, rest);
}

std::string listener_text(const AcceptQueue& queue) {
    return fmt::format("{} on {}", processes_text(queue.who_accepts()),
                       queue.local.text(queue.family));
}

/// Of the socket where the most wait: each has a limit of its own.
std::optional<std::uint64_t> longest_of(const AcceptQueue& queue) {
    return queue.sockets.empty() ? std::nullopt : queue.sockets.front().queued;
}
std::optional<std::uint64_t> limit_of(const AcceptQueue& queue) {
    return queue.sockets.empty() ? std::nullopt : queue.sockets.front().limit;
}

void describe(const AcceptQueue& queue, FindingDraft& draft) {
    draft.subject = listener_text(queue);
    draft.scope = scope_of(queue);
    draft.connections = queue.ids;
    draft.likes = queue.likes.list();
    const auto number = [](const std::optional<std::uint64_t>& known) {
        return known ? FindingDraft::Cell(*known) : FindingDraft::Cell();
    };
    draft.evidence.push_back({"listener", "listener", queue.local.text(queue.family)});
    draft.evidence.push_back({"waiting", "waiting for accept()", queue.waiting});
    draft.evidence.push_back({"half_closed", "of which the peer has closed", queue.half_closed});
    draft.evidence.push_back(
        {"oldest_ns", "the oldest",
         queue.waiting == 0 ? FindingDraft::Cell() : FindingDraft::Cell(queue.oldest)});
    draft.evidence.push_back({"queued", "in the queue", number(longest_of(queue))});
    draft.evidence.push_back({"limit", "its limit", number(limit_of(queue))});
    if (queue.socket_count > 1) {
        draft.evidence.push_back({"listeners", "listening sockets", queue.socket_count});
        draft.evidence.push_back({"listeners_busy", "of which connections wait at",
                                  queue.queued.value_or(queue.waiting) == 0
                                      ? std::uint64_t{0}
                                      : std::uint64_t{queue.busy_sockets().size()}});
    }
    draft.evidence.push_back({"longest_ns", "longest time until accept()",
                              std::max(queue.delays.max(), queue.live_delays.max())});
    draft.evidence.push_back({"netns", "network namespace", std::uint64_t{queue.netns}});
    if (!queue.holders.empty())
        draft.processes.push_back({"holders", "listens", queue.holders});
    else if (queue.process)
        draft.processes.push_back({"holders", "listens", {*queue.process}});
}

std::string queue_advice(const AcceptQueue* queue) {
    const std::vector<event::Process> who =
        queue ? queue->who_accepts() : std::vector<event::Process>();
    if (queue && queue->is_orphaned())
        return fmt::format(
            "{0} has the listener's descriptor only because it was inherited. Unless it is meant "
            "to "
            "accept, its end closes the listener, after which the server can be started again. A "
            "server has to open its listener with SOCK_CLOEXEC, or close it between fork() and "
            "exec().",
            processes_text(who));
    const bool is_known = !who.empty() && who.front().pid != 0;
    const std::string pid = is_known ? fmt::format("{}", who.front().pid) : "PID";
    return fmt::format("The program accepts too slowly, or not at all: look whether it is blocked "
                       "or stopped (/proc/{0}/stack, /proc/{0}/wchan), has too few workers, or "
                       "whether accept() fails for want of descriptors (ls /proc/{0}/fd, "
                       "/proc/{0}/limits); ss -lnt shows the queue (Recv-Q) and the backlog "
                       "(Send-Q).",
                       pid);
}

/// Old sockets in CLOSE_WAIT of processes that listen.
struct Leaked {
    std::uint64_t sockets = 0;
    bool are_of_others = false;      ///< some of them, perhaps
    std::vector<event::Process> who; ///< of those that listen
};

Leaked leaked_by(const RuleInput& evidence, const AcceptQueue& queue) {
    const std::vector<event::Process> listening = queue.who_accepts();
    Leaked leaked;
    for (const HeldSockets* holding : evidence.live.in(tcp::State::CLOSE_WAIT)) {
        bool is_of_these = false;
        bool is_of_others = false;
        for (const event::Process& each : holding->processes) {
            if (each.pid == 0 || std::ranges::find(listening, each) == listening.end()) {
                is_of_others = true;
                continue;
            }
            is_of_these = true;
            if (std::ranges::find(leaked.who, each) == leaked.who.end()) leaked.who.push_back(each);
        }
        if (!is_of_these) continue;
        leaked.sockets += holding->old;
        leaked.are_of_others = leaked.are_of_others || is_of_others;
    }
    return leaked;
}

/// The limit of descriptors isn't known, so the leak is a possible cause only.
void advise_on_leak(const RuleInput& evidence, const AcceptQueue& queue, FindingDraft& draft) {
    const Leaked leaked = leaked_by(evidence, queue);
    if (leaked.sockets == 0) return;
    draft.advice.push_back(fmt::format(
        "{} also {} {} in CLOSE_WAIT. If the descriptors are used up by them, accept() fails with "
        "EMFILE, and that leak is the cause: compare ls /proc/{}/fd | wc -l with \"Max open "
        "files\" in /proc/{}/limits.",
        processes_text(leaked.who), leaked.who.size() == 1 ? "has" : "have",
        leaked.are_of_others ? "sockets" : counted(leaked.sockets, "socket"),
        leaked.who.front().pid, leaked.who.front().pid));
}

bool have_overflowed(const RuleInput& evidence, std::uint32_t netns) {
    return evidence.counters.growth().growth(netns, "TcpExt.ListenOverflows") >=
           kernel_threshold(evidence, "accept_queue_full.overflows");
}

/// Those that are at their limit now.
std::vector<const AcceptQueue*> full_now(const RuleInput& evidence, std::uint32_t netns) {
    std::vector<const AcceptQueue*> list;
    const AcceptQueues::Queues& queues = evidence.accepts.queues();
    for (auto each = queues.lower_bound({netns, tcp::Endpoint{}});
         each != queues.end() && each->first.first == netns; ++each)
        if (each->second.is_full()) list.push_back(&each->second);
    return list;
}

std::set<std::uint32_t> all_namespaces(const RuleInput& evidence) {
    std::set<std::uint32_t> namespaces = namespaces_with(evidence.counters.growth());
    for (const auto& [key, queue] : evidence.accepts.queues()) namespaces.insert(key.first);
    return namespaces;
}

} // namespace

std::vector<const AcceptQueue*> full_queues(const RuleInput& evidence, std::uint32_t netns) {
    if (!have_overflowed(evidence, netns)) return full_now(evidence, netns);
    OverflowedQueues found = overflowed_queues(evidence, netns);
    return found.queues.size() == 1 ? std::move(found.queues) : std::vector<const AcceptQueue*>();
}

namespace {

/// "hung (pid 1) on 127.0.0.1:80 or burst (pid 2) on 127.0.0.1:81"
std::string any_of_text(const std::vector<const AcceptQueue*>& queues) {
    std::string text;
    for (const AcceptQueue* each : queues)
        text += (text.empty() ? "" : " or ") + listener_text(*each);
    return text;
}

std::string whose_text(const OverflowedQueues& found, std::uint32_t netns) {
    if (found.queues.empty()) return fmt::format("An accept queue in network namespace {}", netns);
    if (found.queues.size() > 1)
        return fmt::format("An accept queue, that of {},", any_of_text(found.queues));
    const AcceptQueue& queue = *found.queues.front();
    return fmt::format(
        "{} {}{}{}", found.is_certain ? "The accept queue of" : "An accept queue, probably that of",
        listener_text(queue), found.is_certain ? "" : ",",
        limit_of(queue) ? fmt::format(" (limit {})", *limit_of(queue)) : "");
}

void describe(const RuleInput& evidence, const std::vector<const AcceptQueue*>& queues,
              std::uint32_t netns, FindingDraft& draft) {
    if (queues.size() == 1) {
        describe(*queues.front(), draft);
        draft.evidence.push_back({"delayed", "SYNs of clients here sent again",
                                  delayed_clients(evidence, *queues.front())});
    } else {
        draft.subject = any_of_text(queues);
        draft.evidence.push_back({"netns", "network namespace", std::uint64_t{netns}});
        for (const AcceptQueue* each : queues) draft.scope.add(scope_of(*each));
        draft.scope.netns = queues.empty() ? 0 : netns;
    }
    // Of what overflows it isn't known which connections, since when, and until when.
    draft.scope.connections = 0;
    draft.scope.is_began_seen = false;
    draft.scope.last.reset();
    draft.advice.push_back(queue_advice(queues.size() == 1 ? queues.front() : nullptr));
    if (queues.size() == 1) advise_on_leak(evidence, *queues.front(), draft);
    draft.advice.push_back(
        fmt::format("Against bursts, a longer backlog in listen() helps; {} limits it, and counts "
                    "when listen() is called.",
                    sysctl_text(evidence, netns, "net.core.somaxconn")));
}

/// An overflow is counted among the drops, which have other reasons as well.
FindingDraft queue_full_draft(const RuleInput& evidence, std::uint32_t netns) {
    const CounterGrowth& growth = evidence.counters.growth();
    const Nanoseconds time = evidence.moment.now - evidence.moment.begin;
    const double seconds = std::chrono::duration<double>(time).count();
    const std::uint64_t overflows = growth.growth(netns, "TcpExt.ListenOverflows");
    const bool is_critical = static_cast<double>(overflows) >= kCriticalPerSecond * seconds;
    FindingDraft draft{"accept_queue_full", is_critical && overflows > 0 && seconds > 0
                                                ? report::Severity::critical
                                                : report::Severity::warning};
    draft.evidence = {
        {"overflows", "overflows", overflows},
        {"drops", "drops by listeners for any reason", growth.growth(netns, "TcpExt.ListenDrops")}};
    return draft;
}

void find_overflow(const RuleInput& evidence, std::uint32_t netns, FindingDrafts& drafts) {
    const OverflowedQueues found = overflowed_queues(evidence, netns);
    FindingDraft draft = queue_full_draft(evidence, netns);
    draft.what = fmt::format(
        "{} overflowed {} in {}: clients' connects wait 1, 3, 7 s, or believe they are connected.",
        whose_text(found, netns),
        counted(evidence.counters.growth().growth(netns, "TcpExt.ListenOverflows"), "time"),
        duration_text(evidence.moment.now - evidence.moment.begin));
    describe(evidence, found.queues, netns, draft);
    draft.scope.overflows = evidence.counters.growth().growth(netns, "TcpExt.ListenOverflows");
    drafts.push_back(std::move(draft));
}

} // namespace

void find_accept_queue_full(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const std::uint32_t netns : all_namespaces(evidence)) {
        if (have_overflowed(evidence, netns)) {
            find_overflow(evidence, netns, drafts);
            continue;
        }
        for (const AcceptQueue* queue : full_now(evidence, netns)) {
            FindingDraft draft = queue_full_draft(evidence, netns);
            draft.what = fmt::format("The accept queue of {} is full: {} wait (limit {}).",
                                     listener_text(*queue), *longest_of(*queue), *limit_of(*queue));
            describe(evidence, {queue}, netns, draft);
            drafts.push_back(std::move(draft));
        }
    }
}

namespace {

/// What whoever can accept has done meanwhile, as far as it was seen.
std::string meanwhile_text(const RuleInput& evidence, const AcceptQueue& queue) {
    const MonoTime now = evidence.moment.now;
    const std::vector<event::Process> who = queue.who_accepts();
    if (queue.is_orphaned())
        return fmt::format("; {}, which listened, has the listener no longer, and no accept() by "
                           "{} was seen.",
                           process_text(queue.busy_sockets().front()->process),
                           who.size() == 1 ? "whoever inherited it" : "those that inherited it");
    if (!queue.have_one_socket(who)) return ".";
    const std::optional<MonoTime> last = queue.last_accept(who);
    const Nanoseconds since = last ? std::max(now - *last, Nanoseconds(0)) : Nanoseconds(0);
    // Else it may have stopped just after that one.
    if (last && since * 2 < queue.oldest)
        return fmt::format(", and accept() takes them too slowly: the last one {} ago.",
                           duration_text(since));
    if (!queue.are_all_accepts_known || !evidence.overview.is_complete()) return ".";
    return last ? fmt::format(", and none has been accepted there for {}.", duration_text(since))
                : fmt::format(", and none has been accepted there in the {} of this report.",
                              duration_text(now - evidence.moment.begin));
}

/// " (queue 3 of 5)"
std::string queue_text(const AcceptQueue& queue) {
    if (!limit_of(queue)) return "";
    return fmt::format(" ({} {} of {})",
                       queue.busy_sockets().size() > 1 ? "the longest queue" : "queue",
                       *longest_of(queue), *limit_of(queue));
}

/// Of those that wait now. Of a sample the kernel's own number is no estimate.
bool is_stalled(const RuleInput& evidence, const AcceptQueue& queue) {
    const bool is_kernels = evidence.overview.is_sampled() && queue.waiting > 0 && queue.queued;
    const std::uint64_t many = is_kernels ? kernel_threshold(evidence, "accept_stalled.connections")
                                          : count_threshold(evidence, "accept_stalled.connections");
    return (is_kernels ? *queue.queued : queue.waiting) >= many &&
           queue.oldest >= evidence.thresholds.duration("accept_stalled.age");
}

/// What the clients of those that wait know, or have done.
std::string clients_text(const AcceptQueue& queue) {
    if (queue.half_closed >= queue.waiting) return "have all closed their side";
    if (queue.half_closed == 0) return "believe that they are connected";
    return fmt::format("believe that they are connected ({} of them {} closed)", queue.half_closed,
                       queue.half_closed == 1 ? "has" : "have");
}

void report_stall(const RuleInput& evidence, const AcceptQueue& queue, FindingDrafts& drafts) {
    const bool is_kernels = evidence.overview.is_sampled() && queue.queued;
    const std::uint64_t waiting = is_kernels ? *queue.queued : queue.waiting;
    FindingDraft draft{"accept_stalled", report::Severity::warning};
    draft.what = fmt::format("{} {} for accept() at {}, the oldest for {}{}{}: the clients {}{}",
                             counted(waiting, "connection"), waiting == 1 ? "waits" : "wait",
                             listener_text(queue), queue.oldest_is_exact ? "" : "at least ",
                             duration_text(queue.oldest), queue_text(queue), clients_text(queue),
                             meanwhile_text(evidence, queue));
    describe(queue, draft);
    draft.advice.push_back(queue_advice(&queue));
    advise_on_leak(evidence, queue, draft);
    draft.advice.push_back(
        "Sockets in CLOSE_WAIT that wait there have no descriptor in any process: only accept(), "
        "or the end of the listener, ends them.");
    drafts.push_back(std::move(draft));
}

/// A pause that is over. A program that works on one request after the other makes clients wait,
/// too: it is reported if some gave up meanwhile, or if many had to wait once.
std::optional<AcceptPauses::Pause> past_stall(const RuleInput& evidence, const AcceptQueue& queue) {
    constexpr std::uint64_t kMany = 5;
    const std::uint64_t late = queue.late.count + queue.live_late.count;
    if (late < count_threshold(evidence, "accept_stalled.connections")) return std::nullopt;
    if (!queue.are_all_accepts_known || !evidence.overview.is_complete()) return std::nullopt;
    const auto pause = queue.pauses.longest(evidence.moment.begin);
    if (!pause || pause->length() < 3 * evidence.thresholds.duration("accept_stalled.age"))
        return std::nullopt;
    const bool have_given_up = queue.late.given_up + queue.live_late.given_up > 0;
    const bool was_once = late >= kMany && !queue.pauses.is_usual(*pause);
    return have_given_up || was_once ? pause : std::nullopt;
}

void report_past_stall(const RuleInput& evidence, const AcceptQueue& queue,
                       const AcceptPauses::Pause& pause, FindingDrafts& drafts) {
    const std::uint64_t late = queue.late.count + queue.live_late.count;
    const std::uint64_t given_up = queue.late.given_up + queue.live_late.given_up;
    FindingDraft draft{"accept_stalled", report::Severity::warning};
    draft.what = fmt::format(
        "{} accepted no connection for {}, until {} ago, although some waited: {} waited for "
        "longer than {} in all{}.",
        listener_text(queue), duration_text(pause.length()),
        duration_text(std::max(evidence.moment.now - pause.end, Nanoseconds(0))),
        counted(late, "connection"), duration_text(LateAccepts::kLate),
        given_up == 0
            ? ""
            : fmt::format(", of which {} had been closed by the client before accept()", given_up));
    describe(queue, draft);
    draft.evidence.push_back({"paused_ns", "nothing was accepted for", pause.length()});
    draft.evidence.push_back({"late", "accepted late", late});
    draft.evidence.push_back({"late_closed", "of which the client had closed", given_up});
    draft.scope.connections = late;
    draft.scope.first = draft.scope.began = pause.begin;
    draft.scope.last = pause.end;
    draft.scope.is_began_seen = true;
    draft.advice.push_back(
        "It is over. Look what the program did at that time: whether it was stopped, waited for a "
        "lock or a service behind it, or paused to collect garbage; or whether its host stood "
        "still.");
    drafts.push_back(std::move(draft));
}

} // namespace

void find_accept_stalled(const RuleInput& evidence, FindingDrafts& drafts) {
    std::map<std::uint32_t, std::vector<const AcceptQueue*>> full; // of each namespace
    for (const auto& [key, queue] : evidence.accepts.queues()) {
        const bool is_now = is_stalled(evidence, queue);
        const auto pause = is_now ? std::nullopt : past_stall(evidence, queue);
        if (!is_now && !pause) continue;
        const auto [known, is_new] = full.try_emplace(key.first);
        if (is_new) known->second = full_queues(evidence, key.first);
        // Its finding says so, too.
        if (std::ranges::find(known->second, &queue) != known->second.end()) continue;
        if (is_now)
            report_stall(evidence, queue, drafts);
        else
            report_past_stall(evidence, queue, *pause, drafts);
    }
}

} // namespace tcpdwell::analysis
