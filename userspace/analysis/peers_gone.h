// SPDX-License-Identifier: Apache-2.0
// What is known of the peers that one program gets no answer from.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "analysis/findings.h"

namespace tcpdwell::analysis {

/// How many connections there are of whose peers it is known that they are there.
struct WhenHeard {
    std::uint64_t of = 0;         ///< so many were looked at
    std::uint64_t open_there = 0; ///< they are here as well, and hear what is sent
    std::uint64_t elsewhere = 0;  ///< their hosts were heard while what these sent went unanswered
    /// Of these: on connections that are older than their silence, too.
    std::uint64_t on_older = 0;
    std::uint64_t never_acked = 0; ///< they repeat their SYN-ACKs
    std::uint64_t survived = 0;    ///< others that are older were heard after these had ended
    std::uint64_t since = 0;       ///< likewise, after these were tried last, or had ended
};

struct Gone {
    /// How many connections to each remote endpoint, of served ones to each remote host.
    using Peers = std::map<tcp::Endpoint, std::uint64_t>;

    const HeldSockets* now = nullptr; ///< those with the most
    std::uint64_t waiting = 0;
    Peers waiting_for;
    std::uint64_t closing = 0;   ///< of which closed here
    std::uint64_t unacked = 0;   ///< bytes
    std::uint64_t had_large = 0; ///< of which large segments were acknowledged before
    std::uint64_t unsent = 0;    ///< bytes
    std::uint32_t most_timeouts = 0;
    std::uint32_t most_keepalive = 0; ///< probes
    const PartyEnds* ends = nullptr;  ///< the one with the most
    std::uint64_t ended = 0;
    std::uint64_t orphaned = 0;            ///< of the ended ones, that had been closed here
    std::uint32_t most_ended_timeouts = 0; ///< of one of the ended ones
    std::uint64_t lost = 0;                ///< bytes of the ended ones that were never sent
    std::vector<std::pair<std::uint64_t, const PartyEnds*>> parties; ///< that these are of
    EnumArray<tcp::EndingDetail, std::uint64_t> details;
    std::vector<track::ConnectionId> ids;
    std::vector<track::ConnectionId> likes;
    Scope scope;
    WhenHeard heard;
    /// Before what wasn't answered; of all of them, or 0.
    Nanoseconds least_idle{};
    Nanoseconds most_idle{};
    std::uint32_t most_repeats = 0; ///< of a SYN-ACK
    std::uint8_t most_probes = 0;   ///< of keepalive, of one that has ended
    Nanoseconds longest_wait{};     ///< of one that has ended, since its peer was heard
    /// When the first of them sent what wasn't answered, and when the last of them was heard.
    std::optional<MonoTime> first_unanswered;
    std::optional<MonoTime> last_heard;

    void add(const HeldSockets& holding, const RuleInput& evidence);
    void add(const PartyEnds& party, const CauseFacts& facts, const RuleInput& evidence);

    /// What is sent arrives, and what the peers send doesn't.
    [[nodiscard]] bool is_received_there() const {
        return heard.of > 0 && heard.open_there == heard.of;
    }
    /// The hosts answer others: these aren't answered because of what they are.
    [[nodiscard]] bool is_heard_elsewhere() const {
        return heard.of > 0 && heard.elsewhere == heard.of;
    }
    /// What was opened before some moment is dead, and what was opened later works.
    [[nodiscard]] bool is_of_what_was_before() const {
        return is_heard_elsewhere() && heard.on_older == 0 && first_unanswered && last_heard &&
               *last_heard <= *first_unanswered;
    }
    /// The hosts answer, after these were last tried.
    [[nodiscard]] bool is_heard_since() const {
        return heard.of > 0 &&
               heard.open_there + heard.never_acked + heard.elsewhere + heard.since >= heard.of;
    }
    [[nodiscard]] bool is_idle() const { return least_idle > Nanoseconds(0); }
    /// The kernel couldn't get it out of the host: its first transmission failed already.
    [[nodiscard]] bool is_kept_here() const { return waiting > 0 && unacked == 0 && unsent > 0; }
    /// More than fits into the segments that get through wherever any do (RFC 1122, 4.2.2.6).
    [[nodiscard]] bool sends_much() const {
        constexpr std::uint64_t kSmall = 536;
        return waiting > 0 && unacked > kSmall * waiting && had_large < waiting;
    }
    /// The handshake never came to its end at the servers.
    [[nodiscard]] bool is_never_acked() const {
        return heard.of > 0 && heard.never_acked == heard.of;
    }
    /// Ended by keepalive that gives up within moments, in an outage that others have survived.
    [[nodiscard]] bool is_short_keepalive() const {
        constexpr Nanoseconds kShort = std::chrono::seconds(15);
        return waiting == 0 && details[tcp::EndingDetail::keepalive] == ended && heard.of > 0 &&
               heard.survived == heard.of && longest_wait > Nanoseconds(0) &&
               longest_wait <= kShort;
    }
    /// Ended by what holds for connections that nobody has any more.
    [[nodiscard]] bool is_of_orphans() const {
        return orphaned > 0 && orphaned == details[tcp::EndingDetail::retransmission];
    }
    /// Nothing but keepalive went unanswered.
    [[nodiscard]] bool is_by_keepalive() const {
        return details[tcp::EndingDetail::keepalive] == ended && unacked == 0 &&
               (waiting == 0 || most_keepalive > 0);
    }

private:
    void add(const Silences& silences, const RuleInput& evidence);
};

/// By network namespace and name of the program.
using GoneByProgram = std::map<std::pair<std::uint32_t, std::string>, Gone>;

GoneByProgram waiting_by_program(const RuleInput& evidence,
                                 const std::vector<const HeldSockets*>& waiting);
/// Of those that wait in vain, and those that timed out.
GoneByProgram gone_by_program(const RuleInput& evidence);

} // namespace tcpdwell::analysis
