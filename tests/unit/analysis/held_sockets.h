// SPDX-License-Identifier: Apache-2.0
// For tests of what sockets that exist are held by, and since when.
#pragma once

#include <gtest/gtest.h>

#include "analysis/open_sockets.h"
#include "lines.h"

namespace tcpdwell::test {

struct OpenSocketsTest : testing::Test {
    analysis::Thresholds thresholds;
    ProcessNames people;

    analysis::OpenSockets look() { return analysis::OpenSockets(thresholds); }
};

inline event::SocketNumbers moved(std::uint32_t since_received_ms, std::uint32_t since_sent_ms) {
    event::SocketNumbers n;
    n.since_received_ms = since_received_ms;
    n.since_sent_ms = since_sent_ms;
    n.unsent = n.unacked = n.unread = 0;
    return n;
}

} // namespace tcpdwell::test
