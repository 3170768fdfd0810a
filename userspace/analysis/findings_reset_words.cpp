// SPDX-License-Identifier: Apache-2.0
// What connections_reset says: what the resets of a party have in common.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"
#include "analysis/resets.h"

namespace tcpdwell::analysis {
namespace {

using enum tcp::EndingDetail;

bool is_half(std::uint64_t part, const Resets& resets) { return part * 2 >= resets.here; }

bool is_client(const PartyEnds& ends) { return ends.party.role == tcp::Role::client; }

std::string idle_text(const CauseFacts& facts) {
    const auto idle = idle_before_reset(facts);
    return idle ? fmt::format(" idle for {}", duration_text(*idle)) : std::string();
}

CommonEnd common_of_received(const Resets& resets) {
    if (resets.open_there * 2 >= resets.there) return CommonEnd::between;
    if (resets.most->between * 2 >= resets.there) return CommonEnd::at_both;
    switch (resets.most_cause) {
    case EndCause::met_unanswered: return CommonEnd::met_timed_reading;
    case EndCause::met_close:
        return resets.most->count * 2 >= resets.there ? CommonEnd::met_close : CommonEnd::nothing;
    case EndCause::met_late_word: return CommonEnd::met_late_word;
    case EndCause::probed: return CommonEnd::probed;
    case EndCause::reset_answered: return CommonEnd::reset_answered;
    default: return idle_text(*resets.most).empty() ? CommonEnd::nothing : CommonEnd::when_idle;
    }
}

/// A process that waits for a server, because a client of its own waits.
bool was_hung_up_on(const PartyEnds& ends, const CauseFacts& facts) {
    return is_client(ends) && facts.hung_up_on * 10 >= facts.count * 9;
}

} // namespace

std::string patience_text(const CauseFacts& facts) {
    const Nanoseconds silence = facts.idle.quantile(0.5);
    return silence < std::chrono::milliseconds(100) || !clusters(facts.idle)
               ? std::string()
               : fmt::format(" after {}", duration_text(silence));
}

std::string kept_text(const CauseFacts& facts) {
    const Nanoseconds kept = facts.kept_half_closed.quantile(0.5);
    const bool are_most = facts.kept_half_closed.count() * 10 >= facts.count * 9;
    return !are_most || kept < std::chrono::milliseconds(100) || !clusters(facts.kept_half_closed)
               ? std::string()
               : duration_text(kept);
}

HangUpKind hang_up_of(const CauseFacts& facts) {
    const std::uint64_t known = facts.clients_ended.known + facts.clients_waiting.known;
    const std::uint64_t half = facts.clients_ended.half_closed + facts.clients_waiting.half_closed;
    if (half * 10 >= facts.hung_up_on * 9) return HangUpKind::half_closed;
    return half == 0 && known * 10 >= facts.hung_up_on * 9 ? HangUpKind::closed
                                                           : HangUpKind::either;
}

CommonEnd common_of(const PartyEnds& ends, const Resets& resets) {
    if (resets.there > resets.here) return common_of_received(resets);
    switch (resets.most_cause) {
    case EndCause::admin_killed: return CommonEnd::killed;
    case EndCause::closed_unanswered: return CommonEnd::timed_reading;
    case EndCause::late_word: return CommonEnd::late_word;
    case EndCause::discarded: return CommonEnd::discarded;
    case EndCause::left_stream: return CommonEnd::left_stream;
    case EndCause::gave_up_sending: return CommonEnd::gave_up_sending;
    case EndCause::ended_idle: return CommonEnd::ended_idle;
    case EndCause::probe: return CommonEnd::probe;
    default: break;
    }
    if (was_hung_up_on(ends, *resets.most)) return CommonEnd::hung_up_on;
    if (is_half(resets.details[unread_data], resets)) return CommonEnd::left_unread;
    if (is_half(resets.details[data_after_close], resets))
        return is_client(ends) ? CommonEnd::gave_up : CommonEnd::met_more;
    if (!is_half(resets.details[so_linger_zero], resets)) return CommonEnd::nothing;
    return is_client(ends) && !patience_text(*resets.most).empty() ? CommonEnd::lingered_out
                                                                   : CommonEnd::lingered;
}

namespace {

/// How many have it in common.
std::uint64_t count_of(CommonEnd common, const Resets& resets) {
    switch (common) {
    case CommonEnd::nothing: return resets.all();
    case CommonEnd::left_unread: return resets.details[unread_data];
    // Of the most frequent cause only it is known what came before.
    case CommonEnd::gave_up: return std::min(resets.details[data_after_close], resets.most->count);
    case CommonEnd::lingered_out:
        return std::min(resets.details[so_linger_zero], resets.most->count);
    case CommonEnd::met_more: return resets.details[data_after_close];
    case CommonEnd::lingered: return resets.details[so_linger_zero];
    case CommonEnd::between: return resets.open_there;
    case CommonEnd::hung_up_on: return std::min(resets.most->hung_up_on, resets.most->count);
    case CommonEnd::at_both: return std::min(resets.most->between, resets.most->count);
    case CommonEnd::killed:
    case CommonEnd::discarded:
    case CommonEnd::gave_up_sending:
    case CommonEnd::ended_idle:
    case CommonEnd::left_stream:
    case CommonEnd::when_idle:
    case CommonEnd::probe:
    case CommonEnd::probed:
    case CommonEnd::reset_answered:
    case CommonEnd::timed_reading:
    case CommonEnd::met_timed_reading:
    case CommonEnd::met_close:
    case CommonEnd::late_word:
    case CommonEnd::met_late_word: return resets.most->count;
    }
    return resets.all();
}

std::string details_text(const Resets& resets) {
    std::string text;
    for (const tcp::EndingDetail detail : kAllOf<tcp::EndingDetail>)
        if (resets.details[detail] != 0)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name(detail),
                                resets.details[detail]);
    return text;
}

/// "(7 RSTs sent here: data_after_close 7; 2 received)"
std::string counts_text(const Resets& resets) {
    if (resets.here == 0) return fmt::format("({} received)", counted(resets.there, "RST"));
    const std::string details = details_text(resets);
    return fmt::format("({} sent here{}{}{})", counted(resets.here, "RST"),
                       details.empty() ? "" : ": ", details,
                       resets.there == 0 ? "" : fmt::format("; {} received", resets.there));
}

std::string_view hang_up_text(HangUpKind how) {
    switch (how) {
    case HangUpKind::closed: return "had hung up";
    case HangUpKind::half_closed:
        return "had half-closed its connection (shutdown()) and still had the socket";
    case HangUpKind::either: break;
    }
    return "had closed, or half-closed, its connection";
}

/// Of a client that closed before data came. Where it had received something before, that may have
/// been part of the answer, or another one.
std::string gave_up_text(const std::string& so_many, const CauseFacts& facts) {
    const std::string patience = patience_text(facts);
    const std::string_view answers =
        facts.most_received > 0 ? "the answers, or the rest of them," : "the answers";
    if (const std::string kept = kept_text(facts); !kept.empty())
        return fmt::format("{} were half-closed by it (shutdown()), and closed {} after that, "
                           "before {} came",
                           so_many, kept, answers);
    return fmt::format("{} were closed by it before {} came{}", so_many, answers,
                       patience.empty() ? "" : ": it gave up waiting" + patience);
}

/// Of a client that didn't want what came.
std::string discarded_text(const std::string& so_many, const CauseFacts& facts) {
    if (facts.details[unread_data] == facts.count)
        return fmt::format("{} were closed by it with up to {} unread, for which close() sends an "
                           "RST",
                           so_many, counted(facts.most_unread, "byte"));
    if (facts.details[unread_data] > 0)
        return fmt::format("{} were closed by it with data unread, or just before something came, "
                           "which an RST answered",
                           so_many);
    return fmt::format("{} were closed by it {}, and an RST answered what came then", so_many,
                       facts.idle.max() < std::chrono::milliseconds(20)
                           ? "within moments of its last sending"
                           : "just before something came");
}

std::string lingered_out_text(const std::string& so_many, const CauseFacts& facts) {
    const std::string silence = duration_text(facts.idle.quantile(0.5));
    if (facts.most_received > 0)
        return fmt::format("{} were closed by it {} after it had last sent something, with "
                           "SO_LINGER 0",
                           so_many, silence);
    return fmt::format("{} were closed by it with SO_LINGER 0: it gave up waiting after {}",
                       so_many, silence);
}

/// Of RSTs that came from somewhere else, or whose cause isn't known.
std::string received_text(const PartyEnds& ends, const CauseFacts& facts, CommonEnd common,
                          const std::string& so_many) {
    const std::string idle = idle_text(facts);
    switch (common) {
    case CommonEnd::between:
        return fmt::format("{} ended by an RST that something else than the other end sent",
                           so_many);
    case CommonEnd::at_both:
        return fmt::format("{} were reset by something between it and {}{}: both ends are here, "
                           "and neither sent an RST",
                           so_many, process_text(facts.clients),
                           idle.empty() ? "" : ", having been" + idle);
    case CommonEnd::when_idle:
        return fmt::format("{} ended by an RST that came when they had been{}", so_many, idle);
    case CommonEnd::met_timed_reading:
        return fmt::format("{} were closed by {} without having sent anything: an RST answered "
                           "what was sent then",
                           so_many, ends.party.endpoint.text(ends.family));
    case CommonEnd::met_close:
        return fmt::format("{} were closed by {} at about the time when something was sent to it, "
                           "and an RST answered that",
                           so_many, ends.party.endpoint.text(ends.family));
    case CommonEnd::met_late_word:
        return fmt::format("{} were closed by {} soon after the opening, having sent its answer, "
                           "and something was sent a while after that",
                           so_many, ends.party.endpoint.text(ends.family));
    default: return fmt::format("{} ended by a reset", so_many);
    }
}

/// "2.0 s", or "1.2 s to 9.0 s" where it wasn't always the same
std::string quiet_text(const CauseFacts& facts) {
    const auto idle = idle_before_reset(facts);
    return idle ? duration_text(*idle)
                : fmt::format("{} to {}", duration_text(facts.quiet.min()),
                              duration_text(facts.quiet.max()));
}

/// Without an end and without counts: "8 of 10 connections of nginx (pid 7) on [::]:80 ...".
std::string lead_text(const PartyEnds& ends, const Resets& resets, CommonEnd common) {
    const CauseFacts& facts = *resets.most;
    const std::string so_many = fmt::format("{} of {} connections of {}", count_of(common, resets),
                                            ends.connections(), party_text(ends));
    switch (common) {
    case CommonEnd::killed: return fmt::format("{} were ended by ss -K here", so_many);
    case CommonEnd::hung_up_on:
        return fmt::format("{} were closed by it{}{}, each when a client of its own {}", so_many,
                           patience_text(facts),
                           facts.most_received == 0 ? " without an answer" : "",
                           hang_up_text(hang_up_of(facts)));
    case CommonEnd::gave_up: return gave_up_text(so_many, facts);
    case CommonEnd::lingered_out: return lingered_out_text(so_many, facts);
    case CommonEnd::discarded: return discarded_text(so_many, facts);
    case CommonEnd::ended_idle:
        return fmt::format("{} were reset by it (SO_LINGER 0) when nothing had come or gone for {}",
                           so_many, quiet_text(facts));
    case CommonEnd::gave_up_sending:
        return fmt::format("{} were reset by it (SO_LINGER 0) with {} unsent in all: the windows "
                           "of the peers, which didn't read, were 0, and had kept it from sending "
                           "for up to {}",
                           so_many, counted(facts.unsent, "byte"),
                           duration_text(facts.longest_limited));
    case CommonEnd::left_stream:
        return fmt::format("{} were closed by it while data was still coming, after up to {}, and "
                           "an RST answered what came next",
                           so_many, counted(facts.most_received, "byte"));
    case CommonEnd::probe:
        return fmt::format("{} were closed by it within moments of connecting, having sent "
                           "nothing: what the peer says first met the close, or stayed unread",
                           so_many);
    case CommonEnd::probed:
        return fmt::format("{} were closed by the clients within moments of connecting, having "
                           "sent nothing",
                           so_many);
    case CommonEnd::reset_answered:
        return fmt::format("{} were reset from the clients' side at once after an answer", so_many);
    case CommonEnd::timed_reading:
        return fmt::format("{} were closed by it{} without having sent anything, and the clients "
                           "sent more after that",
                           so_many, patience_text(facts));
    case CommonEnd::late_word:
        return fmt::format("{} were closed by it soon after the opening, having sent its answer, "
                           "and the clients sent something no sooner than 1.0 s after that",
                           so_many);
    case CommonEnd::left_unread:
        return fmt::format("{} were closed by it with data unread, for which close() sends an RST",
                           so_many);
    case CommonEnd::met_more:
        return fmt::format("{} were closed by it while the clients were still sending", so_many);
    case CommonEnd::lingered:
        return fmt::format("{} were closed by it with SO_LINGER 0, by which close() sends an RST",
                           so_many);
    default: return received_text(ends, facts, common, so_many);
    }
}

} // namespace

std::optional<Nanoseconds> idle_before_reset(const CauseFacts& facts) {
    const Nanoseconds quiet = facts.quiet.quantile(0.5);
    if (quiet < std::chrono::seconds(1) || !clusters(facts.quiet)) return std::nullopt;
    return quiet;
}

std::string reset_text(const PartyEnds& ends, const Resets& resets) {
    const CommonEnd common = common_of(ends, resets);
    const std::string lead = lead_text(ends, resets, common);
    const std::string within = resets.causes == 1
                                   ? within_text(*resets.most)
                                   : within_text(resets.closing_first, resets.closing_last);
    const std::string details = details_text(resets);
    if (common == CommonEnd::nothing)
        return fmt::format("{}: {} sent here, {} received{}{}.", lead, resets.here, resets.there,
                           details.empty() ? "" : fmt::format(" ({})", details), within);
    const std::uint64_t others = resets.all() - std::min(resets.all(), count_of(common, resets));
    return fmt::format("{}{} {}{}.", lead,
                       others == 0 ? "" : fmt::format("; {} more ended by a reset", others),
                       counts_text(resets), within);
}

} // namespace tcpdwell::analysis
