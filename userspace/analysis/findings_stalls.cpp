// SPDX-License-Identifier: Apache-2.0
// Connections that nobody accepts, now or in a time that is over.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "analysis/findings_queues.h"

namespace tcpdwell::analysis {
namespace {

/// What whoever can accept has done meanwhile, as far as it was seen.
std::string meanwhile_text(const RuleInput& evidence, const AcceptQueue& queue) {
    const MonoTime now = evidence.moment.now;
    const std::vector<event::Process> who = queue.who_accepts();
    if (queue.is_orphaned())
        return fmt::format("; {}, which listened, has the listener no longer, and no accept() by "
                           "{} was seen",
                           process_text(queue.busy_sockets().front()->process),
                           who.size() == 1 ? "whoever inherited it" : "those that inherited it");
    if (!queue.have_one_socket(who)) return "";
    const std::optional<MonoTime> last = queue.last_accept(who);
    const Nanoseconds since = last ? std::max(now - *last, Nanoseconds(0)) : Nanoseconds(0);
    // Else it may have stopped just after that one.
    if (last && since * 2 < queue.oldest)
        return fmt::format(", and accept() takes them too slowly: the last one {} ago",
                           duration_text(since));
    if (!queue.are_all_accepts_known || !evidence.overview.is_complete()) return "";
    return last ? fmt::format(", and none has been accepted there for {}", duration_text(since))
                : fmt::format(", and none has been accepted there in the {} of this report",
                              duration_text(now - evidence.moment.begin));
}

/// " (queue 3 of 5)"; empty if it was read before those came that wait.
std::string queue_text(const RuleInput& evidence, const AcceptQueue& queue) {
    const bool is_old = !evidence.overview.is_sampled() && queue.queued.value_or(0) < queue.waiting;
    if (!limit_of(queue) || is_old) return "";
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
    draft.what = fmt::format("{} {} for accept() at {}, the oldest for {}{}{}: the clients {}{}.",
                             counted(waiting, "connection"), waiting == 1 ? "waits" : "wait",
                             listener_text(queue), queue.oldest_is_exact ? "" : "at least ",
                             duration_text(queue.oldest), queue_text(evidence, queue),
                             clients_text(queue), meanwhile_text(evidence, queue));
    describe(queue, draft);
    advise_on_queue(evidence, &queue, draft);
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
