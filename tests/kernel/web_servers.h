// SPDX-License-Identifier: Apache-2.0
// nginx, and haproxy in front of it, in the calling thread's network namespace, configured so that
// now they, now their clients close first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "support/program.h"

namespace tcpdwell::test {

class WebServers {
public:
    // Ports, at 127.0.0.1 and ::1. All serve /small (1 KB), /slow (much more than a second's
    // worth), /dropped (closed without an answer), /reset (reset without an answer).
    static constexpr std::uint16_t kNginx =
        8081; ///< keeps connections for a second and five requests
    static constexpr std::uint16_t kNginxOnce = 8082; ///< closes after each answer
    static constexpr std::uint16_t kProxy =
        8090; ///< haproxy, keeps connections on both sides for a while
    static constexpr std::uint16_t kProxyOnce = 8091; ///< haproxy, one request per connection
    static constexpr std::uint16_t kProxyBytes =
        8092; ///< haproxy that copies bytes, without a look at them

    /// Starts both. Throws std::runtime_error with what they say if they don't listen soon.
    explicit WebServers(const std::filesystem::path& folder);

    /// Stops both, gently. Returns what was wrong; "" if nothing was.
    std::string stop();

private:
    std::optional<Program> nginx_;
    std::optional<Program> haproxy_;
};

} // namespace tcpdwell::test
