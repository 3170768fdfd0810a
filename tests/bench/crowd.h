// SPDX-License-Identifier: Apache-2.0
// A host with very many connections, generated as it is asked for: nothing is remembered, whatever
// belongs to connection number i follows from i.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/time.h"
#include "event/event.h"

namespace tcpdwell::bench {

struct CrowdOptions {
    std::size_t connections = 1'000'000; ///< there at the same time, once all have been opened
    std::size_t services = 10'000;       ///< a listener each
};

/// Servers' side of `connections` connections, taken in turn by the services. Every other one is
/// closed by the server, soon after it has been opened, and then waits in TIME_WAIT; the rest stay
/// open.
class Crowd {
public:
    using Sink = std::function<void(const std::vector<std::byte>& record)>;

    explicit Crowd(const CrowdOptions& options);

    /// The clock, and a listener for each service.
    void begin(const Sink& sink);
    /// Opens the next connection, and closes one opened a little earlier.
    void fill(const Sink& sink);
    /// The same for a connection that is closed in any case; and the TIME_WAIT that is the oldest
    /// expires.
    void churn(const Sink& sink);

    [[nodiscard]] MonoTime now() const { return now_; }

private:
    struct One;
    [[nodiscard]] One one(std::size_t number) const;
    void open(const One& c, const Sink& sink);
    void close(const One& c, const Sink& sink);
    void expire(const One& c, const Sink& sink);
    void write(const event::Event& event, const Sink& sink) const;
    MonoTime tick();

    CrowdOptions options_;
    MonoTime now_;
    std::size_t opened_ = 0;
    std::size_t expired_ = 0;
};

} // namespace tcpdwell::bench
