// SPDX-License-Identifier: Apache-2.0
#include "io_uring.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "support/check.h"

namespace tcpdwell::test {
namespace {

Fd open_ring(io_uring_params& params) {
    return Fd(static_cast<int>(::syscall(SYS_io_uring_setup, 1, &params)));
}

/// A part of the ring that is shared with the kernel.
class Shared {
public:
    Shared(const Fd& ring, std::size_t size, off_t which)
        : size_(size), at_(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                                  ring.get(), which)) {
        check(at_ == MAP_FAILED ? -1 : 0, "mmap of the ring");
    }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    ~Shared() { ::munmap(at_, size_); }

    template <class T>
    T* at(std::size_t offset = 0) const {
        return reinterpret_cast<T*>(static_cast<std::byte*>(at_) + offset);
    }

private:
    std::size_t size_;
    void* at_;
};

} // namespace

bool has_io_uring() {
    io_uring_params params{};
    return static_cast<bool>(open_ring(params));
}

Fd accept_by_io_uring(const Fd& listener) {
    io_uring_params params{};
    const Fd ring = open_ring(params);
    check(ring ? 0 : -1, "io_uring_setup");
    const Shared submissions(ring, params.sq_off.array + params.sq_entries * sizeof(unsigned),
                             IORING_OFF_SQ_RING);
    const Shared completions(ring, params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe),
                             IORING_OFF_CQ_RING);
    const Shared entries(ring, params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);

    io_uring_sqe& entry = *entries.at<io_uring_sqe>();
    entry = {};
    entry.opcode = IORING_OP_ACCEPT;
    entry.fd = listener.get();
    entry.accept_flags = SOCK_CLOEXEC;
    *submissions.at<unsigned>(params.sq_off.array) = 0;
    std::atomic_ref(*submissions.at<unsigned>(params.sq_off.tail)).store(1);
    check(::syscall(SYS_io_uring_enter, ring.get(), 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0),
          "io_uring_enter");
    const int result = completions.at<io_uring_cqe>(params.cq_off.cqes)->res;
    if (result < 0) errno = -result;
    return Fd(check(result < 0 ? -1 : result, "accept by io_uring"));
}

} // namespace tcpdwell::test
