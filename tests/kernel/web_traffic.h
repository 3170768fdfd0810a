// SPDX-License-Identifier: Apache-2.0
// Clients of the WebServers, and tcpdump(8) that watches them, in the calling thread's network
// namespace.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "support/program.h"

namespace tcpdwell::test {

/// A test with web traffic in a network namespace of its own. Skipped where a program for that
/// isn't installed and may be missing.
class WebTest : public ::testing::Test {
protected:
    void SetUp() override;
};

/// curl and ab visit all WebServers in all the ways that make now this side, now that side close
/// first, with a FIN or with an RST. Returns when no connection is open any more.
void make_web_traffic();

/// Captures what TCP sends over the loopback device.
class Tcpdump {
public:
    /// Captures from now on. Throws std::runtime_error if it can't.
    explicit Tcpdump(const std::string& file);
    /// Ends; what is wrong with the capture, "" if nothing is.
    std::string stop();

private:
    Program program_;
};

} // namespace tcpdwell::test
