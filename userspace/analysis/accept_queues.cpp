// SPDX-License-Identifier: Apache-2.0
#include "analysis/accept_queues.h"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/scope.h"

namespace tcpdwell::analysis {
namespace {

constexpr std::size_t kExampleIds = 5;
constexpr std::size_t kMostDelays = 1000; ///< histograms; the table has numbers of all

constexpr report::Column kQueueColumns[] = {
    {.id = "local", .title = "Listener", .help = "Listening endpoint."},
    {.id = "process",
     .title = "Process",
     .help = "The process that listens: of several sockets, at that with the longest queue."},
    {.id = "netns", .title = "Namespace", .help = "Inode of the network namespace."},
    {.id = "accepts", .title = "Accepted", .help = "Connections that were accepted."},
    {.id = "p50_ns", .title = "Median", .help = "Time in the queue: the median."},
    {.id = "p99_ns", .title = "99 %", .help = "Time in the queue: 99 % waited less."},
    {.id = "max_ns", .title = "Longest", .help = "Time in the queue: the longest."},
    {.id = "waiting", .title = "Waiting", .help = "Established now, and not accepted."},
    {.id = "oldest_ns", .title = "Oldest", .help = "How long the oldest has waited, at least."},
    {.id = "queued",
     .title = "Queue",
     .help = "Length of the queue, at the last look; of all its sockets together (SO_REUSEPORT)."},
    {.id = "limit",
     .title = "Limit",
     .help = "Beyond it the queue is full: the backlog; of all its sockets together."},
};

constexpr report::TableView kQueueView[] = {
    {"local", "LISTENER", "Listening endpoint.", 21, report::Align::left},
    {"process", "PROCESS", "The process that listens.", 13, report::Align::left},
    report::minor_column("netns", "Inode of the network namespace."),
    {"accepts", "ACCEPTS", "Connections that were accepted.", 7},
    {"p50_ns", "P50", "Median of the time in the queue.", 7},
    report::minor_column("p99_ns", "99 % waited less."),
    {"max_ns", "MAX", "The longest time in the queue.", 7},
    {"waiting", "WAIT", "Established now, and not accepted.", 5},
    {"oldest_ns", "OLDEST", "How long the oldest has waited, at least.", 7},
    report::minor_column("queued", "Length of the queue, at the last look."),
    {"limit", "LIMIT", "The backlog.", 6},
};

report::Value known(const std::optional<std::uint64_t>& number) {
    return number ? report::Value(report::count_value(*number)) : report::Value();
}

/// Who is at work doesn't leave a connection in the queue for so long.
constexpr Nanoseconds kPrompt = std::chrono::milliseconds(100);

bool is_prompt(const track::Accept& accept) { return accept.delay && *accept.delay < kPrompt; }

/// When the handshake was complete, or not later than that; and whether it was seen.
std::pair<MonoTime, bool> established_at(const track::LiveSocket& socket) {
    MonoTime at = socket.since.value_or(socket.known_since);
    bool exact = socket.since.has_value();
    if (socket.state == tcp::State::ESTABLISHED) return {at, exact};
    for (const track::PathStep& step : socket.left)
        if (step.state != tcp::State::SYN_RECV) {
            at -= step.dwell.value_or(step.at_least);
            exact = exact && step.dwell.has_value();
        }
    return {at, exact};
}

} // namespace

void PromptAccepts::note_ended(Accepted accepted) {
    if (ended_.size() < kMost) {
        ended_.push_back(accepted);
        return;
    }
    ended_[next_] = accepted;
    next_ = (next_ + 1) % kMost;
}

std::vector<PromptAccepts::Accepted> PromptAccepts::list() const {
    std::vector<Accepted> all(ended_);
    all.insert(all.end(), live_.begin(), live_.end());
    return all;
}

AcceptQueue* AcceptQueues::queue_of(std::uint32_t netns, const tcp::Endpoint& local,
                                    tcp::Family family) {
    const std::pair key(netns, local);
    if (const auto known = queues_.find(key); known != queues_.end()) return &known->second;
    if (queues_.size() >= Flows::kMaxGroups) return nullptr;
    AcceptQueue& queue = queues_[key];
    queue.netns = netns;
    queue.local = local;
    queue.family = family;
    return &queue;
}

AcceptQueue* AcceptQueues::queue_of(const track::ConnectionIdentity& accepted) {
    const ServiceKey service = flows_.service_key(accepted);
    AcceptQueue* queue = queue_of(service.netns, service.local, service.family);
    if (queue) note_some(queue->addresses, accepted.tuple.local.address);
    return queue;
}

void AcceptQueues::on_connection(const track::ConnectionLine& line, Weight weight) {
    openings_.on_connection(line, weight);
    if (!line.accept || !line.accept->accepted) return;
    if (!line.accept->at) return note_unknown_accept(*line.who, line.seen);
    AcceptQueue* queue = queue_of(*line.who);
    if (!queue) return;
    note_accept(*queue, line.who->process, *line.accept);
    if (!line.accept->delay) return;
    queue->delays.record(*line.accept->delay, weight);
    note_late(queue->late, *line.accept->delay, line.states, weight);
    if (is_prompt(*line.accept)) queue->prompt.note_ended({*line.accept->at, weight});
}

/// The peer has closed before if it was left for CLOSE_WAIT sooner.
void AcceptQueues::note_late(LateAccepts& late, Nanoseconds delay,
                             std::span<const track::PathStep> left, Weight weight) {
    if (delay < LateAccepts::kLate) return;
    late.count += weight;
    const auto open = std::ranges::find(left, tcp::State::ESTABLISHED, &track::PathStep::state);
    if (open == left.end() || !open->dwell || *open->dwell >= delay) return;
    const auto next = std::next(open);
    if (next == left.end() || next->state == tcp::State::CLOSE_WAIT) late.given_up += weight;
}

bool AcceptQueue::is_full() const {
    // Before each report of a run there is a look, of what is replayed there may be none for long.
    constexpr Nanoseconds kSoon = std::chrono::seconds(2);
    if (sockets.empty() || !sockets.front().is_full()) return false;
    const std::optional<MonoTime>& looked_at = sockets.front().looked_at;
    return !looked_at || std::ranges::none_of(accepters, [&](const Accepter& each) {
        return each.last > *looked_at + kSoon;
    });
}

void AcceptQueues::note_accept(AcceptQueue& queue, const std::optional<event::Process>& by,
                               const track::Accept& accept) {
    const MonoTime at = *accept.at;
    if (accept.delay) queue.pauses.note(at - *accept.delay, at);
    if (!by) {
        queue.are_all_accepts_known = false;
        return;
    }
    const auto known = std::ranges::find(queue.accepters, by->pid,
                                         [](const Accepter& each) { return each.process.pid; });
    if (known != queue.accepters.end()) {
        known->last = std::max(known->last, at);
        return;
    }
    if (queue.accepters.size() < AcceptQueue::kMostAccepters) {
        queue.accepters.push_back({*by, at});
        return;
    }
    const auto oldest = std::ranges::min_element(queue.accepters, {}, &Accepter::last);
    if (oldest->last < at) *oldest = {*by, at};
}

/// An accept() before the trace began is of no interest.
void AcceptQueues::note_unknown_accept(const track::ConnectionIdentity& who, tcp::Seen seen) {
    if (seen == tcp::Seen::joined) return;
    const ServiceKey service = flows_.service_key(who);
    const auto known = queues_.find({service.netns, service.local});
    if (known != queues_.end()) known->second.are_all_accepts_known = false;
}

void AcceptQueues::begin_live(MonoTime now) {
    now_ = now;
    openings_.begin_live(now);
    for (auto& [key, queue] : queues_) {
        queue.process.reset();
        queue.holders.clear();
        queue.ids.clear();
        queue.likes.clear();
        queue.live_delays.clear();
        queue.live_late = {};
        queue.waiting = queue.half_closed = 0;
        queue.oldest = Nanoseconds(0);
        queue.oldest_is_exact = true;
        queue.since.reset();
        queue.prompt.clear_live();
        queue.queued.reset();
        queue.limit.reset();
        queue.is_open = false;
        queue.waiting_at.clear();
        queue.sockets.clear();
        queue.socket_count = 0;
        queue.least_limit.reset();
        queue.are_limits_known = true;
    }
}

void AcceptQueues::note_socket(AcceptQueue& queue, QueueSocket socket) {
    ++queue.socket_count;
    queue.are_limits_known = queue.are_limits_known && socket.limit;
    if (socket.limit)
        queue.least_limit = std::min(queue.least_limit.value_or(*socket.limit), *socket.limit);
    // A full one may be shorter than another one that isn't: each has a backlog of its own.
    const auto is_longer = [](const QueueSocket& a, const QueueSocket& b) {
        return std::pair(a.is_full(), a.queued) > std::pair(b.is_full(), b.queued);
    };
    queue.sockets.insert(std::ranges::upper_bound(queue.sockets, socket, is_longer),
                         std::move(socket));
    if (queue.sockets.size() > AcceptQueue::kMostSockets) queue.sockets.pop_back();
    const QueueSocket& longest = queue.sockets.front();
    if (longest.process) queue.process = longest.process;
}

void AcceptQueues::note_listener(const track::LiveSocket& socket) {
    const track::ConnectionIdentity& who = socket.who;
    AcceptQueue* queue = queue_of(who.netns, who.tuple.local, who.tuple.family);
    if (!queue) return;
    queue->is_open = true;
    QueueSocket listening;
    listening.process = who.process;
    if (socket.holders != nullptr) {
        listening.holders = socket.holders->processes;
        // As with other sockets: who listened or accepted could be looked into before.
        listening.are_all_holders =
            !listening.holders.empty() && socket.holders->count == listening.holders.size();
        for (const event::Process& each : socket.holders->processes)
            if (queue->holders.size() < TD_MOST_HOLDERS &&
                std::ranges::find(queue->holders, each) == queue->holders.end())
                queue->holders.push_back(each);
    }
    if (socket.numbers != nullptr && socket.numbers->unread && socket.backlog) {
        listening.queued = *socket.numbers->unread;
        listening.limit = *socket.backlog;
        listening.looked_at = socket.numbers_at;
        queue->queued = queue->queued.value_or(0) + *listening.queued;
        queue->limit = queue->limit.value_or(0) + *listening.limit;
    }
    note_socket(*queue, std::move(listening));
}

void AcceptQueues::note_waiting(AcceptQueue& queue, const track::LiveSocket& socket,
                                Weight weight) const {
    const auto [since, exact] = established_at(socket);
    const Nanoseconds age = std::max(now_ - since, Nanoseconds(0));
    queue.seen_at = now_;
    queue.waiting += weight;
    if (socket.state != tcp::State::ESTABLISHED) queue.half_closed += weight;
    if (age >= queue.oldest) {
        queue.oldest = age;
        queue.since = since;
        queue.oldest_is_exact = exact;
    }
    if (socket.who.process && (queue.waiting_at.size() < AcceptQueue::kMostSockets ||
                               queue.waiting_at.contains(socket.who.process->pid)))
        queue.waiting_at[socket.who.process->pid] += weight;
    if (queue.ids.size() < kExampleIds)
        queue.ids.push_back(socket.who.id);
    else
        queue.likes.note(socket.who.id);
}

void AcceptQueues::note_accepted(AcceptQueue& queue, const track::LiveSocket& socket,
                                 Weight weight) {
    const track::Accept& accept = *socket.accept;
    note_accept(queue, socket.who.process, accept);
    if (!accept.delay) return;
    queue.live_delays.record(*accept.delay, weight);
    if (is_prompt(accept)) queue.prompt.note_live({*accept.at, weight});
    if (*accept.at >= interval_begin_)
        note_late(queue.live_late, *accept.delay, socket.left, weight);
}

void AcceptQueues::on_live(const track::LiveSocket& socket, Weight weight) {
    if (socket.state == tcp::State::LISTEN) return note_listener(socket);
    openings_.on_live(socket, weight);
    if (!socket.accept) return;
    const bool waits = !socket.accept->accepted && (socket.state == tcp::State::ESTABLISHED ||
                                                    socket.state == tcp::State::CLOSE_WAIT);
    if (!waits && !socket.accept->at) {
        if (socket.accept->accepted) note_unknown_accept(socket.who, socket.seen);
        return;
    }
    AcceptQueue* queue = queue_of(socket.who);
    if (!queue) return;
    if (waits) return note_waiting(*queue, socket, weight);
    note_accepted(*queue, socket, weight);
}

void AcceptQueues::add_to(report::Report& report, const ReportContext&) {
    report::Table table{kQueueColumns, kQueueView, {}};
    report::Distributions delays;
    auto& members = delays.groups.emplace_back().members;
    std::vector<const AcceptQueue*> order;
    for (const auto& [key, queue] : queues_)
        if (queue.waiting + queue.delays.count() + queue.live_delays.count() != 0)
            order.push_back(&queue);
    std::ranges::stable_sort(order, [](const AcceptQueue* a, const AcceptQueue* b) {
        return std::tuple(a->waiting, a->delays.count() + a->live_delays.count()) >
               std::tuple(b->waiting, b->delays.count() + b->live_delays.count());
    });
    std::map<std::string, LogHistogram> by_endpoint; // of all namespaces
    for (const AcceptQueue* queue : order) {
        LogHistogram sum(queue->delays);
        sum.merge(queue->live_delays);
        const bool any = sum.count() != 0;
        const auto time = [any](Nanoseconds value) {
            return any ? report::Value(value) : report::Value();
        };
        report::Value process;
        if (queue->process)
            process = report::ProcessValue{queue->process->pid,
                                           report.keep(std::string(queue->process->comm()))};
        table.rows.push_back({report::EndpointValue{queue->local, queue->family}, process,
                              std::int64_t{queue->netns}, report::count_value(sum.count()),
                              time(sum.quantile(0.5)), time(sum.quantile(0.99)), time(sum.max()),
                              report::count_value(queue->waiting),
                              queue->waiting == 0 ? report::Value() : report::Value(queue->oldest),
                              known(queue->queued), known(queue->limit)});
        if (any && table.rows.size() <= kMostDelays)
            by_endpoint[queue->local.text(queue->family)].merge(sum);
    }
    for (const auto& [endpoint, histogram] : by_endpoint)
        members.push_back(summarise(histogram, report.keep(endpoint), "ESTABLISHED to accept()"));
    report.sections.push_back({"accept_queues", "Waiting for accept()",
                               "How long connections were in the accept queue, and those that are "
                               "there now.",
                               std::move(table), report::SectionPlace::who});
    report.sections.push_back({"accept_delays", "Time until accept()",
                               "From ESTABLISHED until accept() returned, by listening endpoint.",
                               std::move(delays), report::SectionPlace::durations, false});
}

void AcceptQueues::next_interval(MonoTime now) {
    interval_begin_ = now;
    openings_.next_interval();
    for (auto& [key, queue] : queues_) {
        queue.delays.clear();
        queue.prompt.clear_ended();
        queue.late = {};
        queue.pauses.forget_waits();
    }
    std::erase_if(
        queues_, [](const auto& each) { return !each.second.is_open && each.second.waiting == 0; });
}

} // namespace tcpdwell::analysis
