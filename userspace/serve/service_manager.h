// SPDX-License-Identifier: Apache-2.0
// The service manager's side of a daemon, systemd or another one that speaks sd_notify(3):
// readiness, status, watchdog, and sockets that it has opened. The protocol is a datagram and two
// variables of the environment; libsystemd would bring five more libraries into every start of this
// program.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/time.h"

namespace tcpdwell::serve {

/// Without a service manager nothing happens.
class ServiceManager {
public:
    /// Connects to $NOTIFY_SOCKET: before rights are given up. A socket that can't be reached is
    /// reported as a warning.
    static ServiceManager connect();

    void ready(std::string_view status) { send("READY=1\nSTATUS=" + std::string(status)); }
    void status(std::string_view status) { send("STATUS=" + std::string(status)); }
    void reloading();
    void stopping() { send("STOPPING=1"); }
    /// Sends a sign of life twice in each interval of the watchdog. To be called often.
    void alive();

private:
    void send(const std::string& text);

    Fd socket_;
    std::optional<std::chrono::microseconds> watchdog_; ///< half of its interval
    std::chrono::steady_clock::time_point next_alive_{};
};

/// The sockets that the service manager has passed (sd_listen_fds(3)), which are ours from now on.
std::vector<Fd> inherited_sockets();

} // namespace tcpdwell::serve
