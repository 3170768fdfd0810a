// SPDX-License-Identifier: Apache-2.0
#include "cli/line_order.h"

namespace tcpdwell::cli {

void LineOrder::release(MonoTime now, const Take& take) {
    while (!lines_.empty() && lines_.begin()->first.first + kWait < now) {
        if (!take(lines_.begin()->second)) return;
        lines_.erase(lines_.begin());
    }
}

void LineOrder::release_all(const Take& take) {
    for (; !lines_.empty() && take(lines_.begin()->second); lines_.erase(lines_.begin())) {}
}

} // namespace tcpdwell::cli
