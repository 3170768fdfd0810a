// SPDX-License-Identifier: Apache-2.0
#include "analysis/findings_queues.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace tcpdwell::analysis {

std::string listener_text(const AcceptQueue& queue) {
    return fmt::format("{} on {}", processes_text(queue.who_accepts()),
                       queue.local.text(queue.family));
}

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

namespace {

/// What most of those that can accept are occupied with.
struct Occupied {
    std::uint64_t processes = 0; ///< that can accept
    std::uint64_t alike = 0;     ///< of which these are occupied so
    Occupation longest{};
    bool have_all_asked = true; ///< the same endpoint, which that of the longest is
};

/// nullopt: some serve several connections, or it isn't known of enough of them.
std::optional<Occupied> occupied(const RuleInput& evidence, const AcceptQueue& queue) {
    std::map<OccupiedBy, std::vector<Occupation>> kinds;
    const std::vector<event::Process> who = queue.who_accepts();
    for (const event::Process& each : who) {
        const auto with = evidence.workers.occupation_of(each.pid);
        if (!with) return std::nullopt;
        if (with->lasting >= evidence.thresholds.duration("accept_stalled.age"))
            kinds[with->with].push_back(*with);
    }
    if (kinds.empty()) return std::nullopt;
    const auto size = [](const auto& kind) { return kind.second.size(); };
    const std::vector<Occupation>& most = std::ranges::max_element(kinds, {}, size)->second;
    Occupied found{who.size(), most.size(),
                   *std::ranges::max_element(most, {}, &Occupation::lasting)};
    for (const Occupation& each : most)
        found.have_all_asked = found.have_all_asked && each.asked && found.longest.asked &&
                               each.asked->remote == found.longest.asked->remote;
    return found;
}

std::string kept_by_text(const Occupied& occupied) {
    const Occupation& longest = occupied.longest;
    const bool is_one = occupied.alike == 1;
    const std::string lasting =
        fmt::format("{}{}", is_one ? "" : "up to ", duration_text(longest.lasting));
    const std::string client =
        is_one ? fmt::format(" ({})", longest.tuple.remote.text(longest.tuple.family)) : "";
    switch (longest.with) {
    case OccupiedBy::silent_client:
        return fmt::format("whose client{} has sent nothing for {}", client, lasting);
    case OccupiedBy::unread_answer:
        return fmt::format(
            "whose client{} doesn't read: nothing could be sent for {}{}", client, lasting,
            is_one ? fmt::format(" ({} unsent)", counted(longest.unsent, "byte")) : "");
    case OccupiedBy::unanswered_request: break;
    }
    const std::string asked =
        occupied.have_all_asked
            ? fmt::format(", and has heard nothing for {} from {}, where it has sent something "
                          "meanwhile",
                          duration_text(longest.asked->silent),
                          longest.asked->remote.text(longest.asked->family))
            : "";
    return fmt::format("whose client{} it hasn't answered for {}{}", client, lasting, asked);
}

/// What may help against it; empty: nothing more than against any program that is slow.
std::string occupation_advice(const Occupied& occupied) {
    const Occupation& longest = occupied.longest;
    if (longest.with != OccupiedBy::unanswered_request)
        return "If the program serves one connection at a time, it waits for that client: put a "
               "proxy in front of it that takes in requests and answers whole (nginx does), or let "
               "it serve several at once, or shorten its time-outs.";
    if (!occupied.have_all_asked) return "";
    return fmt::format("If it waits for the answer from {}, look there for the cause; a time-out "
                       "for that answer would bound the wait.",
                       longest.asked->remote.text(longest.asked->family));
}

/// "; app (pid 7) has one connection open, whose client (192.0.2.7:5000) has sent nothing for 7 s"
std::string occupation_text(const Occupied& found, const AcceptQueue& queue) {
    const std::string who =
        found.processes == 1 ? processes_text(queue.who_accepts()) + " has one connection open"
        : found.alike == found.processes ? "each of these processes has one connection open"
        : found.alike == 1
            ? fmt::format("1 of these {} processes has one connection open", found.processes)
            : fmt::format("{} of these {} processes have one connection open each", found.alike,
                          found.processes);
    return fmt::format("; {}, {}", who, kept_by_text(found));
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

} // namespace

void advise_on_queue(const RuleInput& evidence, const AcceptQueue* queue, FindingDraft& draft) {
    const auto found = queue == nullptr ? std::nullopt : occupied(evidence, *queue);
    if (found) {
        if (queue->waiting > 0 || queue->is_full()) {
            draft.what.pop_back(); // the full stop
            draft.what += occupation_text(*found, *queue) + '.';
        }
        draft.evidence.push_back({"occupied", "with one connection open each", found->alike});
        draft.evidence.push_back(
            {"occupied_by", "which is", std::string(name(found->longest.with))});
        draft.evidence.push_back({"occupied_ns", "for", found->longest.lasting});
        if (found->have_all_asked)
            draft.evidence.push_back(
                {"asked", "sent something meanwhile to",
                 found->longest.asked->remote.text(found->longest.asked->family)});
        if (std::string advice = occupation_advice(*found); !advice.empty())
            draft.advice.push_back(std::move(advice));
    }
    draft.advice.push_back(queue_advice(queue));
    if (queue != nullptr) advise_on_leak(evidence, *queue, draft);
}

} // namespace tcpdwell::analysis
