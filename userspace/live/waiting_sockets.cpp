// SPDX-License-Identifier: Apache-2.0
#include "live/waiting_sockets.h"

#include <algorithm>
#include <string_view>

#include "base/hash.h"
#include "event/encode.h"
#include "event/record.h"
#include "live/now.h"

namespace tcpdwell::live {
namespace {

/// More sockets than this aren't looked at: the memory of the sampler, and the length of what it
/// writes.
constexpr std::size_t kMost = 100'000;
/// Numbers that are the same but for the time since the last segment are repeated so often.
constexpr std::uint64_t kRepeatInterval = 60 * kSecondNs;

std::uint64_t mix(std::uint64_t hash, std::uint64_t more) { return mix64(hash ^ mix64(more)); }

/// Of what distinguishes them but for times; never 0.
std::uint64_t hash_of(td_numbers numbers) {
    numbers.h = {};
    numbers.since_received = numbers.since_sent = 0;
    numbers.receiver_limited = numbers.send_buffer_limited = 0;
    const auto bytes = event::bytes_of(numbers);
    return std::hash<std::string_view>()(
               {reinterpret_cast<const char*>(bytes.data()), bytes.size()}) |
           1;
}

std::uint64_t hash_of(const event::HoldersFound& found) {
    std::uint64_t hash = mix(found.count + 1, found.partial ? 1 : 0);
    for (const event::Process& each : found.processes)
        hash = mix(hash, each.pid + std::hash<std::string_view>()(each.comm()));
    return hash | 1;
}

} // namespace

WaitingSockets::Reported& WaitingSockets::reported(std::uint64_t sock, std::uint64_t cookie) {
    const std::uint64_t key = mix(sock, cookie);
    const auto before = before_.find(key);
    return now_.try_emplace(key, before != before_.end() ? before->second : Reported{})
        .first->second;
}

void WaitingSockets::begin(std::uint64_t now_ns, bool all) {
    now_ns_ = now_ns;
    all_ = all;
    listed_.clear();
    before_ = std::move(now_);
    now_.clear();
}

void WaitingSockets::on_listed(std::span<const std::byte> record, const event::RecordSink& sink) {
    if (const auto socket = event::read_header(record).kind == TD_SOCKET
                                ? event::as<td_socket>(record)
                                : std::nullopt) {
        if (listed_.size() < kMost)
            listed_.push_back({socket->sock, socket->cookie, socket->inode});
        return;
    }
    const auto numbers = event::read_header(record).kind == TD_NUMBERS
                             ? event::as<td_numbers>(record)
                             : std::nullopt;
    if (!numbers || listed_.size() == kMost) return;
    Reported& last = reported(numbers->sock, numbers->cookie);
    const std::uint64_t hash = hash_of(*numbers);
    if (!all_ && last.numbers == hash && now_ns_ < last.numbers_at_ns + kRepeatInterval) return;
    last.numbers = hash;
    last.numbers_at_ns = now_ns_;
    sink(record);
}

std::unordered_set<std::uint64_t> WaitingSockets::inodes() const {
    std::unordered_set<std::uint64_t> result;
    for (const Listed& each : listed_)
        if (each.inode != 0) result.insert(each.inode);
    return result;
}

void WaitingSockets::end(std::uint64_t since_ns, const SocketOwners& owners,
                         const event::RecordSink& sink) {
    for (const Listed& each : listed_) {
        event::HoldersFound found{event::mono_time(since_ns), each.sock, each.cookie, 0, {}, false};
        if (const auto by = owners.by_inode.find(each.inode);
            each.inode != 0 && by != owners.by_inode.end()) {
            found.count = static_cast<std::uint32_t>(by->second.size());
            found.partial = owners.unreadable != 0;
            found.processes.assign(by->second.begin(),
                                   by->second.begin() +
                                       static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                           by->second.size(), TD_MOST_HOLDERS)));
        } else {
            // A file that no process has: on its way through a UNIX socket, or held by the kernel.
            found.partial = each.inode != 0;
        }
        Reported& last = reported(each.sock, each.cookie);
        const std::uint64_t hash = hash_of(found);
        if (!all_ && last.holders == hash) continue;
        last.holders = hash;
        sink(event::encode(found, {}));
    }
    listed_.clear();
    before_.clear();
}

} // namespace tcpdwell::live
