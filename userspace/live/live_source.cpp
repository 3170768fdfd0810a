// SPDX-License-Identifier: Apache-2.0
// The loop that turns a kernel into a stream. Draining goes by time (kDrainInterval), because a wake-up per event is
// what makes tracers slow; a buffer that fills up wakes us earlier.
#include "live/live_source.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "event/write_record.h"
#include "host/netns.h"
#include "host/proc_file.h"
#include "host/sysctls.h"
#include "live/capabilities.h"
#include "live/diag_inventory.h"
#include "live/iterator_inventory.h"
#include "live/kernel_support.h"
#include "live/probe_choice.h"
#include "live/probe_plan.h"

namespace tcpdwell {
namespace {

using namespace std::chrono_literals;

constexpr int kDrainIntervalMs = 20;
constexpr std::uint64_t kSecond = 1'000'000'000;
/// A record may be committed a little after its time stamp was taken (a preempted producer).
constexpr std::uint64_t kCommitSlackNs = 5'000'000;
/// Sweeps and repeated snapshots may take this part of one CPU's time.
constexpr std::uint64_t kDutyFactor = 50;
constexpr std::uint64_t kResyncInterval = 5 * kSecond;
constexpr std::uint64_t kClockInterval = 10 * kSecond;
/// How long stopping may wait for what the sampler is about.
constexpr std::uint64_t kLastWords = 2 * kSecond;
constexpr std::size_t kMostHeld = 512 << 20;

std::uint64_t clock_ns(clockid_t id) {
    timespec t{};
    ::clock_gettime(id, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * kSecond + static_cast<std::uint64_t>(t.tv_nsec);
}

template <class T>
T copy_of(std::span<const std::byte> record) {
    T value;
    std::memcpy(&value, record.data(), sizeof(T));
    return value;
}

/// Calls `visit` for each record of a run of records.
template <class Visit>
void for_each_record(std::span<const std::byte> run, const Visit& visit) {
    while (!run.empty()) {
        const auto header = copy_of<td_header>(run);
        visit(run.first(header.size));
        run = run.subspan(header.size);
    }
}

/// The kernel's own tables, or sock_diag. Where the timers' functions are not known, the former tells them.
Result<std::unique_ptr<Inventory>> open_inventory(ProbePlan& plan, const JiffiesClock& clock, const Filter& filter) {
    if (plan.listing == Listing::sock_diag) return std::make_unique<DiagInventory>(clock, filter);
    auto inventory = IteratorInventory::open(plan.cookies.on, filter);
    if (!inventory) return tl::unexpected(inventory.error());
    if (plan.timer_functions == TimerFunctions::by_calibration) {
        const auto timers = (*inventory)->calibrate();
        if (!timers) return tl::unexpected(timers.error());
        plan.tw_timer_handler = timers->timewait;
        plan.reqsk_timer_handler = timers->request;
    }
    return std::move(*inventory);
}

/// The facts that head every stream.
std::deque<std::vector<std::byte>> host_facts(const KernelSupport& support, const ProbePlan& plan) {
    std::deque<std::vector<std::byte>> facts;
    const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
    const auto add = [&](std::string_view key, std::string_view value) {
        facts.push_back(fact_record(now, 0, key, value));
    };
    utsname host{};
    ::uname(&host);
    add("version", TCPDWELL_VERSION);
    add("host", host.nodename);
    add("kernel", support.release);
    add("machine", support.machine);
    if (const auto boot = read_proc_file("/proc/sys/kernel/random/boot_id")) add("boot_id", trimmed(*boot));
    std::string probes(name(plan.set));
    for (const ProgramChoice& p : plan.programs)
        if (p.load) probes += fmt::format(" {}", p.hook);
    add("probes", probes);
    if (!plan.btf_file.empty()) add("btf", plan.btf_file);
    for (const Sysctl& s : read_tcp_sysctls()) add(s.name, s.value);
    return facts;
}

} // namespace

LiveSource::LiveSource(BpfSession session, Sampler sampler, std::optional<CgroupPaths> cgroups)
    : session_(std::move(session)), sampler_(std::move(sampler)), cgroups_(std::move(cgroups)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    const auto add = [this](int fd, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    };
    add(session_.fd(), EPOLLIN | EPOLLET);
    add(sampler_.fd(), EPOLLIN);
}

Result<std::unique_ptr<LiveSource>> LiveSource::open(const LiveOptions& options) {
    const auto [support, plan] = choose_probes(options.probes);
    if (!plan) return tl::unexpected(plan.error());
    if (!support.btf_file.empty() && !support.types_tried)
        spdlog::warn("{} may be another kernel's, and what is told then be wrong: it couldn't be tried on a connection "
                     "of our own: {}",
                     support.btf_file, support.types_tried.why_not);
    return open(options, support, *plan);
}

Result<std::unique_ptr<LiveSource>> LiveSource::open(const LiveOptions& options, const KernelSupport& support,
                                                     ProbePlan plan) {
    const auto clock = read_kernel_clock();
    if (!clock) return tl::unexpected(clock.error());
    auto inventory = open_inventory(plan, *clock, options.filter);
    if (!inventory) return tl::unexpected(inventory.error());

    auto sampler = Sampler::start(std::move(*inventory), options.filter.netns);
    if (!sampler) return tl::unexpected(sampler.error());
    auto session = BpfSession::open(plan, {support.accept_id.value_or(0), support.accept4_id.value_or(0)},
                                    options.filter, options.buffer_bytes);
    if (!session) return tl::unexpected(session.error());

    std::optional<CgroupPaths> cgroups;
    if (auto paths = CgroupPaths::open())
        cgroups = std::move(*paths);
    else
        spdlog::debug("no cgroup paths: {}", paths.error().message);

    auto facts = host_facts(support, plan);
    if (auto dropped = drop_capabilities(); !dropped) return tl::unexpected(dropped.error());

    std::unique_ptr<LiveSource> source(new LiveSource(std::move(*session), std::move(*sampler), std::move(cgroups)));
    source->clock_ = *clock;
    source->sweeps_ = plan.set == ProbeSet::timer;
    source->opening_ = std::move(facts);
    source->holding_ = true;
    source->asked_ = Asked::snapshot;
    source->asked_at_ns_ = clock_ns(CLOCK_MONOTONIC);
    source->sampler_.request_snapshot();
    return source;
}

Result<EventSource::Status> LiveSource::poll(const RecordSink& sink) {
    if (!opening_.empty()) {
        tell_clock(clock_ns(CLOCK_MONOTONIC), sink);
        for (const Record& fact : opening_) sink(fact);
        opening_.clear();
        return Status::more;
    }

    std::array<epoll_event, 2> events;
    if (::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), kDrainIntervalMs) < 0 &&
        errno != EINTR)
        return fail(ErrorCode::failed, fmt::format("epoll_wait: {}", std::strerror(errno)), errno);

    const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (now >= next_clock_ns_) tell_clock(now, sink);
    if (now >= next_count_ns_) {
        session_.count_skipped();
        next_count_ns_ = now + kSecond;
    }
    // First what was listed, then the events up to now, so that no listing is ahead of the events before it.
    std::vector<SamplerDone> done;
    const bool alive = sampler_.receive([&](std::span<const std::byte> record) { on_sampled(record); },
                                        [&](SamplerDone what) { done.push_back(what); });
    session_.drain([&](std::span<const std::byte> record) {
        watch(record);
        if (holding_)
            held_events_.insert(held_events_.end(), record.begin(), record.end());
        else
            hand_over(record, sink);
    });
    for (const SamplerDone what : done) on_sampler_done(what, sink);
    if (!holding_) {
        for_each_record(held_sockets_, [&](std::span<const std::byte> record) { hand_over(record, sink); });
        held_sockets_.clear();
    }
    if (!alive && sampler_alive_) {
        sampler_alive_ = false;
        ready_ = true;
        spdlog::warn("the sampler process has ended; sockets that existed before tracing may lack owners");
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, sampler_.fd(), nullptr);
    }
    const bool last_words = stopping_ && sampler_alive_ && asked_ != Asked::nothing && now < stop_by_ns_;
    if (holding_ && (!sampler_alive_ || held_events_.size() > kMostHeld || (stopping_ && !last_words)))
        release_held(sink);
    tell_losses(sink);
    if (!holding_) now_ = MonoTime(Nanoseconds(static_cast<std::int64_t>(now - kCommitSlackNs)));
    if (stopping_) {
        if (last_words) return Status::more;
        // The last state of mini-sockets in FIN_WAIT2, whatever the pace of sweeps so far.
        if (sampler_alive_ && !final_sweep_ && !waiting_.empty() && now < stop_by_ns_) {
            final_sweep_ = true;
            ask_sweep(now);
            return Status::more;
        }
        return Status::finished;
    }
    ask_sampler(now);
    return Status::more;
}

void LiveSource::relist() {
    relist_wanted_ = true;
    next_clock_ns_ = 0;
}

void LiveSource::stop() {
    session_.count_skipped();
    session_.detach();
    session_.count_skipped();
    stopping_ = true;
    stop_by_ns_ = clock_ns(CLOCK_MONOTONIC) + kLastWords;
}

void LiveSource::tell_clock(std::uint64_t now_ns, const RecordSink& sink) {
    td_clock r{};
    r.h = header_of<td_clock>(TD_CLOCK, now_ns, 0);
    r.wall_ns = static_cast<__s64>(clock_ns(CLOCK_REALTIME) - (clock_ns(CLOCK_MONOTONIC) - now_ns));
    r.jiffies = clock_.at(now_ns);
    r.hz = clock_.hz;
    sink(bytes_of(r));
    next_clock_ns_ = now_ns + kClockInterval;
}

void LiveSource::tell_losses(const RecordSink& sink) {
    const auto totals = session_.lost();
    const std::uint64_t sum = std::accumulate(totals.begin(), totals.end(), std::uint64_t{0});
    if (sum == lost_told_) return;
    lost_told_ = sum;
    resync_wanted_ = true;
    // The kernel side writes this record too, where the loss happened, as soon as one fits; totals make the repetition
    // harmless.
    td_lost r{};
    r.h = header_of<td_lost>(TD_LOST, clock_ns(CLOCK_MONOTONIC), 0);
    std::copy(totals.begin(), totals.end(), r.total);
    if (holding_)
        held_events_.insert(held_events_.end(), bytes_of(r).begin(), bytes_of(r).end());
    else
        sink(bytes_of(r));
}

// --- cgroups

void LiveSource::hand_over(std::span<const std::byte> record, const RecordSink& sink) {
    const auto header = copy_of<td_header>(record);
    if (header.kind == TD_STATE && header.size >= sizeof(td_state_by_task))
        describe_cgroup(copy_of<td_state_by_task>(record).task.cgroup, header.time_ns, sink);
    else if (header.kind == TD_SOCKET)
        describe_cgroup(copy_of<td_socket>(record).task.cgroup, header.time_ns, sink);
    sink(record);
}

void LiveSource::describe_cgroup(std::uint64_t id, std::uint64_t time_ns, const RecordSink& sink) {
    if (id == 0 || !cgroups_ || cgroups_told_.contains(id)) return;
    auto path = cgroups_->lookup(id);
    if (!path) {
        const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
        if (now < next_cgroup_walk_ns_) return;
        cgroups_->refresh();
        next_cgroup_walk_ns_ = now + std::max(kSecond / 10, (clock_ns(CLOCK_MONOTONIC) - now) * kDutyFactor);
        path = cgroups_->lookup(id);
        if (!path) return;
    }
    cgroups_told_.insert(id);
    sink(cgroup_record(time_ns, id, *path));
}

// --- the sampler

/// Keeps count of the mini-sockets that may go from FIN_WAIT2 to TIME_WAIT without an event.
void LiveSource::watch(std::span<const std::byte> record) {
    const auto header = copy_of<td_header>(record);
    if (header.kind == TD_LOST) resync_wanted_ = true;
    if (header.kind != TD_TIMEWAIT || !sweeps_) return;
    const auto r = copy_of<td_timewait>(record);
    if (r.op == TD_TIMER_START && r.substate == 5)
        waiting_.insert(MiniKey(header.netns, r.tuple));
    else if (!waiting_.empty())
        waiting_.erase(MiniKey(header.netns, r.tuple));
}

void LiveSource::on_sampled(std::span<const std::byte> record) {
    const auto header = copy_of<td_header>(record);
    if (header.kind == TD_SOCKET) {
        const auto s = copy_of<td_socket>(record);
        if (s.flags & TD_SOCKET_SWEEP) {
            if (waiting_.erase(MiniKey(header.netns, s.tuple)) == 0) return; // known already
        } else if (sweeps_ && (s.flags & TD_SOCKET_MINI) && s.state == 5) {
            waiting_.insert(MiniKey(header.netns, s.tuple));
        }
    }
    held_sockets_.insert(held_sockets_.end(), record.begin(), record.end());
}

void LiveSource::on_sampler_done(SamplerDone what, const RecordSink& sink) {
    const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
    switch (what) {
    case SamplerDone::sockets:
        next_relist_ns_ = now + (now - asked_at_ns_) * kDutyFactor;
        next_snapshot_ns_ = std::max(now + kResyncInterval, next_relist_ns_);
        release_held(sink);
        break;
    case SamplerDone::owners:
        asked_ = Asked::nothing;
        ready_ = true;
        break;
    case SamplerDone::sweep:
        asked_ = Asked::nothing;
        next_sweep_ns_ = now + std::max(kSecond, (now - asked_at_ns_) * kDutyFactor);
        break;
    }
}

/// Hands over events and listed sockets in order of time, so that an event after a listing counts more than the
/// listing.
void LiveSource::release_held(const RecordSink& sink) {
    holding_ = false;
    std::span<const std::byte> sockets(held_sockets_);
    for_each_record(held_events_, [&](std::span<const std::byte> event) {
        const std::uint64_t at = copy_of<td_header>(event).time_ns;
        while (!sockets.empty() && copy_of<td_header>(sockets).time_ns <= at) {
            const auto size = copy_of<td_header>(sockets).size;
            hand_over(sockets.first(size), sink);
            sockets = sockets.subspan(size);
        }
        hand_over(event, sink);
    });
    for_each_record(sockets, [&](std::span<const std::byte> record) { hand_over(record, sink); });
    std::vector<std::byte>().swap(held_events_);
    std::vector<std::byte>().swap(held_sockets_);
}

void LiveSource::ask_sampler(std::uint64_t now) {
    if (asked_ != Asked::nothing || !sampler_alive_) return;
    if ((resync_wanted_ && now >= next_snapshot_ns_) || (relist_wanted_ && now >= next_relist_ns_)) {
        // What was lost can't be had, but what is there now can be read, so that no connection lives on in our books
        // alone.
        resync_wanted_ = relist_wanted_ = false;
        holding_ = true;
        asked_ = Asked::snapshot;
        asked_at_ns_ = now;
        sampler_.request_snapshot();
        return;
    }
    if (!waiting_.empty() && now >= next_sweep_ns_) ask_sweep(now);
}

void LiveSource::ask_sweep(std::uint64_t now) {
    std::vector<std::uint32_t> netns;
    for (const MiniKey& mini : waiting_)
        if (std::find(netns.begin(), netns.end(), mini.netns()) == netns.end()) netns.push_back(mini.netns());
    asked_ = Asked::sweep;
    asked_at_ns_ = now;
    // Timers set since the last sweep began, with two ticks to spare.
    const std::uint64_t since = swept_until_jiffies_ ? swept_until_jiffies_ : clock_.at(now) - 60ULL * clock_.hz;
    swept_until_jiffies_ = clock_.at(now);
    sampler_.request_sweep(netns, since + 60ULL * clock_.hz - 2);
}

} // namespace tcpdwell
