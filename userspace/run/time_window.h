// SPDX-License-Identifier: Apache-2.0
// --since and --until: from what users write to moments of a recording.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "base/time.h"

namespace tcpdwell::run {

/// A point in time as the user wrote it.
struct TimeText {
    struct Clock { ///< of the local day that the recording begins on, or the next
        Nanoseconds since_midnight;
    };
    struct FromBegin {
        Nanoseconds offset;
    };
    struct BeforeEnd {
        Nanoseconds offset;
    };
    std::variant<WallTime, Clock, FromBegin, BeforeEnd> value;

    /// "2026-11-21T18:04:17.5Z", with an offset instead of the Z, or with neither (local time;
    /// seconds, or the time of day, may be missing); "18:04", "18:04:17"; by `now`: "now", "today",
    /// "yesterday", "tomorrow" (local midnight), "1 hour ago"; "+90s", "90", "1h 30min", "-10m".
    /// Units are those of systemd.time(7). ErrorCode::usage for anything else.
    static Result<TimeText> parse(std::string_view text, WallTime now);
};

/// When a recording was made.
struct RecordedSpan {
    ClockAnchor clock; ///< at the beginning
    std::optional<MonoTime>
        end; ///< latest moment that it covers; nullopt: a pipe, whose end isn't known yet

    [[nodiscard]] MonoTime begin() const { return clock.mono; }
};

/// The part of a recording that is reported, both ends included.
struct TimeWindow {
    std::optional<MonoTime> since; ///< nullopt: from the beginning
    std::optional<MonoTime> until; ///< nullopt: to the end

    [[nodiscard]] bool contains(MonoTime at) const {
        return (!since || at >= *since) && (!until || at <= *until);
    }
};

/// The options, as texts; "": not given.
struct WindowOptions {
    std::string since;
    std::string until;

    /// ErrorCode::usage if a text is no time, if they are in the wrong order, if the recording has
    /// nothing between them (the message names what it has), or if the end counts and isn't known.
    /// A bound outside of the recording is none. `now`: of the reader.
    [[nodiscard]] Result<TimeWindow> resolve(const RecordedSpan& span, WallTime now) const;
};

/// Local time in a form that TimeText::parse() takes: "2026-11-21 18:04:17.250".
std::string moment_text(WallTime at);

/// That a recording, which has been read to its end at `end`, has nothing from `since` on.
Error nothing_since(MonoTime since, MonoTime end, const ClockAnchor& clock);

} // namespace tcpdwell::run
