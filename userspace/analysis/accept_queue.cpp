// SPDX-License-Identifier: Apache-2.0
// What is known of one listening endpoint's queue.
#include <algorithm>

#include "analysis/accept_queues.h"

namespace tcpdwell::analysis {
namespace {

bool has_pid(const std::vector<event::Process>& list, std::uint32_t pid) {
    return std::ranges::find(list, pid, &event::Process::pid) != list.end();
}

void add_new(std::vector<event::Process>& list, const event::Process& process) {
    if (!has_pid(list, process.pid)) list.push_back(process);
}

/// Whether it may have a descriptor of the socket. Where not all holders were found, whoever isn't
/// among them may.
bool may_hold(const QueueSocket& socket, const event::Process& process) {
    return !socket.are_all_holders || has_pid(socket.holders, process.pid);
}

/// Whether that socket is the endpoint's only one that it may have accepted from.
bool can_only_mean(const AcceptQueue& queue, const QueueSocket& socket,
                   const event::Process& accepter) {
    return std::ranges::all_of(queue.sockets, [&](const QueueSocket& each) {
        return &each == &socket || !may_hold(each, accepter);
    });
}

std::vector<event::Process> who_accepts_from(const AcceptQueue& queue, const QueueSocket& socket) {
    std::vector<event::Process> who;
    for (const Accepter& each : queue.accepters)
        if (may_hold(socket, each.process) &&
            (socket.are_all_holders || can_only_mean(queue, socket, each.process)))
            add_new(who, each.process);
    if (!who.empty()) return who;
    if (socket.process && may_hold(socket, *socket.process)) return {*socket.process};
    return socket.holders;
}

} // namespace

std::vector<const QueueSocket*> AcceptQueue::busy_sockets() const {
    std::vector<const QueueSocket*> busy;
    const auto choose = [&](const auto& fits) {
        for (const QueueSocket& each : sockets)
            if (busy.size() < kMostSockets && fits(each)) busy.push_back(&each);
    };
    choose([](const QueueSocket& each) { return each.queued.value_or(0) > 0; });
    if (busy.empty() && !queued)
        choose([&](const QueueSocket& each) {
            return each.process && waiting_at.contains(each.process->pid);
        });
    if (busy.empty()) choose([](const QueueSocket&) { return true; });
    return busy;
}

std::vector<event::Process> AcceptQueue::who_accepts() const {
    std::vector<event::Process> who;
    for (const QueueSocket* socket : busy_sockets())
        for (const event::Process& each : who_accepts_from(*this, *socket)) add_new(who, each);
    return who;
}

bool AcceptQueue::is_orphaned() const {
    const std::vector<const QueueSocket*> busy = busy_sockets();
    return !busy.empty() && std::ranges::all_of(busy, [&](const QueueSocket* socket) {
        // A program that goes on in a child is no heir.
        return socket->process && !may_hold(*socket, *socket->process) &&
               std::ranges::none_of(socket->holders,
                                    [&](const event::Process& each) {
                                        return each.comm() == socket->process->comm();
                                    }) &&
               std::ranges::none_of(accepters, [&](const Accepter& each) {
                   return may_hold(*socket, each.process);
               });
    });
}

bool AcceptQueue::have_one_socket(const std::vector<event::Process>& who) const {
    if (socket_count <= 1) return true;
    return socket_count == sockets.size() &&
           std::ranges::all_of(who, [&](const event::Process& process) {
               return std::ranges::count_if(sockets, [&](const QueueSocket& each) {
                          return may_hold(each, process);
                      }) <= 1;
           });
}

std::optional<MonoTime> AcceptQueue::last_accept(const std::vector<event::Process>& who) const {
    std::optional<MonoTime> last;
    for (const Accepter& each : accepters)
        if (has_pid(who, each.process.pid)) last = std::max(last.value_or(each.last), each.last);
    return last;
}

} // namespace tcpdwell::analysis
