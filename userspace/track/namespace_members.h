// SPDX-License-Identifier: Apache-2.0
// The connections of each network namespace: the end of a listing looks at those of its own, and
// there may be as many listings as records.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "track/connection_table.h"

namespace tcpdwell::track {

class NamespaceMembers {
public:
    /// A new connection, whose namespace and last event are known.
    void add(const Connection& c, ConnectionTable& table) {
        Members& members = by_namespace_[c.who.netns];
        members.earliest = std::min(members.earliest, c.last_event);
        if (members.all.size() >= members.tidy_at) {
            std::erase_if(members.all, [&](const Member& each) { return !find(each, table); });
            members.tidy_at = std::max(kSmall, 2 * members.all.size());
        }
        members.all.push_back({c.who.slot, c.sequence});
    }

    /// Calls visit(connection), which may release it, for each of that namespace, oldest first.
    /// Unless none had its last event before `before`: then there is nothing to look for.
    template <class Visit>
    void visit(std::uint32_t netns, MonoTime before, ConnectionTable& table, const Visit& visit) {
        const auto found = by_namespace_.find(netns);
        if (found == by_namespace_.end() || found->second.earliest >= before) return;
        MonoTime earliest = MonoTime::max();
        std::erase_if(found->second.all, [&](const Member& each) {
            if (Connection* const c = find(each, table)) visit(*c);
            const Connection* const left = find(each, table);
            if (left && !left->ended) earliest = std::min(earliest, left->last_event);
            return !left;
        });
        found->second.earliest = earliest;
        if (found->second.all.empty()) by_namespace_.erase(found);
    }

private:
    static constexpr std::size_t kSmall = 64;
    struct Member {
        Slot slot;
        std::uint32_t sequence;
    };
    struct Members {
        std::vector<Member> all; ///< in order of creation; some have been released since
        std::size_t tidy_at = kSmall;
        MonoTime earliest = MonoTime::max(); ///< no last event of one that hasn't ended is earlier
    };
    static Connection* find(const Member& each, ConnectionTable& table) {
        return table.find(each.slot, each.sequence);
    }

    std::unordered_map<std::uint32_t, Members> by_namespace_;
};

} // namespace tcpdwell::track
