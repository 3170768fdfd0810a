// SPDX-License-Identifier: Apache-2.0
// Sockets that listen for HTTP, from what a user writes: HOST:PORT, [IPV6]:PORT, unix:PATH.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace tcpdwell::serve {

struct ListeningSocket {
    Fd fd;
    std::string name; ///< for people: as given, with the port that was chosen for 0
};

/// Binds and listens. HOST is an address, or a name that has one (localhost). A socket file that
/// nobody listens at any more is replaced. ErrorCode::usage: not such a text; ErrorCode::failed
/// says why it can't be had.
Result<ListeningSocket> listen_at(const std::string& where);

/// One that the service manager has made. An error if it doesn't listen.
Result<ListeningSocket> adopt_socket(Fd fd);

} // namespace tcpdwell::serve
