// SPDX-License-Identifier: Apache-2.0
// Resets that have no finding of their own, of one party, and the words for what caused them.
#pragma once

#include <optional>
#include <string>

#include "analysis/causes.h"

namespace tcpdwell::analysis {

/// By who sent them. Those by SO_LINGER belong to them where they are too few for
/// time_wait_skipped, and no checks.
struct Resets {
    std::uint64_t here = 0;
    std::uint64_t there = 0;
    EnumArray<tcp::EndingDetail, std::uint64_t> details;
    std::uint64_t open_there = 0; ///< other ends that are here, and open
    std::size_t causes = 0;
    MonoTime first{}; ///< when the first of all of them ended
    MonoTime last{};
    MonoTime closing_first{}; ///< when the first of all of them began to close
    MonoTime closing_last{};
    const CauseFacts* most = nullptr;
    EndCause most_cause = EndCause::none;

    [[nodiscard]] std::uint64_t all() const { return here + there; }
};

/// What at least half of the resets have in common.
enum class CommonEnd {
    nothing,
    killed,            ///< ss -K
    hung_up_on,        ///< a proxy, when its own client had gone
    gave_up,           ///< a client, before the answer came
    lingered_out,      ///< the same, with SO_LINGER
    ended_idle,        ///< with SO_LINGER, by a server, after an idle time
    gave_up_sending,   ///< with SO_LINGER, when the peer didn't read
    discarded,         ///< a client closed, not wanting what came
    left_stream,       ///< the same, while data was still coming
    probe,             ///< a client closed at once, having sent nothing
    probed,            ///< the same as the server sees it
    reset_answered,    ///< received at once after an answer
    timed_reading,     ///< a server closed without an answer, and more came
    met_timed_reading, ///< the same as the client sees it
    met_close,         ///< a server closed when a client sent something
    late_word,         ///< a server closed after its answer, and more came much later
    met_late_word,
    left_unread, ///< closed with data unread
    met_more,    ///< closed while the peer was still sending
    lingered,    ///< SO_LINGER
    between,     ///< received by ends whose peers are open
    at_both,     ///< received by both ends, which are here
    when_idle,   ///< received after an idle time that is always the same
};

/// What the clients of a process had done that it took for a hang-up.
enum class HangUpKind { closed, half_closed, either };

HangUpKind hang_up_of(const CauseFacts& facts);
CommonEnd common_of(const PartyEnds& ends, const Resets& resets);
/// After which silence this end ended them, where that is always the same; else empty.
std::string patience_text(const CauseFacts& facts);
/// For how long nearly all were kept after shutdown(), where that is always the same; else empty.
std::string kept_text(const CauseFacts& facts);
/// For how long they had been idle when the RSTs came, where that is always the same.
std::optional<Nanoseconds> idle_before_reset(const CauseFacts& facts);
/// One sentence: what ended them, where most have it in common, and how many.
std::string reset_text(const PartyEnds& ends, const Resets& resets);
/// `has_clients`: its program serves clients itself.
std::string reset_advice(const PartyEnds& ends, const Resets& resets, bool has_clients);

} // namespace tcpdwell::analysis
