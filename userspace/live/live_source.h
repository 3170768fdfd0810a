// SPDX-License-Identifier: Apache-2.0
// The running kernel as an event source: ring buffer, sampler and clocks, joined into one stream of
// wire records.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "event/filter.h"
#include "event/source.h"
#include "host/cgroup_paths.h"
#include "live/bpf_session.h"
#include "live/capabilities.h"
#include "live/cgroup_announcer.h"
#include "live/event_merger.h"
#include "live/kernel_clock.h"
#include "live/listing_schedule.h"
#include "live/sampler.h"
#include "live/syscall_filter.h"
#include "live/waiting_minis.h"

namespace tcpdwell::live {

struct LiveOptions {
    std::size_t buffer_bytes = 16 << 20; ///< a power of two, at least a page
    event::Filter filter;
    ProbeOptions probes;
    /// A process that is root stays so, without capabilities, instead of becoming nobody: it has
    /// files to make in a folder that is root's.
    bool keeps_user = false;
    bool serves = false; ///< takes connections at sockets that listen already
    /// Where the host's root directory is mounted, for the files of container runtimes.
    std::string host_root = {};
};

class LiveSource final : public event::EventSource {
public:
    /// Finds out what the host can do, loads and attaches. settle_in(), or else the second poll(),
    /// gives up all capabilities of the calling process and, if that is root's, its user id.
    /// Whatever needs them (a command to be run meanwhile) must have been started before.
    static Result<std::unique_ptr<LiveSource>> open(const LiveOptions& options);
    /// The same with what choose_probes() has found out of `options.probes`.
    static Result<std::unique_ptr<LiveSource>> open(const LiveOptions& options,
                                                    const KernelSupport& support, ProbePlan plan);

    Result<Status> poll(const event::RecordSink& sink) override;
    [[nodiscard]] MonoTime now() const override { return now_; }
    Result<void> settle_in() override;
    void relist() override;
    void look() override { schedule_.want_look(); }
    void wake_on(int fd) override { watch(fd, EPOLLIN); }
    void set_aside() override;
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
        std::optional<Identity> identity; ///< of the sampler, and ours once we have settled in
        TracerRights rights;              ///< after that
    };
    explicit LiveSource(Parts parts);

    void watch(int fd, std::uint32_t events);
    void receive_records(std::uint64_t now_ns, const event::RecordSink& sink);
    void send_losses(const event::RecordSink& sink);
    void send_clock(std::uint64_t now_ns, const event::RecordSink& sink);
    void ask(const ListingRequest& request);
    void ask_for_containers();

    BpfSession session_;
    Sampler sampler_;
    EventMerger merger_;
    WaitingMinis waiting_;
    ListingSchedule schedule_;
    CgroupAnnouncer cgroups_;
    std::vector<WantedContainer> containers_; ///< whose names haven't been asked for
    bool is_asked_for_containers_ = false;
    JiffiesClock clock_;
    Fd epoll_;
    std::vector<Record> opening_; ///< facts, before anything else
    std::optional<Identity> identity_;
    TracerRights rights_;
    bool is_settled_ = false;
    MonoTime now_{};
    std::vector<std::byte> aside_; ///< whole records, older than those of the session
    std::uint64_t next_aside_ns_ = 0;
    bool is_behind_ = false; ///< there were more events than could be taken in one go
    std::uint64_t next_clock_ns_ = 0;
    std::uint64_t next_count_ns_ = 0;
    std::optional<std::uint64_t> stop_to_send_ns_; ///< recording has stopped, which isn't said yet
    std::uint64_t lost_sent_ = 0;                  ///< sum of the losses in the records so far
};

} // namespace tcpdwell::live
