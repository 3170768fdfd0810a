// SPDX-License-Identifier: Apache-2.0
// Where a story plays: what its kernel shows, its namespace and tuple, and the kernel's memory with
// its quickly reused addresses.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "tcp/address.h"

namespace tcpdwell::synth {

/// What differs between kernels in the records that they lead to.
struct KernelTraits {
    bool child_identity;    ///< LISTEN -> SYN_RECV shows the child's cookie and peer; else the
                            ///< listener's cookie and no peer
    bool reset_reasons;     ///< RSTs come with a reason, and are shown for mini-sockets too
    bool entry_stamp;       ///< mini-sockets know when TIME_WAIT began (tw_entry_stamp)
    bool cookies;           ///< sockets have cookies without being asked
    bool stacks;            ///< the cancellation of a TIME_WAIT timer comes with its stack
    bool functions = false; ///< what mini-sockets and requests do is shown by the kernel's
                            ///< functions, not by timers

    bool operator==(const KernelTraits&) const = default;
};

inline constexpr KernelTraits kLinux5_10{false, false, false, false, true};
inline constexpr KernelTraits kLinux6_1{false, false, false, true, true};
inline constexpr KernelTraits kLinux6_18{true, true, true, true, true};

/// The clock of all stories. Starts at 1000 s after boot; HZ is 250.
inline constexpr ClockAnchor kTestClock{MonoTime(std::chrono::seconds(1000)),
                                        WallTime(std::chrono::seconds(1'767'225'600)),
                                        4'295'217'296, 250};

/// Kernel addresses of sockets, mini-sockets and requests, and cookies. What has been given back is
/// handed out again before anything new, as the slabs do (SLAB_TYPESAFE_BY_RCU).
class KernelMemory {
public:
    enum class Slab : std::uint8_t { socket, mini, request };

    /// An address that nothing has held at or after `now`.
    std::uint64_t take(Slab slab, MonoTime now);
    /// It is free from `now` on.
    void give_back(Slab slab, std::uint64_t address, MonoTime now);
    std::uint64_t new_cookie() { return ++cookies_; }

private:
    struct Slot {
        std::uint64_t address;
        MonoTime free_from;
    };
    std::array<std::vector<Slot>, 3> slabs_;
    std::uint64_t cookies_ = 0x1000;
};

struct Setting {
    KernelTraits kernel = kLinux6_18;
    std::uint32_t netns = 4026531840;
    tcp::FourTuple tuple;             ///< of the observed connection, as the observed side sees it
    MonoTime start = kTestClock.mono; ///< of the first record
    std::uint64_t seed =
        0; ///< 0: typical pauses; else each is drawn from 0.5 to 1.5 times the typical one
    std::uint32_t first_pid = 1000; ///< the story's processes have this pid and the next ones
};

} // namespace tcpdwell::synth
