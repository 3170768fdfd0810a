// SPDX-License-Identifier: Apache-2.0
#include "live/iterator_inventory.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "base/fd.h"
#include "live/bpf_session.h"
#include "live/kernel_filter.h"
#include "tcpdwell/config.h"
#include "tcpdwell/wire.h"

#include "inventory.skel.h" // needs the types above

namespace tcpdwell {
namespace {

bool bring_loopback_up() {
    const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return false;
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    return ::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0;
}

struct Pair {
    Fd listener;
    Fd client;
};

/// A listener and a connection to it, whose handshake is complete for the client.
Pair connect_to_self(bool defer_accept) {
    Pair p{Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    const int seconds = 5;
    if (defer_accept) ::setsockopt(p.listener.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds));
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    const bool ok = ::bind(p.listener.get(), plain, length) == 0 && ::listen(p.listener.get(), 1) == 0 &&
                    ::getsockname(p.listener.get(), plain, &length) == 0 &&
                    ::connect(p.client.get(), plain, length) == 0;
    if (!ok) p.client.reset();
    return p;
}

} // namespace

void IteratorInventory::Destroy::operator()(inventory_bpf* skeleton) const { inventory_bpf::destroy(skeleton); }
void IteratorInventory::Destroy::operator()(bpf_link* link) const { bpf_link__destroy(link); }

IteratorInventory::IteratorInventory(std::unique_ptr<inventory_bpf, Destroy> skeleton,
                                     std::unique_ptr<bpf_link, Destroy> link)
    : skeleton_(std::move(skeleton)), link_(std::move(link)) {}
IteratorInventory::~IteratorInventory() = default;

Result<std::unique_ptr<IteratorInventory>> IteratorInventory::open(bool make_cookies, const Filter& filter) {
    std::unique_ptr<inventory_bpf, Destroy> skeleton(inventory_bpf::open());
    if (!skeleton)
        return fail(ErrorCode::failed, "cannot open the inventory's BPF object: " + take_libbpf_warning(), errno);
    skeleton->rodata->can_make_cookies = make_cookies;
    set_kernel_filter(*skeleton->rodata, filter);
    if (const int error = inventory_bpf::load(skeleton.get()); error != 0)
        return fail(ErrorCode::cannot_trace,
                    fmt::format("the kernel refused the socket iterator ({}): {}", std::strerror(-error),
                                take_libbpf_warning()),
                    -error);
    std::unique_ptr<bpf_link, Destroy> link(bpf_program__attach_iter(skeleton->progs.list_sockets, nullptr));
    if (!link)
        return fail(ErrorCode::cannot_trace, fmt::format("cannot attach the socket iterator: {}", std::strerror(errno)),
                    errno);
    return std::unique_ptr<IteratorInventory>(new IteratorInventory(std::move(skeleton), std::move(link)));
}

Result<void> IteratorInventory::run(const RecordSink& sink) {
    // The iterator walks the namespace that the thread is in when it is created.
    const Fd iterator(bpf_iter_create(bpf_link__fd(link_.get())));
    if (!iterator)
        return fail(ErrorCode::failed, fmt::format("cannot list the kernel's sockets: {}", std::strerror(errno)),
                    errno);
    std::vector<std::byte> buffer(64 * 1024);
    std::size_t filled = 0;
    while (true) {
        const ssize_t got = ::read(iterator.get(), buffer.data() + filled, buffer.size() - filled);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0)
            return fail(ErrorCode::failed, fmt::format("cannot list the kernel's sockets: {}", std::strerror(errno)),
                        errno);
        if (got == 0) return {};
        filled += static_cast<std::size_t>(got);
        std::size_t used = 0;
        for (; filled - used >= sizeof(td_socket); used += sizeof(td_socket))
            sink({buffer.data() + used, sizeof(td_socket)});
        std::memmove(buffer.data(), buffer.data() + used, filled - used);
        filled -= used;
    }
}

Result<void> IteratorInventory::list(const RecordSink& sink) {
    skeleton_->bss->sweep = false;
    return run(sink);
}

Result<void> IteratorInventory::sweep(std::uint64_t expires, const RecordSink& sink) {
    skeleton_->bss->sweep = true;
    skeleton_->bss->sweep_expires = expires;
    return run(sink);
}

Result<TimerAddresses> IteratorInventory::calibrate() {
    skeleton_->bss->seen_timewait_timer = 0;
    skeleton_->bss->seen_request_timer = 0;
    const pid_t child = ::fork();
    if (child < 0)
        return fail(ErrorCode::failed, fmt::format("cannot calibrate: fork: {}", std::strerror(errno)), errno);
    if (child == 0) { // the namespace goes with this process, and its TIME_WAIT with it
        if (::unshare(CLONE_NEWNET) != 0 || !bring_loopback_up()) ::_exit(1);
        const Pair deferred = connect_to_self(true); // stays in its request socket until data come
        Pair closing = connect_to_self(false);
        if (!deferred.client || !closing.client) ::_exit(1);
        Fd accepted(::accept(closing.listener.get(), nullptr, nullptr));
        closing.client.reset(); // closes first: FIN_WAIT2 or TIME_WAIT in a mini-socket, both with the same timer
        accepted.reset();
        ::_exit(list([](auto) {}) ? 0 : 1);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    // The child wrote them through the same memory-mapped variables.
    const TimerAddresses found{skeleton_->bss->seen_timewait_timer, skeleton_->bss->seen_request_timer};
    if (status != 0 || found.timewait == 0 || found.request == 0)
        return fail(ErrorCode::cannot_trace,
                    "cannot learn the timers of TIME_WAIT and SYN_RECV: calibration in a network namespace of "
                    "its own failed; make /proc/kallsyms readable (sysctl kernel.kptr_restrict=1) instead");
    return found;
}

} // namespace tcpdwell
