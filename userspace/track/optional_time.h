// SPDX-License-Identifier: Apache-2.0
// A moment that may not be known, in eight bytes: there are millions of them.
#pragma once

#include <optional>

#include "base/time.h"

namespace tcpdwell::track {

/// As std::optional<MonoTime>, to and from which it converts. The beginning of time
/// (MonoTime::min()) can't be kept.
class OptionalTime {
public:
    constexpr OptionalTime() = default;
    constexpr OptionalTime(MonoTime time) : time_(time) {}
    constexpr OptionalTime(std::optional<MonoTime> time) : time_(time.value_or(kUnknown)) {}
    constexpr operator std::optional<MonoTime>() const {
        return has_value() ? std::optional(time_) : std::nullopt;
    }

    [[nodiscard]] constexpr bool has_value() const { return time_ != kUnknown; }
    constexpr explicit operator bool() const { return has_value(); }
    /// has_value() must hold.
    constexpr MonoTime operator*() const { return time_; }
    constexpr void reset() { time_ = kUnknown; }

private:
    static constexpr MonoTime kUnknown = MonoTime::min();
    MonoTime time_ = kUnknown;
};

} // namespace tcpdwell::track
