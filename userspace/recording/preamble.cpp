// SPDX-License-Identifier: Apache-2.0
#include "recording/preamble.h"

#include "event/record.h"

namespace tcpdwell::recording {
namespace {

constexpr std::size_t kBesides = 128; ///< bytes of memory that an entry of the map takes

/// What distinguishes a fact or a path from others: its kind, its namespace, and its key or id.
std::string key_of(std::span<const std::byte> record, const td_header& header) {
    std::string key(1, static_cast<char>(header.kind));
    key.append(reinterpret_cast<const char*>(&header.netns), sizeof(header.netns));
    if (header.kind == TD_FACT) return key.append(event::fact_text(record).key);
    if (const auto fork = event::as<td_fork>(record); header.kind == TD_FORK && fork)
        return key.append(reinterpret_cast<const char*>(&fork->pid), sizeof(fork->pid));
    const auto cgroup = event::as<td_cgroup>(record); // or td_container, which begins likewise
    return cgroup ? key.append(reinterpret_cast<const char*>(&cgroup->id), sizeof(cgroup->id))
                  : key;
}

} // namespace

void Preamble::note(std::span<const std::byte> record) {
    const td_header header = event::read_header(record);
    if (header.kind == TD_CLOCK) {
        clock_.assign(record.begin(), record.end());
    } else if (header.kind == TD_LOST) {
        lost_.assign(record.begin(), record.end());
    } else if (header.kind == TD_FACT || header.kind == TD_CGROUP || header.kind == TD_CONTAINER) {
        keep(record, key_of(record, header));
    } else if (header.kind == TD_FORK) {
        keep_fork(record);
    }
}

/// With the earliest ancestor as the parent: the order in which they are repeated then means
/// nothing.
void Preamble::keep_fork(std::span<const std::byte> record) {
    auto fork = event::as<td_fork>(record);
    if (!fork) return;
    fork->parent = processes_.first_of(fork->parent);
    if (!processes_.fork(fork->parent, fork->pid)) {
        ++dropped_;
        return;
    }
    fork->h.size = sizeof(*fork);
    keep(event::bytes_of(*fork), key_of(record, fork->h));
}

void Preamble::keep(std::span<const std::byte> record, const std::string& key) {
    const auto known = others_.find(key);
    const bool is_new = known == others_.end();
    const bool has_room = is_new ? budget_.take(key.size() + record.size() + kBesides)
                                 : budget_.exchange(known->second.size(), record.size());
    if (!has_room) {
        ++dropped_;
        if (is_new) return;
        budget_.give_back(key.size() + known->second.size() + kBesides); // it is no longer true
        others_.erase(known);
    } else if (is_new) {
        others_.emplace(key, Bytes(record.begin(), record.end()));
    } else {
        known->second.assign(record.begin(), record.end());
    }
}

void Preamble::for_each(const std::function<void(std::span<const std::byte> record)>& visit) const {
    if (clock_.empty()) return;
    const std::uint64_t now = event::read_header(clock_).time_ns;
    const auto repeat = [&](Bytes record) {
        td_header header = event::read_header(record);
        header.flags |= TD_REPEATED;
        header.time_ns = now;
        event::write_header(record, header);
        visit(record);
    };
    repeat(clock_);
    if (!lost_.empty()) repeat(lost_);
    for (const auto& [key, record] : others_) repeat(record);
}

} // namespace tcpdwell::recording
