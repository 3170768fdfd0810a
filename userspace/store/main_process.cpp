// SPDX-License-Identifier: Apache-2.0
#include "store/main_process.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tcpdwell::store {

int poll_time(Nanoseconds time) {
    constexpr auto kMost = std::chrono::hours(1);
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(
                                std::clamp<Nanoseconds>(time, Nanoseconds(0), kMost))
                                .count());
}

Nanoseconds BackOff::wait(std::uint64_t failures, std::uint64_t random) const {
    Nanoseconds time = shortest;
    for (std::uint64_t i = 1; i < failures && time < longest; ++i) time = bounded_sum(time, time);
    time = std::min(time, longest);
    const std::uint64_t half =
        static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)) / 2;
    return time - Nanoseconds(static_cast<std::int64_t>(random % (half + 1)));
}

void WaitClock::poll_until(std::span<pollfd> wakers, std::optional<Time> end) {
    int time = -1;
    if (end) time = poll_time(*end - std::chrono::steady_clock::now());
    ::poll(wakers.data(), wakers.size(), time);
}

MainProcess::MainProcess(pid_t pid, int line, SharedPage& page, WaitClock clock)
    : page_(page), clock_(std::move(clock)),
      itself_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), wakers_{pollfd{line, POLLIN, 0},
                                                                            pollfd{itself_.get(),
                                                                                   POLLIN, 0}} {}

bool MainProcess::is_over() {
    take_wakes();
    return has_ended_ || page_.is_ending;
}

void MainProcess::wait(std::optional<Time> end) {
    clock_.wait(wakers_, end);
    take_wakes();
}

void MainProcess::take_wakes() {
    std::array<char, 16> byte{};
    ssize_t got = 0;
    do got = ::recv(wakers_[0].fd, byte.data(), byte.size(), MSG_DONTWAIT);
    while (got > 0 || (got < 0 && errno == EINTR));
    if (got == 0) has_ended_ = true;
    if (!itself_) return;
    pollfd itself = wakers_[1];
    if (::poll(&itself, 1, 0) > 0) has_ended_ = true;
}

MainProcess::Pause MainProcess::pause_after(std::uint64_t failures, const BackOff& back_off,
                                            Nanoseconds retry_after) const {
    std::uint64_t random = 0;
    if (::getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random)) random = 0;
    Pause pause{back_off.wait(failures, random), retry_after, page_.is_finishing};
    if (pause.was_finishing) pause.time = std::min(pause.time, back_off.shortest);
    pause.time = std::max(pause.time, pause.least);
    return pause;
}

void MainProcess::pause(const Pause& pause) {
    const Time began = clock_.now();
    while (!is_over()) {
        const bool is_cut = page_.is_finishing != pause.was_finishing;
        const Time end = began + (is_cut ? pause.least : pause.time);
        if (clock_.now() >= end) return;
        wait(end);
    }
}

void MainProcess::report_progress() const {
    static_cast<void>(::send(wakers_[0].fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
}

} // namespace tcpdwell::store
