// SPDX-License-Identifier: Apache-2.0
#include "analysis/harmless_end.h"

#include <algorithm>

#include "analysis/end_cause.h"
#include "analysis/end_facts.h"

namespace tcpdwell::analysis {
namespace {

bool was_reset_by_client(const track::ConnectionLine& line, tcp::EndingDetail detail) {
    return is_client_end(line) && line.ending == tcp::Ending::reset_sent && line.detail == detail;
}

/// From the close on, until data came that the RST answered.
std::optional<Nanoseconds> met_after(const track::ConnectionLine& line) {
    const auto first = time_in(line, tcp::State::FIN_WAIT1);
    if (!first || line.closed_how == tcp::ClosedHow::shutdown) return std::nullopt;
    return *first + time_in(line, tcp::State::FIN_WAIT2).value_or(Nanoseconds(0));
}

/// Who closes within moments of sending has waited for no answer. Where something comes within
/// moments of a close, the server has answered that close (TLS's close_notify), or it was sending
/// just then: hardly what was waited for in vain. Time-outs are longer than the second that most
/// answers take.
bool has_waited_for_nothing(const track::ConnectionLine& line) {
    const auto waited = idle_before_close(line);
    if (!waited || !has_sent(line)) return false;
    if (*waited < kMoment) return true;
    const auto met = met_after(line);
    return has_received(line) && *waited < kAtOnce && met && *met < kMoment;
}

} // namespace

bool was_over_already(const track::ConnectionLine& line) {
    if (line.ending != tcp::Ending::reset_received || !has_been_acknowledged(line) ||
        has_left_unread(line))
        return false;
    if (line.closed_first == tcp::ClosedFirst::remote)
        return time_in(line, tcp::State::LAST_ACK).has_value();
    // A client that has only shut down one direction waits for its answer.
    const bool is_done = is_server_end(line) || line.closed_how == tcp::ClosedHow::close;
    return line.closed_first == tcp::ClosedFirst::local && is_done &&
           time_in(line, tcp::State::FIN_WAIT2).has_value();
}

bool loses_nothing(const track::ConnectionLine& line) {
    return is_client_end(line) && has_been_acknowledged(line) &&
           line.numbers->unread == OptionalNumber<std::uint32_t>(0);
}

bool has_discarded(const track::ConnectionLine& line) {
    if (!has_been_acknowledged(line)) return false;
    return (was_reset_by_client(line, tcp::EndingDetail::unread_data) && has_left_unread(line)) ||
           (was_reset_by_client(line, tcp::EndingDetail::data_after_close) &&
            line.closed_first == tcp::ClosedFirst::local && has_waited_for_nothing(line));
}

/// When data last came before the close isn't known. But it had come in many segments since the
/// only request, and came again no later after the close than after each of those.
bool has_left_a_stream(const track::ConnectionLine& line) {
    /// Those of the handshakes, also TLS's, and of ACKs.
    constexpr std::uint32_t kOthers = 4;
    constexpr std::uint32_t kFew = 6;
    if (!was_reset_by_client(line, tcp::EndingDetail::data_after_close) || !has_sent(line) ||
        !has_received(line))
        return false;
    const std::uint32_t segments = line.numbers->segments_received.value_or(0);
    const auto established = time_in(line, tcp::State::ESTABLISHED);
    const auto waited = idle_before_close(line);
    const auto met = met_after(line);
    if (segments < kOthers + kFew || !established || !waited || !met) return false;
    const bool has_asked_once = *established - *waited < std::max(kIdle, *established / 10);
    return has_asked_once && *met * 2 * (segments - kOthers) <= 3 * *established;
}

} // namespace tcpdwell::analysis
