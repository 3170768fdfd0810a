// SPDX-License-Identifier: Apache-2.0
#include "bulk_load.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <new>
#include <thread>

#include "loopback_load.h"

namespace tcpdwell::bench {

bool BulkLoad::transfer(Shared& shared) {
    constexpr std::size_t kChunk = 65536;
    const LoopbackPair ends = connect_over_loopback();
    if (ends.client < 0) return false;
    std::thread sender([&] {
        const std::array<char, kChunk> chunk{};
        while (!shared.stop && ::send(ends.client, chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) {}
        ::shutdown(ends.client, SHUT_WR);
    });
    std::array<char, kChunk> chunk{};
    for (ssize_t got = 0; (got = ::recv(ends.server, chunk.data(), chunk.size(), 0)) > 0;)
        shared.bytes += static_cast<std::uint64_t>(got);
    sender.join();
    return true;
}

BulkLoad::BulkLoad() {
    void* memory =
        ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    shared_ = new (memory) Shared;
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::_exit(::unshare(CLONE_NEWNET) == 0 && transfer(*shared_) ? 0 : 1);
}

std::uint64_t BulkLoad::bytes() const { return shared_->bytes; }

void BulkLoad::stop() {
    shared_->stop = true;
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
}

BulkLoad::~BulkLoad() {
    stop();
    ::munmap(shared_, sizeof(Shared));
}

} // namespace tcpdwell::bench
