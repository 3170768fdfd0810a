// SPDX-License-Identifier: Apache-2.0
// When the sampler is asked for what: snapshots of all sockets, sweeps of mini-sockets in
// FIN_WAIT2, looks at the sockets that wait, the kernel's counters. A state machine without a
// clock: every call says what time it is (CLOCK_MONOTONIC, nanoseconds).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "live/kernel_clock.h"
#include "live/now.h"
#include "live/sampler.h"
#include "live/waiting_minis.h"

namespace tcpdwell::live {

/// What the sampler is to be asked for.
struct ListingRequest {
    enum class Kind {
        snapshot, ///< all sockets, then their owners
        sweep, ///< the mini-sockets in TIME_WAIT of the namespaces in `netns` that end at `expires`
               ///< or later
        counters, ///< the kernel's own, of all namespaces
        waiting,  ///< the sockets that wait: numbers and holders
    };
    Kind kind = Kind::snapshot;
    std::vector<std::uint32_t> netns; ///< of a sweep: inodes
    std::uint64_t expires = 0;        ///< of a sweep: jiffies
    bool all = false;                 ///< of a look: what is the same as before, too
};

/// One request at a time. The first one is a snapshot; sweeps come once a second while mini-sockets
/// wait, the counters that a snapshot brings along every 10 s, and so do looks at the sockets that
/// wait, beginning 2 s after the start. All get rarer where they take long (duty.h).
class ListingSchedule {
public:
    explicit ListingSchedule(const JiffiesClock& clock) : clock_(clock) {}

    /// A snapshot is wanted because events were lost. It comes 5 s after the last one at the
    /// earliest.
    void want_resync() { resync_wanted_ = true; }
    /// A snapshot is wanted for a reader's sake: as soon as the duty factor allows it.
    void want_relist() { relist_wanted_ = true; }

    /// A look at the sockets that wait is wanted for a reader's sake: as soon as the duty factor
    /// allows it.
    void want_look() { look_wanted_ = true; }

    /// The request that is due now, which the caller then makes. While stopping: the counters
    /// once more, a look at all sockets that wait, and one last sweep if any mini-socket waits,
    /// however long ago those before were.
    std::optional<ListingRequest> next(std::uint64_t now_ns, const WaitingMinis& waiting);
    /// The sampler has finished that.
    void on_done(SamplerDone what, std::uint64_t now_ns);
    /// The sampler process has ended: nothing more is asked for.
    void on_sampler_gone();
    /// No more snapshots; what has been asked for may take so much longer.
    void stop(std::uint64_t now_ns, std::uint64_t most_ns = 2 * kSecondNs);

    /// The sockets that existed at the start and their owners have been listed, or never will be.
    [[nodiscard]] bool ready() const { return ready_; }
    [[nodiscard]] bool sampler_gone() const { return asked_ == Asked::gone; }
    /// An answer is outstanding that is worth waiting for.
    [[nodiscard]] bool awaits_answer(std::uint64_t now_ns) const;
    /// Stopped, and nothing more to wait for. To be asked after next().
    [[nodiscard]] bool finished(std::uint64_t now_ns) const;

private:
    enum class Asked { nothing, snapshot, sweep, counters, waiting, gone };
    enum class Phase { running, stopping, final_counters, final_look, final_sweep };

    ListingRequest begin_snapshot(std::uint64_t now_ns);
    ListingRequest begin_counters(std::uint64_t now_ns);
    ListingRequest begin_look(std::uint64_t now_ns, bool all);
    ListingRequest begin_sweep(std::uint64_t now_ns, const WaitingMinis& waiting);

    JiffiesClock clock_;
    Phase phase_ = Phase::running;
    std::uint64_t stop_by_ns_ = 0;
    Asked asked_ = Asked::nothing;
    std::uint64_t asked_at_ns_ = 0;
    bool ready_ = false;
    bool resync_wanted_ = true; ///< nothing is known at the start
    bool relist_wanted_ = false;
    bool look_wanted_ = false;
    std::uint64_t next_resync_ns_ = 0; ///< these six: not before
    std::uint64_t next_relist_ns_ = 0;
    std::uint64_t next_sweep_ns_ = 0;
    std::uint64_t next_counters_ns_ = 0;
    std::uint64_t next_look_ns_ = 0;        ///< by itself
    std::uint64_t next_wanted_look_ns_ = 0; ///< for a reader
    std::uint64_t swept_until_jiffies_ = 0; ///< when the last sweep began; 0: there was none
};

} // namespace tcpdwell::live
