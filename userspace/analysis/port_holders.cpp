// SPDX-License-Identifier: Apache-2.0
#include "analysis/port_holders.h"

#include <algorithm>
#include <functional>

namespace tcpdwell::analysis {
namespace {

bool is_idle(const track::LiveSocket& socket, MonoTime now) {
    const event::SocketNumbers* n = socket.numbers;
    if (n == nullptr || !n->since_sent_ms || !n->since_received_ms) return false;
    const Nanoseconds before = std::chrono::milliseconds(
        std::min<std::uint32_t>(*n->since_sent_ms, *n->since_received_ms));
    return before + (now - socket.numbers_at.value_or(now)) >= kIdlePort;
}

PortState state_of(const track::LiveSocket& socket, MonoTime now) {
    if (socket.state == tcp::State::TIME_WAIT) return PortState::time_wait;
    if (socket.state == tcp::State::CLOSE_WAIT) return PortState::close_wait;
    return socket.state == tcp::State::ESTABLISHED && is_idle(socket, now) ? PortState::idle
                                                                           : PortState::other;
}

} // namespace

void PortHolders::note(const track::LiveSocket& socket, MonoTime now, Weight weight) {
    count_ += weight;
    states_[state_of(socket, now)] += weight;
    std::array<char, TD_COMM_LEN> comm{};
    if (socket.who.process) comm = socket.who.process->comm_bytes;
    auto found = std::ranges::find(programs_, comm, &Program::comm);
    if (found == programs_.end()) {
        if (programs_.size() + 1 >= kMostPrograms) comm = {};
        found = std::ranges::find(programs_, comm, &Program::comm);
    }
    if (found == programs_.end()) found = programs_.insert(found, Program{comm});
    found->ports += weight;
}

PortState PortHolders::most_are() const {
    for (const PortState state : kAllOf<PortState>)
        if (states_[state] * 2 > count_) return state;
    return PortState::other;
}

std::vector<PortHolders::Program> PortHolders::programs() const {
    std::vector<Program> sorted = programs_;
    std::ranges::stable_sort(sorted, std::greater<>(), &Program::ports);
    return sorted;
}

bool PortHolders::has_unknown() const {
    return std::ranges::any_of(programs_, [](const Program& each) { return each.comm[0] == 0; });
}

} // namespace tcpdwell::analysis
