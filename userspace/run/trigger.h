// SPDX-License-Identifier: Apache-2.0
// Conditions on which a flight recorder saves what it holds: "time_wait>20000", "reset_sent>100/s",
// "close_wait_leak".
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "tcp/close.h"
#include "tcp/state.h"

namespace tcpdwell::run {

/// More than `limit` sockets in one state at a time.
struct SocketsInState {
    tcp::State state;
    std::uint64_t limit;
};

/// More than `limit` connections that ended like this within `per`.
struct RateOfEnding {
    tcp::Ending ending;
    std::uint64_t limit;
    Nanoseconds per;
};

/// A finding of a report on the last minute or two.
struct FindingRaised {
    std::string_view id;
};

struct Trigger {
    std::string text; ///< as the user gave it
    std::variant<SocketsInState, RateOfEnding, FindingRaised> condition;

    /// ErrorCode::usage names the error and the valid forms.
    static Result<Trigger> parse(std::string_view text);
};

/// How often something happened within the last second, minute or hour, to a sixtieth of that.
class SlidingCount {
public:
    explicit SlidingCount(Nanoseconds window) : step_(window / kParts) {}

    void add(MonoTime at);
    /// Within the window that ends at `now`.
    std::uint64_t count(MonoTime now);

private:
    static constexpr std::int64_t kParts = 60;
    void advance_to(MonoTime now);

    Nanoseconds step_;
    std::int64_t newest_ = 0; ///< number of the step, counted from time 0
    std::uint64_t sum_ = 0;
    std::array<std::uint64_t, kParts> parts_{};
};

} // namespace tcpdwell::run
