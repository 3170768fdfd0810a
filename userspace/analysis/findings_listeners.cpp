// SPDX-License-Identifier: Apache-2.0
// Findings on listeners, by what the kernel counted itself.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

constexpr double kCriticalPerSecond = 100;

std::set<std::uint32_t> namespaces_with(const CounterGrowth& growth) {
    std::set<std::uint32_t> namespaces;
    for (const auto& [key, counter] : growth.counters()) namespaces.insert(key.first);
    return namespaces;
}

/// As sk_acceptq_is_full() has it (include/net/sock.h).
bool is_at_its_limit(const AcceptQueue& queue) {
    return queue.queued && queue.limit && *queue.queued > *queue.limit;
}

/// A filter may have hidden other listeners.
bool is_the_only(const RuleInput& evidence, const AcceptQueue& queue) {
    const auto* only =
        evidence.overview.is_filtered() ? nullptr : evidence.counters.only_listener(queue.netns);
    return only != nullptr && only->local == queue.local;
}

/// The listener whose queue overflowed, by what is known of each: the one whose queue was full at
/// the last look, else the only one, else the one where connections wait or waited longest.
const AcceptQueue* overflowing(const RuleInput& evidence, std::uint32_t netns) {
    constexpr Nanoseconds kLong = std::chrono::milliseconds(100);
    const AcceptQueue* worst = nullptr;
    const auto weight = [kLong](const AcceptQueue& queue) {
        const Nanoseconds longest = std::max(queue.delays.max(), queue.live_delays.max());
        return std::tuple(is_at_its_limit(queue), queue.waiting,
                          longest >= kLong ? longest : Nanoseconds(0));
    };
    const AcceptQueues::Queues& queues = evidence.accepts.queues();
    for (auto each = queues.lower_bound({netns, tcp::Endpoint{}});
         each != queues.end() && each->first.first == netns; ++each) {
        const AcceptQueue& queue = each->second;
        const bool speaks_for_it =
            weight(queue) > std::tuple(false, std::uint64_t{0}, Nanoseconds(0));
        if (!speaks_for_it && !is_the_only(evidence, queue)) continue;
        if (!worst || weight(queue) > weight(*worst)) worst = &queue;
    }
    return worst;
}

bool is_certain(const RuleInput& evidence, const AcceptQueue& queue) {
    return is_at_its_limit(queue) || is_the_only(evidence, queue);
}

std::string listener_text(const AcceptQueue& queue) {
    return fmt::format("{} on {}", process_text(queue.process), queue.local.text(queue.family));
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
    draft.evidence.push_back({"queued", "in the queue", number(queue.queued)});
    draft.evidence.push_back({"limit", "its limit", number(queue.limit)});
    draft.evidence.push_back({"longest_ns", "longest time until accept()",
                              std::max(queue.delays.max(), queue.live_delays.max())});
    draft.evidence.push_back({"netns", "network namespace", std::uint64_t{queue.netns}});
    if (!queue.holders.empty())
        draft.processes.push_back({"holders", "listens", queue.holders});
    else if (queue.process)
        draft.processes.push_back({"holders", "listens", {*queue.process}});
}

std::string pid_text(const AcceptQueue* queue) {
    return queue && queue->process ? fmt::format("{}", queue->process->pid) : "PID";
}

std::string queue_advice(const AcceptQueue* queue) {
    return fmt::format("The program accepts too slowly: look whether it is blocked or stopped "
                       "(/proc/{}/stack, /proc/{}/wchan), or has too few workers; ss -lnt shows "
                       "the queue (Recv-Q) and the backlog (Send-Q).",
                       pid_text(queue), pid_text(queue));
}

/// "12 sockets": old ones in CLOSE_WAIT that a process has which listens. Without the number where
/// others of its name have some of them; empty where it has none.
std::string leaked_text(const RuleInput& evidence, const AcceptQueue& queue) {
    const auto listens = [&](const event::Process& each) {
        return each.pid != 0 && ((queue.process && queue.process->pid == each.pid) ||
                                 std::ranges::find(queue.holders, each) != queue.holders.end());
    };
    std::uint64_t leaked = 0;
    bool is_of_others = false;
    for (const HeldSockets* holding : evidence.live.in(tcp::State::CLOSE_WAIT)) {
        if (std::ranges::none_of(holding->processes, listens)) continue;
        leaked += holding->old;
        is_of_others = is_of_others || !std::ranges::all_of(holding->processes, listens);
    }
    if (leaked == 0) return {};
    return is_of_others ? "sockets" : counted(leaked, "socket");
}

/// The limit of descriptors isn't known, so the leak is a possible cause only.
void advise_on_leak(const RuleInput& evidence, const AcceptQueue& queue, FindingDraft& draft) {
    const std::string leaked = leaked_text(evidence, queue);
    if (leaked.empty()) return;
    draft.advice.push_back(fmt::format(
        "It also has {} in CLOSE_WAIT. If its descriptors are used up by them, accept() fails with "
        "EMFILE, and that leak is the cause: compare ls /proc/{}/fd | wc -l with \"Max open "
        "files\" "
        "in /proc/{}/limits.",
        leaked, pid_text(&queue), pid_text(&queue)));
}

bool is_full(const RuleInput& evidence, std::uint32_t netns, const AcceptQueue* queue) {
    const std::uint64_t many = kernel_threshold(evidence, "accept_queue_full.overflows");
    return evidence.counters.growth().growth(netns, "TcpExt.ListenOverflows") >= many ||
           (queue && is_at_its_limit(*queue));
}

std::set<std::uint32_t> all_namespaces(const RuleInput& evidence) {
    std::set<std::uint32_t> namespaces = namespaces_with(evidence.counters.growth());
    for (const auto& [key, queue] : evidence.accepts.queues()) namespaces.insert(key.first);
    return namespaces;
}

} // namespace

const AcceptQueue* full_queue(const RuleInput& evidence, std::uint32_t netns) {
    const AcceptQueue* queue = overflowing(evidence, netns);
    return is_full(evidence, netns, queue) ? queue : nullptr;
}

/// An overflow is counted among the drops, which have other reasons as well.
void find_accept_queue_full(const RuleInput& evidence, FindingDrafts& drafts) {
    const CounterGrowth& growth = evidence.counters.growth();
    const Nanoseconds time = evidence.moment.now - evidence.moment.begin;
    const double seconds = std::chrono::duration<double>(time).count();
    for (const std::uint32_t netns : all_namespaces(evidence)) {
        const AcceptQueue* queue = overflowing(evidence, netns);
        if (!is_full(evidence, netns, queue)) continue;
        const std::uint64_t overflows = growth.growth(netns, "TcpExt.ListenOverflows");
        const bool is_critical = static_cast<double>(overflows) >= kCriticalPerSecond * seconds;
        FindingDraft draft{"accept_queue_full", is_critical && seconds > 0
                                                    ? report::Severity::critical
                                                    : report::Severity::warning};
        const std::string whose =
            !queue ? fmt::format("An accept queue in network namespace {}", netns)
            : is_certain(evidence, *queue)
                ? fmt::format("The accept queue of {}", listener_text(*queue))
                : fmt::format("An accept queue, probably that of {},", listener_text(*queue));
        const std::string limit =
            queue && queue->limit ? fmt::format(" (limit {})", *queue->limit) : "";
        draft.what =
            overflows == 0
                ? fmt::format("{} is full: {} wait{}.", whose, *queue->queued, limit)
                : fmt::format("{}{} overflowed {} in {}: clients' connects wait 1, 3, 7 s, or "
                              "believe they are connected.",
                              whose, limit, counted(overflows, "time"), duration_text(time));
        draft.evidence = {{"overflows", "overflows", overflows},
                          {"drops", "drops by listeners for any reason",
                           growth.growth(netns, "TcpExt.ListenDrops")}};
        if (queue) {
            describe(*queue, draft);
            // Of what overflows it isn't known which connections, since when, and until when.
            draft.scope.connections = 0;
            draft.scope.is_began_seen = false;
            draft.scope.last.reset();
        } else {
            draft.evidence.push_back({"netns", "network namespace", std::uint64_t{netns}});
        }
        draft.advice.push_back(queue_advice(queue));
        if (queue) advise_on_leak(evidence, *queue, draft);
        draft.advice.push_back(fmt::format(
            "Against bursts, a longer backlog in listen() helps; {} limits it, and counts when "
            "listen() is called.",
            sysctl_text(evidence, netns, "net.core.somaxconn")));
        drafts.push_back(std::move(draft));
    }
}

void find_accept_stalled(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "accept_stalled.connections");
    const std::uint64_t many_in_all = kernel_threshold(evidence, "accept_stalled.connections");
    const Nanoseconds age = evidence.thresholds.duration("accept_stalled.age");
    std::map<std::uint32_t, const AcceptQueue*> full; // of each namespace
    for (const auto& [key, queue] : evidence.accepts.queues()) {
        // Of a sample the kernel's own number is no estimate.
        const bool is_kernels = evidence.overview.is_sampled() && queue.waiting > 0 && queue.queued;
        const std::uint64_t waiting = is_kernels ? *queue.queued : queue.waiting;
        if (waiting < (is_kernels ? many_in_all : many) || queue.oldest < age) continue;
        const auto [known, is_new] = full.try_emplace(key.first);
        if (is_new) known->second = full_queue(evidence, key.first);
        if (known->second == &queue) continue; // its finding says so, too
        FindingDraft draft{"accept_stalled", report::Severity::warning};
        draft.what = fmt::format(
            "{} {} for accept() at {}, the oldest for {}{}{}: the clients believe that they are "
            "connected, and nobody calls accept().",
            counted(waiting, "connection"), waiting == 1 ? "waits" : "wait", listener_text(queue),
            queue.oldest_is_exact ? "" : "at least ", duration_text(queue.oldest),
            queue.limit ? fmt::format(" (queue {} of {})", queue.queued.value_or(queue.waiting),
                                      *queue.limit)
                        : "");
        describe(queue, draft);
        draft.advice.push_back(queue_advice(&queue));
        advise_on_leak(evidence, queue, draft);
        draft.advice.push_back(
            "Sockets in CLOSE_WAIT that wait there have no descriptor in any process: only "
            "accept(), or the end of the listener, ends them.");
        drafts.push_back(std::move(draft));
    }
}

namespace {

/// nullopt: there was one only.
std::optional<Nanoseconds> mean_interval(const RuleInput& evidence, const CauseFacts& facts) {
    const auto sample = static_cast<std::int64_t>(evidence.overview.sample());
    const std::int64_t traced = static_cast<std::int64_t>(facts.count) / sample;
    if (traced < 2) return std::nullopt;
    return (facts.last - facts.first) / (traced - 1) / sample;
}

} // namespace

/// Checkers are few, and come again and again; a scan or a flood comes from many, or at once.
bool is_check(const RuleInput& evidence, const CauseFacts& facts) {
    constexpr std::size_t kFewHosts = 16;
    constexpr Nanoseconds kAtOnce = std::chrono::milliseconds(20);
    return facts.hosts.size() <= kFewHosts &&
           mean_interval(evidence, facts).value_or(kAtOnce) >= kAtOnce;
}

void find_half_open_checks(const RuleInput& evidence, FindingDrafts& drafts) {
    const std::uint64_t many = count_threshold(evidence, "half_open_checks.connections");
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::half_open_check);
        if (!facts || facts->count < many || !is_check(evidence, *facts)) continue;
        FindingDraft draft{"half_open_checks", report::Severity::info};
        draft.subject = party_text(ends);
        draft.connections = facts->ids.list();
        draft.likes = facts->likes.list();
        const auto every = mean_interval(evidence, *facts);
        draft.what = fmt::format(
            "{} of {} {} opened and reset at once without data, by {}{}, as health checks "
            "do.",
            counted(facts->count, "connection"), party_text(ends),
            facts->count == 1 ? "was" : "were", counted(facts->hosts.size(), "host"),
            every ? fmt::format(", one every {} on average", duration_text(*every)) : "");
        draft.evidence = {
            {"count", "connections", facts->count},
            {"all", "of connections ended", ends.connections()},
            {"hosts", "hosts", std::uint64_t{facts->hosts.size()}},
            {"interval_ns", "one every", every ? FindingDraft::Cell(*every) : FindingDraft::Cell()},
            {"netns", "network namespace", std::uint64_t{key.netns}}};
        draft.scope.connections = facts->count;
        draft.advice.push_back("Load balancers check so whether a port is open (haproxy: check). "
                               "If they are unwelcome, let them send a request instead.");
        if (facts->details[tcp::EndingDetail::reset_received] > 0)
            draft.advice.push_back("A client that gives up within a round trip, before the SYN-ACK "
                                   "comes, looks the same from here.");
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
