// SPDX-License-Identifier: Apache-2.0
#include "run/time_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <iterator>

namespace tcpdwell::run {
namespace {

using namespace std::chrono_literals;

constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2200; ///< nanoseconds since 1970 in 64 bits end in 2262
constexpr double kLongestOffset = 100.0 * 366 * 86'400;

/// Takes pieces off the front of a text. What doesn't fit makes it fail, and stay so.
class Cursor {
public:
    explicit Cursor(std::string_view text) : rest_(text) {}

    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(char c) { failed_ = !take(c) || failed_; }
    /// A number of exactly that many digits, from `least` to `most`.
    int number(std::size_t digits, int least, int most) {
        int value = 0;
        const std::string_view text = rest_.substr(0, digits);
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        const bool is_right =
            error == std::errc() && end == text.data() + digits && value >= least && value <= most;
        failed_ = failed_ || !is_right || text.front() == '-';
        if (!failed_) rest_.remove_prefix(digits);
        return value;
    }
    /// What follows a decimal point, of a second; 0 if there is none.
    Nanoseconds fraction() {
        if (!take('.')) return 0ns;
        Nanoseconds sum = 0ns;
        std::size_t digits = 0;
        for (Nanoseconds unit = 100ms;
             !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; unit /= 10) {
            sum += unit * (rest_.front() - '0');
            rest_.remove_prefix(1);
            ++digits;
        }
        failed_ = failed_ || digits == 0;
        return sum;
    }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] bool is_done() const { return rest_.empty() && !failed_; }

private:
    std::string_view rest_;
    bool failed_ = false;
};

/// hh:mm, and seconds if there are any.
Nanoseconds take_clock(Cursor& cursor) {
    const auto hours = std::chrono::hours(cursor.number(2, 0, 23));
    cursor.expect(':');
    const auto minutes = std::chrono::minutes(cursor.number(2, 0, 59));
    Nanoseconds sum = hours + minutes;
    if (cursor.take(':')) {
        sum += std::chrono::seconds(cursor.number(2, 0, 59));
        sum += cursor.fraction();
    }
    return sum;
}

/// Local midnight and so much more on a day of which only the date counts, `days` later.
WallTime on_local_day(std::tm day, Nanoseconds since_midnight, int days = 0) {
    const auto seconds =
        static_cast<int>(std::chrono::floor<std::chrono::seconds>(since_midnight).count());
    day.tm_mday += days;
    day.tm_hour = seconds / 3600; // not a sum of seconds: the day may have 23 hours
    day.tm_min = seconds / 60 % 60;
    day.tm_sec = seconds % 60;
    day.tm_isdst = -1;
    return WallTime(std::chrono::seconds(std::mktime(&day)) + since_midnight % 1s);
}

std::optional<WallTime> parse_date(std::string_view text) {
    Cursor cursor(text);
    const std::chrono::year year(cursor.number(4, kFirstYear, kLastYear));
    cursor.expect('-');
    const std::chrono::month month(static_cast<unsigned>(cursor.number(2, 1, 12)));
    cursor.expect('-');
    const std::chrono::day day(static_cast<unsigned>(cursor.number(2, 1, 31)));
    const bool is_midnight = cursor.at_end();
    if (!is_midnight && !cursor.take('T') && !cursor.take('t')) cursor.expect(' ');
    const Nanoseconds clock = is_midnight ? 0ns : take_clock(cursor);
    const std::chrono::year_month_day date(year, month, day);
    if (!date.ok() || static_cast<int>(year) < kFirstYear) return std::nullopt; // no date at all
    if (cursor.is_done()) {
        std::tm local{};
        local.tm_year = static_cast<int>(year) - 1900;
        local.tm_mon = static_cast<int>(static_cast<unsigned>(month)) - 1;
        local.tm_mday = static_cast<int>(static_cast<unsigned>(day));
        return on_local_day(local, clock);
    }
    const WallTime utc = std::chrono::sys_days(date) + clock;
    if (cursor.take('Z') || cursor.take('z'))
        return cursor.is_done() ? std::optional(utc) : std::nullopt;
    const bool is_east = cursor.take('+');
    if (!is_east) cursor.expect('-');
    const Nanoseconds east = std::chrono::hours(cursor.number(2, 0, 23));
    cursor.expect(':');
    const Nanoseconds offset = east + std::chrono::minutes(cursor.number(2, 0, 59));
    if (!cursor.is_done()) return std::nullopt;
    return is_east ? utc - offset : utc + offset;
}

std::optional<Nanoseconds> parse_clock(std::string_view text) {
    Cursor cursor(text);
    const Nanoseconds clock = take_clock(cursor);
    return cursor.is_done() ? std::optional(clock) : std::nullopt;
}

/// Of systemd.time(7), in seconds.
constexpr struct {
    std::string_view unit;
    double seconds;
} kUnits[] = {
    {"", 1},
    {"usec", 1e-6},
    {"us", 1e-6},
    {"msec", 1e-3},
    {"ms", 1e-3},
    {"seconds", 1},
    {"second", 1},
    {"sec", 1},
    {"s", 1},
    {"minutes", 60},
    {"minute", 60},
    {"min", 60},
    {"m", 60},
    {"hours", 3600},
    {"hour", 3600},
    {"hr", 3600},
    {"h", 3600},
    {"days", 86'400},
    {"day", 86'400},
    {"d", 86'400},
    {"weeks", 604'800},
    {"week", 604'800},
    {"w", 604'800},
    {"months", 2'629'800},
    {"month", 2'629'800},
    {"M", 2'629'800},
    {"years", 31'557'600},
    {"year", 31'557'600},
    {"y", 31'557'600},
};

std::string_view without_blanks_before(std::string_view text) {
    return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

/// "90", "90s", "1h 30min", "2 days": what systemd.time(7) calls a time span, without a sign.
std::optional<Nanoseconds> parse_span(std::string_view text) {
    double sum = 0;
    do {
        double number = 0;
        const char* const end = text.data() + text.size();
        const auto [rest, error] =
            std::from_chars(text.data(), end, number, std::chars_format::fixed);
        if (error != std::errc() || std::signbit(number) || !std::isfinite(number))
            return std::nullopt;
        text = without_blanks_before({rest, static_cast<std::size_t>(end - rest)});
        const std::string_view unit = text.substr(0, text.find_first_of(" .0123456789"));
        const auto* const known = std::find_if(std::begin(kUnits), std::end(kUnits),
                                               [&](const auto& each) { return each.unit == unit; });
        if (known == std::end(kUnits)) return std::nullopt;
        sum += number * known->seconds;
        text = without_blanks_before(text.substr(unit.size()));
    } while (!text.empty());
    if (sum > kLongestOffset) return std::nullopt;
    return Nanoseconds(std::llround(sum * 1e9));
}

std::tm local_time(WallTime at) {
    const std::time_t seconds =
        std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return local;
}

/// What systemd.time(7) reckons from now: "now", "today" (local midnight), "10 min ago".
std::optional<WallTime> parse_relative(std::string_view text, WallTime now) {
    constexpr std::string_view kAgo = " ago";
    if (text == "now") return now;
    if (text == "today") return on_local_day(local_time(now), 0ns);
    if (text == "yesterday") return on_local_day(local_time(now), 0ns, -1);
    if (text == "tomorrow") return on_local_day(local_time(now), 0ns, 1);
    if (!text.ends_with(kAgo)) return std::nullopt;
    text.remove_suffix(kAgo.size());
    const auto span = parse_span(text);
    return span ? std::optional(shifted(now, -*span)) : std::nullopt;
}

Result<MonoTime> place(const TimeText& text, const RecordedSpan& span, bool is_since) {
    const auto from_wall = [&](WallTime wall) {
        return shifted(span.clock.mono, time_between(span.clock.wall, wall));
    };
    if (const auto* wall = std::get_if<WallTime>(&text.value)) return from_wall(*wall);
    if (const auto* offset = std::get_if<TimeText::FromBegin>(&text.value))
        return shifted(span.begin(), offset->offset);
    if (const auto* offset = std::get_if<TimeText::BeforeEnd>(&text.value)) {
        if (!span.end)
            return fail(ErrorCode::usage, "a time before the end of the recording needs a file: "
                                          "the end of a pipe isn't known");
        return shifted(*span.end, -offset->offset);
    }
    const Nanoseconds clock = std::get<TimeText::Clock>(text.value).since_midnight;
    const std::tm day = local_time(span.clock.wall);
    const MonoTime same = from_wall(on_local_day(day, clock));
    if (same >= span.begin()) return same;
    // Recordings begin within a minute or a second: 18:04 is the beginning of one that began at
    // 18:04:10 and is over.
    const MonoTime next = from_wall(on_local_day(day, clock, 1));
    return is_since && span.end && next > *span.end ? same : next;
}

Result<std::optional<MonoTime>> bound(std::string_view option, const std::string& text,
                                      const RecordedSpan& span, WallTime now, bool is_since) {
    if (text.empty()) return std::optional<MonoTime>();
    const auto parsed = TimeText::parse(text, now);
    if (!parsed) return tl::unexpected(parsed.error().context(std::string(option)));
    const auto at = place(*parsed, span, is_since);
    if (!at) return tl::unexpected(at.error().context(fmt::format("{} {}", option, text)));
    return std::optional(*at);
}

std::string span_text(const RecordedSpan& span) {
    const std::string begin = moment_text(span.clock.wall);
    return span.end ? fmt::format("it goes from {} to {}", begin,
                                  moment_text(span.clock.to_wall(*span.end)))
                    : fmt::format("it begins at {}", begin);
}

} // namespace

Result<TimeText> TimeText::parse(std::string_view text, WallTime now) {
    if (const auto wall = parse_date(text)) return TimeText{*wall};
    if (const auto wall = parse_relative(text, now)) return TimeText{*wall};
    if (const auto clock = parse_clock(text)) return TimeText{Clock{*clock}};
    const bool is_signed = text.starts_with('+') || text.starts_with('-');
    if (const auto offset = parse_span(text.substr(is_signed ? 1 : 0))) {
        if (text.front() == '-') return TimeText{BeforeEnd{*offset}};
        return TimeText{FromBegin{*offset}};
    }
    return fail(ErrorCode::usage,
                fmt::format("'{}' is no time; give 18:04, 2026-11-21, '2026-11-21 18:04:17' (local "
                            "time), 2026-11-21T18:04:17Z, now, today, yesterday, '1 hour ago', "
                            "+90s (from the beginning of the recording) or -10m (before its end)",
                            text));
}

Result<TimeWindow> WindowOptions::resolve(const RecordedSpan& span, WallTime now) const {
    auto from = bound("--since", since, span, now, true);
    if (!from) return tl::unexpected(from.error());
    auto to = bound("--until", until, span, now, false);
    if (!to) return tl::unexpected(to.error());
    TimeWindow window{*from, *to};
    const auto text = [&](MonoTime at) { return moment_text(span.clock.to_wall(at)); };
    if (window.since && window.until && *window.since > *window.until)
        return fail(ErrorCode::usage, fmt::format("--since ({}) is later than --until ({})",
                                                  text(*window.since), text(*window.until)));
    if (window.since && span.end && *window.since > *span.end)
        return fail(ErrorCode::usage, fmt::format("the recording has nothing since {}: {}",
                                                  text(*window.since), span_text(span)));
    if (window.until && *window.until < span.begin())
        return fail(ErrorCode::usage, fmt::format("the recording has nothing until {}: {}",
                                                  text(*window.until), span_text(span)));
    if (window.since && *window.since <= span.begin()) window.since.reset();
    if (window.until && span.end && *window.until >= *span.end) window.until.reset();
    return window;
}

std::string moment_text(WallTime moment) {
    const WallTime at = roundable(moment);
    const auto second = std::chrono::floor<std::chrono::seconds>(at);
    const std::tm local = local_time(at);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}", local.tm_year + 1900,
                       local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
                       std::chrono::floor<std::chrono::milliseconds>(at - second).count());
}

Error nothing_since(MonoTime since, MonoTime end, const ClockAnchor& clock) {
    return Error{ErrorCode::usage,
                 fmt::format("the recording has nothing since {}: it goes to {}",
                             moment_text(clock.to_wall(since)), moment_text(clock.to_wall(end)))};
}

} // namespace tcpdwell::run
