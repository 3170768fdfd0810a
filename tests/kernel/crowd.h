// SPDX-License-Identifier: Apache-2.0
// Many connections of a kind, between two processes or within one.
#pragma once

#include <vector>

#include "capture.h"
#include "sockets.h"

namespace tcpdwell::test {

/// Both ends of a connection over loopback.
struct SocketPair {
    Fd client;
    Fd server;
};

/// Connects within this process.
SocketPair couple_at(const Fd& listener);
std::vector<SocketPair> couples_at(const Fd& listener, int count);

/// Closes both ends, `first` first; the other end closes when it has got the FIN, so that the two
/// don't cross.
void close_couple(SocketPair& couple, Side first);
void close_couples(std::vector<SocketPair>& couples, Side first);

/// Connections to a listener of this process from a new one called `comm`, one after the other,
/// each closed by `first` and then by the other end. Both have ended, and neither has crossed, when
/// it returns.
void exchange(const Fd& listener, const char* comm, int count, Side first);

} // namespace tcpdwell::test
