// SPDX-License-Identifier: Apache-2.0
#include "analysis/overflowed_queues.h"

#include <algorithm>
#include <functional>
#include <tuple>

namespace tcpdwell::analysis {
namespace {

constexpr Nanoseconds kLongInQueue = std::chrono::milliseconds(100);

std::vector<const AcceptQueue*> listeners_in(const RuleInput& evidence, std::uint32_t netns) {
    std::vector<const AcceptQueue*> list;
    const AcceptQueues::Queues& queues = evidence.accepts.queues();
    for (auto each = queues.lower_bound({netns, tcp::Endpoint{}});
         each != queues.end() && each->first.first == netns; ++each)
        if (each->second.is_open || each->second.waiting > 0) list.push_back(&each->second);
    return list;
}

/// Too few connections came to fill it, even if all were one socket's, and none had been accepted.
bool had_room_for_all(const AcceptQueue& queue, const Openings& served) {
    return queue.are_limits_known && queue.least_limit &&
           std::max(served.all, queue.queued.value_or(0)) <= *queue.least_limit;
}

/// All clients of a loopback address are on this host. Each SYN was answered at once, and each
/// client that believes that it is connected is: nothing was dropped.
bool served_all_at_once(const RuleInput& evidence, const AcceptQueue& queue,
                        const Openings& served) {
    if (!queue.local.address.is_loopback()) return false;
    const Openings tried = evidence.accepts.openings().tried(queue.netns, queue.local);
    return tried.unclear == 0 && served.unclear == 0 && tried.established == served.established;
}

bool cannot_have_overflowed(const RuleInput& evidence, const AcceptQueue& queue) {
    const OpeningTally& openings = evidence.accepts.openings();
    if (!evidence.overview.is_complete() || !openings.is_complete()) return false;
    const Openings served = openings.served(queue.netns, queue.local);
    return had_room_for_all(queue, served) || served_all_at_once(evidence, queue, served);
}

Nanoseconds longest_delay(const AcceptQueue& queue) {
    return std::max(queue.delays.max(), queue.live_delays.max());
}

/// What it was seen to do to clients, or that it is full: the traces of an overflow.
bool bears_traces(const RuleInput& evidence, const AcceptQueue& queue) {
    return queue.is_full() || delayed_clients(evidence, queue) > 0;
}

bool is_slow(const AcceptQueue& queue) {
    return queue.waiting > 0 || longest_delay(queue) >= kLongInQueue;
}

/// Of those that bear traces, or else of those where connections waited: unless it may be one that
/// isn't known.
std::vector<const AcceptQueue*> likely(const RuleInput& evidence,
                                       const std::vector<const AcceptQueue*>& possible) {
    std::vector<const AcceptQueue*> chosen;
    const auto choose = [&](const auto& fits) {
        std::ranges::copy_if(possible, std::back_inserter(chosen),
                             [&](const AcceptQueue* each) { return fits(*each); });
    };
    choose([&](const AcceptQueue& each) { return bears_traces(evidence, each); });
    if (chosen.empty() && evidence.overview.has_all_listeners()) choose(is_slow);
    std::ranges::stable_sort(chosen, std::greater<>(), [&](const AcceptQueue* each) {
        return std::tuple(delayed_clients(evidence, *each), each->is_full(), each->waiting,
                          longest_delay(*each));
    });
    return chosen;
}

} // namespace

std::uint64_t delayed_clients(const RuleInput& evidence, const AcceptQueue& queue) {
    std::set<tcp::IpAddress> addresses = queue.addresses;
    if (!queue.local.address.is_unspecified()) addresses.insert(queue.local.address);
    std::uint64_t delayed = 0;
    for (const tcp::IpAddress& each : addresses)
        delayed += evidence.accepts.openings().tried(queue.netns, {each, queue.local.port}).delayed;
    return delayed;
}

OverflowedQueues overflowed_queues(const RuleInput& evidence, std::uint32_t netns) {
    constexpr std::size_t kMostNamed = 3;
    std::vector<const AcceptQueue*> possible = listeners_in(evidence, netns);
    const bool are_all = evidence.overview.has_whole_namespaces() &&
                         !evidence.overview.is_sampled() &&
                         evidence.accepts.queues().size() < Flows::kMaxGroups &&
                         !evidence.counters.has_lost_listener(netns);
    if (are_all && possible.size() == 1) return {possible, true};
    const bool is_outside = possible.empty() && !evidence.overview.has_all_listeners();
    std::erase_if(possible,
                  [&](const AcceptQueue* each) { return cannot_have_overflowed(evidence, *each); });
    if (are_all && possible.size() == 1) return {possible, true};
    OverflowedQueues found{likely(evidence, possible), false, is_outside};
    if (found.queues.size() > kMostNamed) found.queues.clear();
    return found;
}

} // namespace tcpdwell::analysis
