// SPDX-License-Identifier: Apache-2.0
#include "run/known_paths.h"

namespace tcpdwell::run {

/// What the containers take besides, by and large.
std::size_t KnownPaths::cost_of(std::string_view path) { return path.size() + 100; }

std::size_t KnownPaths::learn(std::uint64_t id, std::string_view path) {
    if (cost_of(path) > most_bytes_) return 1;
    if (const auto known = paths_.find(id); known != paths_.end()) {
        if (known->second.path == path) return 0;
        if (budget_.exchange(cost_of(known->second.path), cost_of(path))) {
            known->second.path = path;
            return 0;
        }
        budget_.give_back(known->second.path.size());
        known->second.path.clear(); // no longer the right one, and no room for the new one
        return 1;
    }
    std::size_t gone = 0;
    for (; !budget_.take(cost_of(path)); ++gone) drop_one();
    paths_.emplace(id, Known{std::string(path)});
    line_.push_back(id);
    return gone;
}

void KnownPaths::drop_one() {
    while (true) {
        const auto first = paths_.find(line_.front());
        line_.pop_front();
        if (first->second.is_used) {
            first->second.is_used = false;
            line_.push_back(first->first);
            continue;
        }
        budget_.give_back(cost_of(first->second.path));
        paths_.erase(first);
        return;
    }
}

std::optional<std::string_view> KnownPaths::find(std::uint64_t id) const {
    const auto known = paths_.find(id);
    if (known == paths_.end()) return std::nullopt;
    known->second.is_used = true;
    return known->second.path;
}

} // namespace tcpdwell::run
