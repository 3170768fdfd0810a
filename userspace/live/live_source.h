// SPDX-License-Identifier: Apache-2.0
// The running kernel as an event source: ring buffer, sampler and clocks, joined into one stream of
// wire records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "event/filter.h"
#include "event/source.h"
#include "host/cgroup_paths.h"
#include "live/bpf_session.h"
#include "live/cgroup_announcer.h"
#include "live/event_merger.h"
#include "live/kernel_clock.h"
#include "live/listing_schedule.h"
#include "live/sampler.h"
#include "live/waiting_minis.h"

namespace tcpdwell::live {

struct LiveOptions {
    std::size_t buffer_bytes = 16 << 20; ///< a power of two, at least a page
    event::Filter filter;
    ProbeOptions probes;
    /// Called when all is attached and the capabilities are still there; an error ends open().
    std::function<Result<void>()> with_last_rights = [] { return Result<void>(); };
};

class LiveSource final : public event::EventSource {
public:
    /// Finds out what the host can do, loads and attaches, and gives up all capabilities of the
    /// calling process. Whatever needs them (a command to be run meanwhile) must have been started
    /// before.
    static Result<std::unique_ptr<LiveSource>> open(const LiveOptions& options);
    /// The same with what choose_probes() has found out of `options.probes`.
    static Result<std::unique_ptr<LiveSource>> open(const LiveOptions& options,
                                                    const KernelSupport& support, ProbePlan plan);

    Result<Status> poll(const event::RecordSink& sink) override;
    [[nodiscard]] MonoTime now() const override { return now_; }
    void relist() override;
    void stop() override;
    [[nodiscard]] bool ready() const override { return schedule_.ready(); }

private:
    using Record = std::vector<std::byte>;
    /// What open() has made.
    struct Parts {
        BpfSession session;
        Sampler sampler;
        std::optional<host::CgroupPaths> cgroups;
        JiffiesClock clock;
        bool sweeps_needed; ///< FIN_WAIT2 -> TIME_WAIT may have no event
        std::vector<Record> facts;
    };
    explicit LiveSource(Parts parts);

    void receive_records(std::uint64_t now_ns, const event::RecordSink& sink);
    void send_losses(const event::RecordSink& sink);
    void send_clock(std::uint64_t now_ns, const event::RecordSink& sink);
    void ask(const ListingRequest& request);

    BpfSession session_;
    Sampler sampler_;
    EventMerger merger_;
    WaitingMinis waiting_;
    ListingSchedule schedule_;
    CgroupAnnouncer cgroups_;
    JiffiesClock clock_;
    Fd epoll_;
    std::vector<Record> opening_; ///< facts, before anything else
    MonoTime now_{};
    std::uint64_t next_clock_ns_ = 0;
    std::uint64_t next_count_ns_ = 0;
    std::uint64_t lost_sent_ = 0; ///< sum of the losses in the records so far
};

} // namespace tcpdwell::live
