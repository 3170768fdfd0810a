// SPDX-License-Identifier: Apache-2.0
// The running kernel as an event source: ring buffer, sampler and clocks, joined into one stream of wire records.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/fd.h"
#include "event/filter.h"
#include "event/source.h"
#include "host/cgroup_paths.h"
#include "live/bpf_session.h"
#include "live/kernel_clock.h"
#include "live/mini_key.h"
#include "live/sampler.h"

namespace tcpdwell {

struct LiveOptions {
    std::size_t buffer_bytes = 16 << 20; ///< a power of two, at least a page
    Filter filter;
    ProbeOptions probes;
};

class LiveSource final : public EventSource {
public:
    /// Finds out what the host can do, loads and attaches, and gives up all capabilities of the calling process.
    /// Whatever needs them (a command to be run meanwhile) must have been started before.
    static Result<std::unique_ptr<LiveSource>> open(const LiveOptions& options);
    /// The same with what choose_probes() has found out of `options.probes`.
    static Result<std::unique_ptr<LiveSource>> open(const LiveOptions& options, const KernelSupport& support,
                                                    ProbePlan plan);

    Result<Status> poll(const RecordSink& sink) override;
    [[nodiscard]] MonoTime now() const override { return now_; }
    void relist() override;
    void stop() override;
    [[nodiscard]] bool ready() const override { return ready_; }

private:
    LiveSource(BpfSession session, Sampler sampler, std::optional<CgroupPaths> cgroups);
    using Record = std::vector<std::byte>;

    void hand_over(std::span<const std::byte> record, const RecordSink& sink);
    void describe_cgroup(std::uint64_t id, std::uint64_t time_ns, const RecordSink& sink);
    void watch(std::span<const std::byte> record);
    void on_sampled(std::span<const std::byte> record);
    void on_sampler_done(SamplerDone what, const RecordSink& sink);
    void release_held(const RecordSink& sink);
    void ask_sampler(std::uint64_t now_ns);
    void ask_sweep(std::uint64_t now_ns);
    void tell_losses(const RecordSink& sink);
    void tell_clock(std::uint64_t now_ns, const RecordSink& sink);

    BpfSession session_;
    Sampler sampler_;
    std::optional<CgroupPaths> cgroups_;
    Fd epoll_;
    MonoTime now_{};
    bool stopping_ = false;
    bool final_sweep_ = false;
    std::uint64_t stop_by_ns_ = 0;
    bool ready_ = false; ///< sockets and owners of the start have been handed over
    bool sampler_alive_ = true;

    JiffiesClock clock_;
    std::uint64_t next_clock_ns_ = 0;
    std::deque<Record> opening_; ///< facts, before anything else

    // A snapshot under way: events wait for it, so that both can be put in order of time.
    bool holding_ = false;
    std::vector<std::byte> held_events_;
    std::vector<std::byte> held_sockets_;

    enum class Asked { nothing, snapshot, sweep } asked_ = Asked::nothing;
    std::uint64_t asked_at_ns_ = 0;
    std::uint64_t next_sweep_ns_ = 0;
    std::uint64_t next_snapshot_ns_ = 0; ///< on our own account
    std::uint64_t next_relist_ns_ = 0;   ///< if we are asked to
    bool resync_wanted_ = false;
    bool relist_wanted_ = false;
    std::uint64_t swept_until_jiffies_ = 0;
    bool sweeps_ = true;                                 ///< FIN_WAIT2 -> TIME_WAIT has to be looked for
    std::unordered_set<MiniKey, MiniKey::Hash> waiting_; ///< mini-sockets last seen in FIN_WAIT2

    std::uint64_t next_count_ns_ = 0;
    std::uint64_t lost_told_ = 0;
    std::unordered_set<std::uint64_t> cgroups_told_;
    std::uint64_t next_cgroup_walk_ns_ = 0;
};

} // namespace tcpdwell
