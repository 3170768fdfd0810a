// SPDX-License-Identifier: Apache-2.0
#include "cli/line_order.h"

#include <algorithm>

namespace tcpdwell::cli {

bool LineOrder::is_later(const Waiting& a, const Waiting& b) {
    return a.at != b.at ? a.at > b.at : a.number > b.number;
}

void LineOrder::add(MonoTime at, const PrintedLine& line) {
    if (free_.empty()) {
        free_.push_back(texts_.size());
        texts_.emplace_back();
    }
    waiting_.push_back({at, ++count_, free_.back(), line.counts});
    std::push_heap(waiting_.begin(), waiting_.end(), is_later);
    texts_[free_.back()] = line.text;
    free_.pop_back();
}

bool LineOrder::release_first(const Take& take) {
    const Waiting& first = waiting_.front();
    if (!take({texts_[first.text], first.counts})) return false;
    free_.push_back(first.text);
    std::pop_heap(waiting_.begin(), waiting_.end(), is_later);
    waiting_.pop_back();
    return true;
}

void LineOrder::release(MonoTime now, const Take& take) {
    while (!waiting_.empty() && waiting_.front().at + kWait < now && release_first(take)) {}
}

void LineOrder::release_all(const Take& take) {
    while (!waiting_.empty() && release_first(take)) {}
}

} // namespace tcpdwell::cli
