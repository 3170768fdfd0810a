// SPDX-License-Identifier: Apache-2.0
// One TCP connection over loopback that is never idle.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

namespace tcpdwell::bench {

/// Runs in a process and a network namespace of its own, from construction until stop().
class BulkLoad {
public:
    BulkLoad();
    BulkLoad(const BulkLoad&) = delete;
    BulkLoad& operator=(const BulkLoad&) = delete;
    ~BulkLoad();

    [[nodiscard]] std::uint64_t bytes() const; ///< received so far; 0 for long: it failed
    void stop();

private:
    struct Shared {
        std::atomic<std::uint64_t> bytes{};
        std::atomic<bool> stop{};
    };
    static bool transfer(Shared& shared);

    Shared* shared_;
    pid_t pid_;
};

} // namespace tcpdwell::bench
