// SPDX-License-Identifier: Apache-2.0
// The loop that turns a kernel into a stream. Draining goes by time (kDrainInterval), because a
// wake-up per event is what makes tracers slow; a buffer that fills up wakes us earlier.
#include "live/live_source.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <utility>

#include "event/record.h"
#include "live/capabilities.h"
#include "live/diag_lister.h"
#include "live/host_facts.h"
#include "live/iterator_lister.h"
#include "live/now.h"
#include "live/probe_choice.h"

namespace tcpdwell::live {
namespace {

constexpr int kDrainIntervalMs = 20;
constexpr std::uint64_t kClockInterval = 10 * kSecondNs;
/// A record may be committed a little after its time stamp was taken (a preempted producer).
constexpr std::uint64_t kCommitSlackNs = 5'000'000;
/// What a daemon waits for listings when it ends: it is to be gone within a second.
constexpr std::uint64_t kDaemonStopNs = 400'000'000;
/// Bytes of events that may wait for a listing.
constexpr std::size_t kMostHeld = 512 << 20;
/// Bytes of events that are set aside at most; beyond, they wait in the ring buffer.
constexpr std::size_t kMostAside = 256 << 20;

/// The kernel's own tables, or sock_diag. Where the timers' functions are not known, the former
/// provides them.
Result<std::unique_ptr<SocketLister>> open_lister(ProbePlan& plan, const JiffiesClock& clock,
                                                  const event::Filter& filter) {
    if (plan.listing == Listing::sock_diag) return std::make_unique<DiagLister>(clock, filter);
    auto lister = IteratorLister::open(plan.cookies.on, plan.with_numbers, filter);
    if (!lister) return tl::unexpected(lister.error());
    if (plan.timer_functions == TimerFunctions::by_calibration) {
        const auto timers = (*lister)->calibrate();
        if (!timers) return tl::unexpected(timers.error());
        plan.tw_timer_handler = timers->timewait;
        plan.reqsk_timer_handler = timers->request;
    }
    return std::move(*lister);
}

} // namespace

LiveSource::LiveSource(Parts parts)
    : session_(std::move(parts.session)), sampler_(std::move(parts.sampler)), merger_(kMostHeld),
      waiting_(parts.sweeps_needed), schedule_(parts.clock),
      cgroups_(std::move(parts.cgroups), monotonic_ns,
               [this](std::uint64_t cgroup, const std::string& id) {
                   if (containers_.size() < CgroupAnnouncer::kMostDescribed)
                       containers_.push_back({cgroup, id});
               }),
      clock_(parts.clock), epoll_(::epoll_create1(EPOLL_CLOEXEC)), opening_(std::move(parts.facts)),
      identity_(parts.identity), rights_(parts.rights) {
    watch(session_.fd(), EPOLLIN | EPOLLET);
    watch(sampler_.fd(), EPOLLIN);
}

void LiveSource::watch(int fd, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

Result<std::unique_ptr<LiveSource>> LiveSource::open(const LiveOptions& options) {
    const auto [support, plan] = choose_probes(options.probes);
    if (!plan) return tl::unexpected(plan.error());
    if (!support.btf_file.empty() && !support.types_tried)
        spdlog::warn("{} may be another kernel's, and the output then wrong: it couldn't be "
                     "tried on a connection of our own: {}",
                     support.btf_file, support.types_tried.why_not);
    if (!support.processes) spdlog::warn("{}", support.processes.why_not);
    return open(options, support, *plan);
}

Result<std::unique_ptr<LiveSource>> LiveSource::open(const LiveOptions& options,
                                                     const KernelSupport& support, ProbePlan plan) {
    const auto clock = read_kernel_clock();
    if (!clock) return tl::unexpected(clock.error());
    plan.with_numbers = options.probes.numbers;
    if (options.filter.trees.empty()) plan.leave_out(Program::fork, "all processes are traced");
    auto lister = open_lister(plan, *clock, options.filter);
    if (!lister) return tl::unexpected(lister.error());

    const auto identity = options.keeps_user ? std::nullopt : unprivileged_identity();
    auto sampler = Sampler::start(std::move(*lister), options.filter.netns.wanted, identity,
                                  options.host_root);
    if (!sampler) return tl::unexpected(sampler.error());
    auto session =
        BpfSession::open(plan, {support.accept_id.value_or(0), support.accept4_id.value_or(0)},
                         options.filter, options.buffer_bytes);
    if (!session) return tl::unexpected(session.error());

    std::optional<host::CgroupPaths> cgroups;
    if (auto paths = host::CgroupPaths::open())
        cgroups = std::move(*paths);
    else
        spdlog::debug("no cgroup paths: {}", paths.error().message);
    if (cgroups && !cgroups->whole()) spdlog::info("{}", cgroups->what_is_missing());

    auto facts = host_facts(monotonic_ns(), read_host_identity(), support, plan);
    std::unique_ptr<LiveSource> source(new LiveSource({std::move(*session),
                                                       std::move(*sampler),
                                                       std::move(cgroups),
                                                       *clock,
                                                       plan.set == ProbeSet::timer,
                                                       std::move(facts),
                                                       identity,
                                                       {options.keeps_user, options.serves}}));
    if (const auto first = source->schedule_.next(monotonic_ns(), source->waiting_))
        source->ask(*first);
    return source;
}

Result<void> LiveSource::settle_in() {
    if (std::exchange(is_settled_, true)) return {};
    if (auto dropped = drop_capabilities({}, identity_); !dropped) return dropped;
    // A kernel without seccomp isn't worth less.
    if (auto confined = confine_tracer(sampler_.pid(), rights_); !confined)
        spdlog::warn("{}", confined.error().message);
    return {};
}

Result<event::EventSource::Status> LiveSource::poll(const event::RecordSink& sink) {
    if (!opening_.empty()) {
        send_clock(monotonic_ns(), sink);
        for (const Record& fact : opening_) sink(fact);
        opening_.clear();
        return Status::more;
    }
    if (auto settled = settle_in(); !settled) return tl::unexpected(settled.error());

    std::array<epoll_event, 2> events;
    if (::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                     is_behind_ ? 0 : kDrainIntervalMs) < 0 &&
        errno != EINTR)
        return fail(ErrorCode::failed, fmt::format("epoll_wait: {}", std::strerror(errno)), errno);

    const std::uint64_t now = monotonic_ns();
    if (now >= next_clock_ns_) send_clock(now, sink);
    if (now >= next_count_ns_) {
        session_.count_skipped();
        next_count_ns_ = now + kSecondNs;
    }
    const event::RecordSink described = [&](std::span<const std::byte> record) {
        cgroups_.announce(record, sink);
        sink(record);
    };
    receive_records(now, described);
    send_losses(described);
    if (!merger_.holding())
        now_ = MonoTime(Nanoseconds(static_cast<std::int64_t>(now - kCommitSlackNs)));
    if (const auto request = schedule_.next(now, waiting_)) ask(*request);
    ask_for_containers();
    const bool is_over = schedule_.finished(now) && !stop_to_send_ns_;
    return is_over ? Status::finished : Status::more;
}

/// First what was listed, then the events up to now, so that no listing is ahead of the events
/// before it.
void LiveSource::receive_records(std::uint64_t now_ns, const event::RecordSink& sink) {
    std::vector<SamplerDone> done;
    const bool alive = sampler_.receive(
        [&](std::span<const std::byte> record) {
            if (waiting_.on_listed(record)) merger_.add_listed(record);
        },
        [&](SamplerDone what) { done.push_back(what); });
    const event::RecordSink take = [&](std::span<const std::byte> record) {
        if (event::read_header(record).kind == TD_LOST) schedule_.want_resync();
        waiting_.on_event(record);
        merger_.add_event(record, sink);
    };
    event::for_each_record(aside_, take);
    std::vector<std::byte>().swap(aside_);
    is_behind_ = !session_.drain(now_ns, take);
    if (stop_to_send_ns_ && !is_behind_) {
        td_stop r{};
        r.h = event::header_of<td_stop>(TD_STOP, *stop_to_send_ns_, 0);
        merger_.add_event(event::bytes_of(r), sink);
        stop_to_send_ns_.reset();
    }
    for (const SamplerDone what : done) {
        if (what == SamplerDone::containers) is_asked_for_containers_ = false;
        schedule_.on_done(what, monotonic_ns());
        if (what == SamplerDone::sockets) merger_.release(sink);
    }
    merger_.pass_listed(sink);
    if (!alive && !schedule_.sampler_gone()) {
        schedule_.on_sampler_gone();
        spdlog::warn(
            "the sampler process has ended; sockets that existed before tracing may lack owners");
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, sampler_.fd(), nullptr);
    }
    if (merger_.holding() && (merger_.full() || !schedule_.awaits_answer(now_ns)))
        merger_.release(sink);
}

void LiveSource::set_aside() {
    const std::uint64_t now = monotonic_ns();
    if (now < next_aside_ns_ || aside_.size() > kMostAside) return;
    next_aside_ns_ = now + kDrainIntervalMs * 1'000'000ULL;
    session_.drain(now, [this](std::span<const std::byte> record) {
        aside_.insert(aside_.end(), record.begin(), record.end());
    });
}

void LiveSource::relist() {
    schedule_.want_relist();
    next_clock_ns_ = 0;
}

void LiveSource::stop() {
    session_.count_skipped();
    stop_to_send_ns_ = monotonic_ns(); // before: what is recorded up to then is complete
    session_.detach();
    session_.count_skipped();
    if (rights_.serves)
        schedule_.stop(monotonic_ns(), kDaemonStopNs);
    else
        schedule_.stop(monotonic_ns());
}

void LiveSource::send_clock(std::uint64_t now_ns, const event::RecordSink& sink) {
    td_clock r{};
    r.h = event::header_of<td_clock>(TD_CLOCK, now_ns, 0);
    r.wall_ns = realtime_ns() - static_cast<__s64>(monotonic_ns() - now_ns);
    r.jiffies = clock_.at(now_ns);
    r.hz = clock_.hz;
    sink(event::bytes_of(r));
    next_clock_ns_ = now_ns + kClockInterval;
}

void LiveSource::send_losses(const event::RecordSink& sink) {
    const auto totals = session_.lost();
    const std::uint64_t sum = std::accumulate(totals.begin(), totals.end(), std::uint64_t{0});
    if (sum == lost_sent_) return;
    lost_sent_ = sum;
    schedule_.want_resync();
    // The kernel side writes this record too, where the loss happened, as soon as one fits; totals
    // make the repetition harmless.
    td_lost r{};
    r.h = event::header_of<td_lost>(TD_LOST, monotonic_ns(), 0);
    std::copy(totals.begin(), totals.end(), r.total);
    merger_.add_event(event::bytes_of(r), sink);
}

void LiveSource::ask(const ListingRequest& request) {
    switch (request.kind) {
    case ListingRequest::Kind::snapshot:
        merger_.hold();
        sampler_.request_snapshot();
        break;
    case ListingRequest::Kind::sweep: sampler_.request_sweep(request.netns, request.expires); break;
    case ListingRequest::Kind::counters: sampler_.request_counters(); break;
    case ListingRequest::Kind::waiting: sampler_.request_waiting(clock_.hz, request.all); break;
    }
}

/// One request at a time, so that it finds room in the pipe.
void LiveSource::ask_for_containers() {
    if (is_asked_for_containers_ || containers_.empty()) return;
    is_asked_for_containers_ = true;
    sampler_.request_containers(containers_);
    const std::size_t asked = std::min(containers_.size(), Sampler::kMostContainers);
    containers_.erase(containers_.begin(),
                      containers_.begin() + static_cast<std::ptrdiff_t>(asked));
}

} // namespace tcpdwell::live
