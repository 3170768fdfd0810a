// SPDX-License-Identifier: Apache-2.0
#include "live/iterator_lister.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "base/child_process.h"
#include "base/fd.h"
#include "event/record.h"
#include "live/bpf_session.h"
#include "live/kernel_filter.h"
#include "live/own_traffic.h"
#include "tcpdwell/config.h"
#include "tcpdwell/wire.h"

#include "listing.skel.h" // needs the types above

namespace tcpdwell::live {
void IteratorLister::Destroy::operator()(listing_bpf* skeleton) const {
    listing_bpf::destroy(skeleton);
}
void IteratorLister::Destroy::operator()(bpf_link* link) const { bpf_link__destroy(link); }

IteratorLister::IteratorLister(std::unique_ptr<listing_bpf, Destroy> skeleton,
                               std::unique_ptr<bpf_link, Destroy> link)
    : skeleton_(std::move(skeleton)), link_(std::move(link)) {}
IteratorLister::~IteratorLister() = default;

Result<std::unique_ptr<IteratorLister>> IteratorLister::open(bool make_cookies, bool numbers,
                                                             const event::Filter& filter) {
    std::unique_ptr<listing_bpf, Destroy> skeleton(listing_bpf::open());
    if (!skeleton)
        return fail(ErrorCode::failed,
                    "cannot open the lister's BPF object: " + take_libbpf_warning(), errno);
    skeleton->rodata->can_make_cookies = make_cookies;
    skeleton->rodata->with_numbers = numbers;
    set_kernel_filter(*skeleton->rodata, filter);
    if (const int error = listing_bpf::load(skeleton.get()); error != 0)
        return fail(ErrorCode::cannot_trace,
                    fmt::format("the kernel refused the socket iterator ({}): {}",
                                std::strerror(-error), take_libbpf_warning()),
                    -error);
    std::unique_ptr<bpf_link, Destroy> link(
        bpf_program__attach_iter(skeleton->progs.list_sockets, nullptr));
    if (!link)
        return fail(ErrorCode::cannot_trace,
                    fmt::format("cannot attach the socket iterator: {}", std::strerror(errno)),
                    errno);
    return std::unique_ptr<IteratorLister>(
        new IteratorLister(std::move(skeleton), std::move(link)));
}

Result<void> IteratorLister::run(const event::RecordSink& sink) {
    // The iterator walks the namespace that the thread is in when it is created.
    const Fd iterator(bpf_iter_create(bpf_link__fd(link_.get())));
    if (!iterator)
        return fail(ErrorCode::failed,
                    fmt::format("cannot list the kernel's sockets: {}", std::strerror(errno)),
                    errno);
    std::vector<std::byte> buffer(64 * 1024);
    std::size_t filled = 0;
    while (true) {
        const ssize_t got = ::read(iterator.get(), buffer.data() + filled, buffer.size() - filled);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0)
            return fail(ErrorCode::failed,
                        fmt::format("cannot list the kernel's sockets: {}", std::strerror(errno)),
                        errno);
        if (got == 0) return {};
        filled += static_cast<std::size_t>(got);
        const auto cut_off = event::for_each_record({buffer.data(), filled}, sink);
        std::memmove(buffer.data(), cut_off.data(), cut_off.size());
        filled = cut_off.size();
    }
}

Result<void> IteratorLister::list(const event::RecordSink& sink) {
    skeleton_->bss->sweep = false;
    skeleton_->bss->only_waiting = false;
    return run(sink);
}

Result<void> IteratorLister::list_waiting(std::uint64_t idle, const event::RecordSink& sink) {
    skeleton_->bss->sweep = false;
    skeleton_->bss->only_waiting = true;
    skeleton_->bss->idle_ticks = idle;
    return run(sink);
}

Result<void> IteratorLister::sweep(std::uint64_t expires, const event::RecordSink& sink) {
    skeleton_->bss->sweep = true;
    skeleton_->bss->only_waiting = false;
    skeleton_->bss->sweep_expires = expires;
    return run(sink);
}

Result<TimerAddresses> IteratorLister::calibrate() {
    skeleton_->bss->seen_timewait_timer = 0;
    skeleton_->bss->seen_request_timer = 0;
    const pid_t child = ::fork();
    if (child < 0)
        return fail(ErrorCode::failed,
                    fmt::format("cannot calibrate: fork: {}", std::strerror(errno)), errno);
    // The namespace ends with this process, and its TIME_WAIT with it.
    const auto make_timers = [&] {
        if (::unshare(CLONE_NEWNET) != 0 || !bring_loopback_up()) return 1;
        const Fd deferring = loopback_listener(true);
        const Fd deferred = bound_socket(0);
        const Fd listener = loopback_listener(false);
        Fd closing = bound_socket(0);
        if (!connect_to(deferred, local_port(deferring)) ||
            !connect_to(closing, local_port(listener)))
            return 1;
        Fd accepted(::accept(listener.get(), nullptr, nullptr));
        closing.reset(); // closes first: FIN_WAIT2 or TIME_WAIT in a mini-socket, both with the
                         // same timer
        accepted.reset();
        return list([](auto) {}) ? 0 : 1;
    };
    if (child == 0) exit_with(make_timers);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    // The child wrote them through the same memory-mapped variables.
    const TimerAddresses found{skeleton_->bss->seen_timewait_timer,
                               skeleton_->bss->seen_request_timer};
    if (status != 0 || found.timewait == 0 || found.request == 0)
        return fail(
            ErrorCode::cannot_trace,
            "cannot learn the timers of TIME_WAIT and SYN_RECV: calibration in a network namespace "
            "of "
            "its own failed; make /proc/kallsyms readable (sysctl kernel.kptr_restrict=1) instead");
    return found;
}

} // namespace tcpdwell::live
