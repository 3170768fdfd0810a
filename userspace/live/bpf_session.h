// SPDX-License-Identifier: Apache-2.0
// The BPF programs, loaded and attached: from a plan to a ring buffer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "event/filter.h"
#include "event/source.h"
#include "live/probe_plan.h"

struct ring_buffer;
struct bpf_link;

namespace tcpdwell::live {

/// Programs that run in the kernel as long as the object lives. Move-only; there is no half-open
/// state.
class BpfSession {
public:
    /// Loads and attaches what the plan says. `filter` is applied in the kernel as far as it can be
    /// decided there. `accept_ids` are the numbers of the accept tracepoints (0: none).
    /// `buffer_bytes` is a power of two and a multiple of the page size. Errors contain the
    /// verifier's message.
    static Result<BpfSession> open(const ProbePlan& plan, std::array<std::uint64_t, 2> accept_ids,
                                   const event::Filter& filter, std::size_t buffer_bytes);
    BpfSession(BpfSession&&) noexcept;
    BpfSession& operator=(BpfSession&&) noexcept;
    ~BpfSession();

    /// For epoll with EPOLLET: an edge comes when the buffer has filled up to a part. (Without
    /// EPOLLET it is readable whenever it isn't empty, which would wake the reader for every
    /// record.) Drain by time as well.
    [[nodiscard]] int fd() const;
    /// Hands over the records that are in the buffer, oldest first, up to one that is later than
    /// `until_ns`: a busy host writes as fast as they are read. False if there may be more.
    bool drain(std::uint64_t until_ns, const event::RecordSink& sink);
    /// Detaches the programs; what is in the buffer stays for drain().
    void detach();
    /// Asks the kernel how many events it skipped (a few system calls; once a second will do).
    /// Counted at the second look.
    void count_skipped();
    /// Events that found no room or were skipped, per probe, since the start.
    [[nodiscard]] std::array<std::uint64_t, TD_PROBE_COUNT> lost() const;

private:
    struct FreeRing {
        void operator()(ring_buffer* ring) const;
    };
    struct DestroyLink {
        void operator()(bpf_link* link) const;
    };
    struct Members;
    explicit BpfSession(std::unique_ptr<Members> members);

    std::unique_ptr<Members> members_;
};

/// Sends libbpf's messages to our log instead of stderr, and keeps them for the text of an error.
void capture_libbpf_messages();
/// The last of libbpf's warnings, on one line; empty if there was none since the last call.
std::string take_libbpf_warning();

} // namespace tcpdwell::live
