// SPDX-License-Identifier: Apache-2.0
// The listing from the kernel's own tables (iter/tcp, Linux 5.9): with kernel addresses and
// timers.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "event/filter.h"
#include "live/socket_lister.h"

struct listing_bpf;
struct bpf_link;

namespace tcpdwell::live {

/// Addresses of the functions by which mini-sockets' and requests' timers are recognised; 0: none
/// was seen.
struct TimerAddresses {
    std::uint64_t timewait = 0;
    std::uint64_t request = 0;
};

class IteratorLister final : public SocketLister {
public:
    /// Loads the iterator. `make_cookies`: bpf_get_socket_cookie() is there for tracing programs.
    /// `numbers`: each full socket is followed by its td_numbers. `filter` is applied in the kernel
    /// as far as it can be decided there; listeners always pass.
    static Result<std::unique_ptr<IteratorLister>> open(bool make_cookies, bool numbers,
                                                        const event::Filter& filter);
    IteratorLister(const IteratorLister&) = delete;
    IteratorLister& operator=(const IteratorLister&) = delete;
    ~IteratorLister() override;

    Result<void> list(const event::RecordSink& sink) override;
    Result<void> list_waiting(std::uint64_t idle, const event::RecordSink& sink) override;
    Result<void> sweep(std::uint64_t expires, const event::RecordSink& sink) override;

    /// Makes one TIME_WAIT and one SYN_RECV in a network namespace of its own, and reads the
    /// addresses of the functions that their timers call. Works where /proc/kallsyms hides them,
    /// and where a compiler has renamed them. Needs CAP_SYS_ADMIN.
    Result<TimerAddresses> calibrate();

private:
    struct Destroy {
        void operator()(listing_bpf* skeleton) const;
        void operator()(bpf_link* link) const;
    };
    IteratorLister(std::unique_ptr<listing_bpf, Destroy> skeleton,
                   std::unique_ptr<bpf_link, Destroy> link);
    Result<void> run(const event::RecordSink& sink);

    std::unique_ptr<listing_bpf, Destroy> skeleton_;
    std::unique_ptr<bpf_link, Destroy> link_;
};

} // namespace tcpdwell::live
