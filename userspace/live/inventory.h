// SPDX-License-Identifier: Apache-2.0
// The inventory: every TCP socket of a network namespace, from the kernel's own tables (iter/tcp), as td_socket
// records.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "event/filter.h"
#include "event/source.h"

struct inventory_bpf;
struct bpf_link;

namespace tcpdwell {

/// jiffies64 and CLOCK_MONOTONIC at the same moment.
struct JiffiesSample {
    std::uint64_t jiffies = 0;
    std::uint64_t mono_ns = 0;
};

/// Addresses of the functions by which mini-sockets' and requests' timers are recognised; 0: none was seen.
struct TimerAddresses {
    std::uint64_t timewait = 0;
    std::uint64_t request = 0;
};

class Inventory {
public:
    /// Loads the iterator. `make_cookies`: bpf_get_socket_cookie() is there for tracing programs. `filter` is applied
    /// in the kernel as far as it can be decided there; listeners always pass.
    static Result<Inventory> open(bool make_cookies, const Filter& filter);
    Inventory(Inventory&&) noexcept;
    Inventory& operator=(Inventory&&) noexcept;
    ~Inventory();

    /// All sockets of the calling thread's namespace.
    Result<void> list(const RecordSink& sink);
    /// Only mini-sockets in TIME_WAIT whose timer has been set for `expires` (jiffies) or later.
    Result<void> sweep(std::uint64_t expires, const RecordSink& sink);
    /// Of the last pass.
    [[nodiscard]] JiffiesSample clock() const;

    /// Makes one TIME_WAIT and one SYN_RECV in a network namespace of its own, and reads the addresses of the functions
    /// that their timers call. Works where /proc/kallsyms hides them, and where a compiler has renamed them. Needs
    /// CAP_SYS_ADMIN.
    Result<TimerAddresses> calibrate();

private:
    struct Destroy {
        void operator()(inventory_bpf* skeleton) const;
        void operator()(bpf_link* link) const;
    };
    Inventory(std::unique_ptr<inventory_bpf, Destroy> skeleton, std::unique_ptr<bpf_link, Destroy> link);
    Result<void> run(const RecordSink& sink);

    std::unique_ptr<inventory_bpf, Destroy> skeleton_;
    std::unique_ptr<bpf_link, Destroy> link_;
};

/// HZ of the kernel, from one sample: jiffies64 starts at 2^32 - 300 s (INITIAL_JIFFIES, include/linux/jiffies.h) and
/// then goes with CLOCK_MONOTONIC. 0 if that can't be decided, which is so for some seconds about the uptime of five
/// minutes.
std::uint32_t hz_from_uptime(const JiffiesSample& sample);
/// HZ from two samples some 100 ms or more apart, rounded to a value that kernels are built with.
std::uint32_t hz_from_interval(const JiffiesSample& first, const JiffiesSample& second);

} // namespace tcpdwell
