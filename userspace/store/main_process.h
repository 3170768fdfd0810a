// SPDX-License-Identifier: Apache-2.0
// What the child processes of Sender have of the main process.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "base/fd.h"
#include "base/time.h"
#include "store/client.h"
#include "store/sender_options.h"

namespace tcpdwell::store {

/// The page that all of them see. Whatever ends one of them, the others can use it.
struct SharedPage {
    std::atomic<std::uint64_t> sent_batches;
    std::atomic<std::uint64_t> sent_rows;
    std::atomic<std::uint64_t> rejected_batches;
    std::atomic<std::uint64_t> rejected_rows;
    std::atomic<std::uint64_t> removed_rows;
    std::atomic<std::uint64_t> failed_tries;
    std::atomic<SendTrouble> trouble;
    std::atomic<bool> is_busy;      ///< has a batch that may be gone and isn't counted yet
    std::atomic<bool> is_finishing; ///< waiting between tries is cut short
    std::atomic<bool> is_ending;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// To poll(2), rounded up.
int poll_time(Nanoseconds time);

/// What time is, and how it passes until something comes; a test has its own.
struct WaitClock {
    using Time = std::chrono::steady_clock::time_point;

    std::function<Time()> now = [] { return std::chrono::steady_clock::now(); };
    /// As poll(2), but up to a moment; nullopt: for as long as it takes.
    std::function<void(std::span<pollfd>, std::optional<Time>)> wait = poll_until;

    static void poll_until(std::span<pollfd> wakers, std::optional<Time> end);
};

/// In the supervisor, and in the process that sends, which is forked from it: while that one runs,
/// the supervisor only waits for its end, so just one of them reads the line.
class MainProcess {
public:
    using Time = WaitClock::Time;

    /// Of time between two tries.
    struct Pause {
        Nanoseconds time;
        Nanoseconds least; ///< cut short by nothing but the end
        bool was_finishing;
    };

    /// `line` is the child's end of the line to it.
    MainProcess(pid_t pid, int line, SharedPage& page, WaitClock clock = {});

    [[nodiscard]] SharedPage& page() const { return page_; }
    /// It has ended, or wants its children to.
    bool is_over();
    /// Until something comes from it, or it has ended, or `end`.
    void wait(std::optional<Time> end);
    /// `retry_after`: what the server asks for.
    [[nodiscard]] Pause pause_after(std::uint64_t failures, const BackOff& back_off,
                                    Nanoseconds retry_after = {}) const;
    /// Cut short by the end, and when the main process begins to wait for all to be sent.
    void pause(const Pause& pause);
    /// For one who waits in drain(); nobody else reads it, and what has no room isn't missed.
    void report_progress() const;

private:
    void take_wakes();

    SharedPage& page_;
    WaitClock clock_;
    Fd itself_; // pidfd: others may have the other end of the line, this says surely when it ends
    std::array<pollfd, 2> wakers_;
    bool has_ended_ = false;
};

} // namespace tcpdwell::store
