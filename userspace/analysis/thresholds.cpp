// SPDX-License-Identifier: Apache-2.0
#include "analysis/thresholds.h"

#include "base/similar.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cassert>
#include <charconv>
#include <string>

namespace tcpdwell::analysis {
namespace {

using Unit = ThresholdRow::Unit;

constexpr ThresholdRow kTable[] = {
    {"server_closes_first.connections", Unit::count, 100,
     "connections that the service closed first",
     "fewer TIME_WAITs than this harm nobody, whoever has them"},
    {"server_closes_first.share", Unit::share, 0.5, "of all that anybody closed first",
     "a server that closes less than half of them first is no exception to the rule"},
    {"close_wait_leak.sockets", Unit::count, 1, "sockets of one process in CLOSE_WAIT",
     "one forgotten socket is a fault; its age distinguishes it from a slow program"},
    {"close_wait_leak.age", Unit::duration, 60, "for at least so long",
     "programs that still work on an answer have closed by then: common time-outs of requests "
     "are up to 60 s"},
    {"time_wait_table_full.share", Unit::share, 0.9, "of tcp_max_tw_buckets",
     "the last tenth fills in seconds at the rate that filled the rest"},
    {"ephemeral_ports_low.share", Unit::share, 0.8,
     "of ip_local_port_range held towards one remote endpoint",
     "connect() searches longer and longer as the range fills, and there has to be time to "
     "act"},
    {"connects_unanswered.connections", Unit::count, 3,
     "connects of one program to one endpoint without an answer",
     "one or two SYNs are lost on any network"},
    {"connects_unanswered.share", Unit::share, 0.1, "of its connects to that endpoint",
     "a loss of less than one in ten is a path's, not an endpoint's"},
    {"connects_unanswered.age", Unit::duration, 1, "in SYN_SENT for at least so long",
     "the first SYN is sent again after 1 s (RFC 6298): no answer until then is no round trip"},
    {"connects_delayed.connections", Unit::count, 5,
     "connects to one endpoint that were answered when the SYN had been sent again",
     "single SYNs get lost on any way"},
    {"connects_delayed.share", Unit::share, 0.1, "of the connects that were answered there",
     "a way that loses a tenth of them is broken; from half of them on it is a warning"},
    {"handshakes_failing.connections", Unit::count, 20,
     "handshakes of one service that failed, or hang",
     "scanners leave a few on every public address"},
    {"handshakes_failing.share", Unit::share, 0.1, "of all its handshakes",
     "below a tenth clients that went away explain it"},
    {"fin_wait2_pileup.sockets", Unit::count, 100,
     "connections of one program in FIN_WAIT2, or expired there",
     "each is small, and the kernel ends it after tcp_fin_timeout: only many cost anything"},
    {"fin_wait2_pileup.age", Unit::duration, 5, "for at least so long",
     "a burst of closes is answered within seconds"},
    {"closing_stuck.sockets", Unit::count, 1,
     "sockets of one program in FIN_WAIT1, LAST_ACK or CLOSING",
     "none is left of a connection whose peer acknowledges"},
    {"closing_stuck.age", Unit::duration, 30, "for at least so long",
     "the seven retransmissions of the first 30 s should have got through"},
    {"time_wait_skipped.connections", Unit::count, 20,
     "active closes of one service that left no TIME_WAIT",
     "a few resets are how programs end what has failed"},
    {"time_wait_skipped.share", Unit::share, 0.1, "of its active closes",
     "where it is the habit of a program it is more than a tenth"},
    {"accept_queue_full.overflows", Unit::count, 1,
     "times that accept queues of one network namespace overflowed",
     "each is a client that waits for a second at least, or believes in a connection that isn't "
     "there"},
    {"accept_stalled.connections", Unit::count, 1, "connections that wait at one listener",
     "one client that waits is a client that waits"},
    {"accept_stalled.age", Unit::duration, 1, "the oldest for at least so long",
     "programs accept within milliseconds; after 1 s clients give up"},
    {"descriptor_inherited.sockets", Unit::count, 1, "sockets held by another program",
     "one that another program holds is an accident, or its own leak"},
    {"peers_gone.connections", Unit::count, 1,
     "connections of one program whose peer doesn't answer, or that timed out",
     "a single one hangs its program for up to 15 minutes"},
    {"peers_gone.age", Unit::duration, 3, "without a segment for at least so long",
     "the first three retransmissions (0.2, 0.6 and 1.4 s after the segment) are unanswered by "
     "then"},
    {"half_open_checks.connections", Unit::count, 5, "connections opened and reset at once",
     "checks come regularly: five show it"},
    {"listener_closed.connections", Unit::count, 1, "connections reset in an accept queue",
     "each is a request that was accepted by the kernel and lost"},
    {"answered_unread.connections", Unit::count, 5,
     "connections of one service closed with data unread", "single clients abort uploads"},
    {"answered_unread.share", Unit::share, 0.1, "of its connections",
     "what a server does by its configuration hits more than a tenth"},
    {"turned_away.connections", Unit::count, 5,
     "connections of one service closed at once after accept()",
     "single connections are closed at once by chance"},
    {"turned_away.share", Unit::share, 0.1, "of its connections",
     "below a tenth it is clients that are refused one by one, as is meant"},
    {"idle_close_race.connections", Unit::count, 3, "connections reset after an idle time",
     "one or two may be another accident; three meet the same limit"},
    {"idle_close_race.share", Unit::share, 0.01, "of the connections",
     "each is a lost request, so one in a hundred is much"},
    {"process_died.connections", Unit::count, 1, "connections ended by the death of a process",
     "the process died, however few it served"},
    {"connections_reset.connections", Unit::count, 5, "connections ended by a reset",
     "single resets are part of every day: browsers close tabs"},
    {"connections_reset.share", Unit::share, 0.1, "of the connections",
     "below a tenth they are clients', not the service's"},
    {"connects_refused.connections", Unit::count, 5,
     "connects of one program to one endpoint that were refused",
     "a service that restarts refuses a few"},
    {"connects_refused.share", Unit::share, 0.1, "of its connects to that endpoint",
     "where most are accepted it was a restart"},
    {"self_connected.connections", Unit::count, 1, "sockets connected to themselves",
     "none is ever meant"},
    {"stray_resets.connections", Unit::count, 5,
     "connections that are not known here, reset; 1 whose other end is",
     "late segments of connections from before tracing are few"},
    {"counters_disagree.difference", Unit::count, 20,
     "events by which the kernel's counters differ",
     "readings are milliseconds from the events beside them"},
    {"counters_disagree.share", Unit::share, 0.01, "of what it counted", "likewise, at any rate"},
};

std::size_t index_of(std::string_view name) {
    std::size_t i = 0;
    while (i < std::size(kTable) && kTable[i].name != name) ++i;
    return i;
}

/// The factor of a unit of time, NaN for a word that is none.
double seconds_of(std::string_view unit) {
    if (unit.empty() || unit == "s") return 1;
    if (unit == "ms") return 0.001;
    if (unit == "m") return 60;
    if (unit == "h") return 3600;
    return std::nan("");
}

std::string_view example(Unit unit) {
    switch (unit) {
    case Unit::count: return "a whole number such as 100";
    case Unit::share: return "a share such as 0.5 or 50%";
    case Unit::duration: return "a time such as 500ms, 30s or 5m";
    }
    return {};
}

/// So many can be counted exactly; and as seconds in ns, a year is still far below 2^63.
constexpr double kMostCounted = 1e15;
constexpr double kLongest = 366.0 * 24 * 3600;

/// NaN if the text isn't a value of that unit. Whatever the locale, decimals begin with a point.
double parse(Unit unit, std::string_view text) {
    double number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view suffix(parsed.ptr, text.data() + text.size());
    if (parsed.ec != std::errc() || !std::isfinite(number) || std::signbit(number))
        return std::nan("");
    switch (unit) {
    case Unit::count:
        return suffix.empty() && std::floor(number) == number && number <= kMostCounted
                   ? number
                   : std::nan("");
    case Unit::duration: {
        const double seconds = number * seconds_of(suffix);
        return seconds <= kLongest ? seconds : std::nan("");
    }
    case Unit::share: {
        const double share = suffix == "%" ? number / 100 : suffix.empty() ? number : std::nan("");
        return share <= 1 ? share : std::nan("");
    }
    }
    return std::nan("");
}

} // namespace

std::span<const ThresholdRow> Thresholds::rows() {
    static_assert(std::size(kTable) == kRows);
    return kTable;
}

Result<void> Thresholds::set(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos)
        return fail(
            ErrorCode::usage,
            fmt::format("--threshold {}: NAME=VALUE is wanted, as in close_wait_leak.age=30s",
                        text));
    const std::string_view name = text.substr(0, equals);
    const std::size_t i = index_of(name);
    if (i == std::size(kTable)) {
        std::vector<std::string> names;
        for (const ThresholdRow& row : kTable) names.emplace_back(row.name);
        const auto alike = most_alike(name, names);
        return fail(
            ErrorCode::usage,
            fmt::format(
                "--threshold {}: there is no such threshold{}; 'tcpdwell help "
                "report' lists them",
                name,
                alike.empty() ? "" : fmt::format(" (did you mean {}?)", fmt::join(alike, " or "))));
    }
    const double value = parse(kTable[i].unit, text.substr(equals + 1));
    if (std::isnan(value))
        return fail(ErrorCode::usage, fmt::format("--threshold {}: {} takes {}", text, name,
                                                  example(kTable[i].unit)));
    set_[i] = value;
    is_set_[i] = true;
    return {};
}

double Thresholds::value(std::string_view name) const {
    const std::size_t i = index_of(name);
    assert(i < std::size(kTable));
    return is_set_[i] ? set_[i] : kTable[i].preset;
}

std::uint64_t Thresholds::count(std::string_view name) const {
    return static_cast<std::uint64_t>(value(name));
}

Nanoseconds Thresholds::duration(std::string_view name) const { return from_seconds(value(name)); }

} // namespace tcpdwell::analysis
