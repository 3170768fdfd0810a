// SPDX-License-Identifier: Apache-2.0
#include "live/waiting_minis.h"

#include <algorithm>

#include "event/record.h"
#include "tcp/state.h"

namespace tcpdwell::live {
namespace {

constexpr auto fin_wait2 = static_cast<std::uint8_t>(tcp::State::FIN_WAIT2);

} // namespace

void WaitingMinis::on_event(std::span<const std::byte> record) {
    if (!needed_ || event::read_header(record).kind != TD_TIMEWAIT) return;
    const auto timer = event::as<td_timewait>(record);
    if (!timer) return;
    if (timer->op == TD_TIMER_START && timer->substate == fin_wait2)
        minis_.insert(MiniKey(timer->h.netns, timer->tuple));
    else if (!minis_.empty())
        minis_.erase(MiniKey(timer->h.netns, timer->tuple));
}

bool WaitingMinis::on_listed(std::span<const std::byte> record) {
    if (event::read_header(record).kind != TD_SOCKET) return true;
    const auto socket = event::as<td_socket>(record);
    if (!socket) return true;
    const MiniKey key(socket->h.netns, socket->tuple);
    if (socket->flags & TD_SOCKET_SWEEP) return minis_.erase(key) != 0;
    if (needed_ && (socket->flags & TD_SOCKET_MINI) && socket->state == fin_wait2)
        minis_.insert(key);
    return true;
}

std::vector<std::uint32_t> WaitingMinis::namespaces() const {
    std::vector<std::uint32_t> list;
    for (const MiniKey& mini : minis_)
        if (std::find(list.begin(), list.end(), mini.netns()) == list.end())
            list.push_back(mini.netns());
    return list;
}

} // namespace tcpdwell::live
