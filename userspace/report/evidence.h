// SPDX-License-Identifier: Apache-2.0
// The keys that the evidence of findings may have, and what people read in their place. A key
// without words doesn't compile, so that none is ever shown as it is.
#pragma once

#include <algorithm>
#include <string_view>
#include <type_traits>

#include "base/word_enum.h"

namespace tcpdwell::report {

// clang-format off
#define TCPDWELL_EVIDENCE_UNIT_LIST(X) \
    X(count, "count") X(duration, "duration") /* in ns */ X(seconds, "seconds") X(share, "share") \
    X(bytes, "bytes") X(rate, "rate") /* a second */ X(name, "name") /* whatever names something */
// clang-format on
TCPDWELL_WORD_ENUM(EvidenceUnit, TCPDWELL_EVIDENCE_UNIT_LIST)

struct EvidenceWords {
    std::string_view key;
    std::string_view label;
    EvidenceUnit unit = EvidenceUnit::count;
    std::string_view finding = {}; ///< where the key has these words; "": wherever it has no others
};

inline constexpr EvidenceWords kEvidenceWords[] = {
    {"ActiveOpens", "Active opens, by the kernel"},
    {"EstabResets", "Closed without a FIN, by the kernel"},
    {"PassiveOpens", "Passive opens, by the kernel"},
    {"active_closes", "Closed first here"},
    {"active_opens", "Active opens traced"},
    {"addresses", "Remote addresses"},
    {"admin_kill", "Killed (ss -K)"},
    {"all", "Connections that ended"},
    {"all", "Connects that were answered", EvidenceUnit::count, "connects_delayed"},
    {"answered_elsewhere", "Whose hosts answered on other connections meanwhile"},
    {"answered_late", "Answered after they were given up"},
    {"answered_meanwhile", "While others at that endpoint were answered"},
    {"answered_on_older", "Of which on connections that were there before"},
    {"answered_since", "Whose hosts have answered since"},
    {"asked", "Where they have sent something meanwhile", EvidenceUnit::name},
    {"at_once", "Of which failed at once"},
    {"both_received", "Received by both ends, which are here"},
    {"bound", "Of which held by bind()"},
    {"client", "Connected by", EvidenceUnit::name},
    {"closed_first_local", "Closed first here"},
    {"closed_first_remote", "Closed first by clients"},
    {"closed_without_fin", "Closed without a FIN, traced"},
    {"closing", "Of which closed here"},
    {"comm", "Process", EvidenceUnit::name},
    {"connects", "Connects"},
    {"cookies_sent", "SYN cookies sent"},
    {"count", "Connections"},
    {"count", "Connections not known here", EvidenceUnit::count, "stray_resets"},
    {"count", "Answered only when the SYN was sent again", EvidenceUnit::count, "connects_delayed"},
    {"data_after_close", "Reset because data came after the close"},
    {"delayed", "SYNs of clients here sent again"},
    {"died", "Who died", EvidenceUnit::name},
    {"disconnect", "Reset by disconnecting the socket"},
    {"drops", "Dropped by listeners for any reason"},
    {"drops", "Dropped by listeners in all", EvidenceUnit::count, "handshakes_failing"},
    {"ended", "Timed out"},
    {"ended", "Connections here that such a reset ended", EvidenceUnit::count, "stray_resets"},
    {"endpoint", "Endpoint", EvidenceUnit::name},
    {"endpoints", "Remote endpoints that it is about"},
    {"events", "Events lost"},
    {"expired", "Ended by the kernel in FIN_WAIT2"},
    {"failed", "Gave up"},
    {"failed", "Handshakes that never completed", EvidenceUnit::count, "handshakes_failing"},
    {"fin_wait2_expired", "Ended by the kernel in FIN_WAIT2"},
    {"gaps", "Connections with gaps"},
    {"given_up", "Given up by the program"},
    {"growth_per_second", "Grows by", EvidenceUnit::rate},
    {"half_closed", "Of which the peer has closed"},
    {"half_closed", "Of which the client had closed its direction only", EvidenceUnit::count,
     "connections_reset"},
    {"handshakes", "Handshakes"},
    {"held", "Ports held now"},
    {"held_by", "Held by", EvidenceUnit::name},
    {"holders", "Held by", EvidenceUnit::name},
    {"holders", "Listens", EvidenceUnit::name, "accept_stalled"},
    {"holders", "Listens", EvidenceUnit::name, "accept_queue_full"},
    {"holes", "Holes in the recording"},
    {"host", "Host that it is most often", EvidenceUnit::name},
    {"hosts", "Remote hosts"},
    {"hung_up_on", "Closed when a client of the process had hung up"},
    {"idle_max_ns", "Longest idle before the close", EvidenceUnit::duration},
    {"idle_min_ns", "Shortest idle before the close", EvidenceUnit::duration},
    {"idle_ns", "Idle before the close", EvidenceUnit::duration},
    {"idle_ns", "Idle before the reset", EvidenceUnit::duration, "connections_reset"},
    {"idle_ns", "Idle before that", EvidenceUnit::duration, "peers_gone"},
    {"in_state", "In that state now"},
    {"in_state", "In CLOSE_WAIT now", EvidenceUnit::count, "close_wait_leak"},
    {"in_state", "In CLOSE_WAIT now", EvidenceUnit::count, "descriptor_inherited"},
    {"in_state", "In FIN_WAIT2 now", EvidenceUnit::count, "fin_wait2_pileup"},
    {"interval_ns", "One every", EvidenceUnit::duration},
    {"keepalive", "Keepalive probes went unanswered"},
    {"known_hosts", "Hosts to which it has been connected"},
    {"late", "Accepted later than after 1 s"},
    {"late_closed", "Of which the client had closed before"},
    {"left_out", "Findings left out"},
    {"limit", "Limit"},
    {"limit", "Local ports that there are", EvidenceUnit::count, "ephemeral_ports_low"},
    {"limit", "tcp_max_tw_buckets", EvidenceUnit::count, "time_wait_table_full"},
    {"limited_ns", "Kept from sending by the peer's window for", EvidenceUnit::duration},
    {"linger2", "Ended early by TCP_LINGER2"},
    {"listener", "Listener", EvidenceUnit::name},
    {"listener_closed", "Reset with their listener's end"},
    {"listeners", "Listening sockets"},
    {"listeners_busy", "Of which connections wait at"},
    {"local", "Local end", EvidenceUnit::name},
    {"local", "Resets were sent to", EvidenceUnit::name, "stray_resets"},
    {"longest_ns", "Longest time until accept()", EvidenceUnit::duration},
    {"longest_ns", "The longest took", EvidenceUnit::duration, "connects_delayed"},
    {"lost", "Bytes that were never sent", EvidenceUnit::bytes},
    {"mptcp_fastclose", "Ended by an MPTCP fast close"},
    {"netns", "Network namespace", EvidenceUnit::name},
    {"never_acked", "Of which nothing was ever acknowledged"},
    {"no_port", "Connects that got no local port"},
    {"occupied", "Processes with one connection open each"},
    {"occupied_by", "What keeps these", EvidenceUnit::name},
    {"occupied_ns", "For", EvidenceUnit::duration},
    {"oldest_local", "Local end of the oldest", EvidenceUnit::name},
    {"oldest_ns", "Oldest", EvidenceUnit::duration},
    {"oldest_remote", "Remote end of the oldest", EvidenceUnit::name},
    {"open_there", "Other ends here that are still open"},
    {"opened_by", "Accepted or connected by", EvidenceUnit::name},
    {"opened_per_second", "Opened", EvidenceUnit::rate},
    {"orphan_limit", "Ended because there were too many orphans"},
    {"other_reset_sent", "Reset here for another reason"},
    {"overflow", "The TIME_WAIT table was full"},
    {"overflows", "Overflows"},
    {"overflows", "Closed without a TIME_WAIT", EvidenceUnit::count, "time_wait_table_full"},
    {"orphaned", "Of which had been closed here"},
    {"passive_opens", "Passive opens traced"},
    {"paused_ns", "Nothing was accepted for", EvidenceUnit::duration},
    {"peak", "Most at a time"},
    {"peer_fin_not_seen", "Ended before the peer's FIN"},
    {"pid", "Process id", EvidenceUnit::name},
    {"ports_close_wait", "Of the ports, in CLOSE_WAIT now"},
    {"ports_idle", "Of the ports, open and idle now"},
    {"ports_time_wait", "Of the ports, in TIME_WAIT now"},
    {"probes", "Keepalive probes in a row"},
    {"process", "Process", EvidenceUnit::name},
    {"program", "Program", EvidenceUnit::name},
    {"prompt_since", "Answered at once since"},
    {"queued", "In the queue"},
    {"remote", "Remote end", EvidenceUnit::name},
    {"remote", "Resets were sent by", EvidenceUnit::name, "stray_resets"},
    {"repair", "Closed in repair mode"},
    {"reset_by_client", "Reset by clients that had given up"},
    {"reset_received", "Resets received"},
    {"reset_sent", "Resets sent"},
    {"resets", "Resets sent"},
    {"resets_sent_here", "RSTs that this host has sent meanwhile"},
    {"retransmission", "Retransmissions went unanswered"},
    {"retransmissions", "Retransmissions in a row"},
    {"retransmitted", "Segments that were sent again"},
    {"second_syn", "Answered only when the SYN was sent again"},
    {"seconds_left", "Lasts at this pace for", EvidenceUnit::seconds},
    {"segments_sent", "Segments sent"},
    {"share", "Share of them", EvidenceUnit::share},
    {"shortest_ns", "The shortest took", EvidenceUnit::duration},
    {"signals", "Ended by", EvidenceUnit::name},
    {"silence_ns", "No segment for", EvidenceUnit::duration},
    {"skipped", "Closed without a TIME_WAIT"},
    {"so_linger_zero", "Reset by SO_LINGER with a time of 0"},
    {"sockets", "Sockets past the threshold"},
    {"sockets", "Sockets", EvidenceUnit::count, "self_connected"},
    {"state", "State", EvidenceUnit::name},
    {"stopped", "Closed with the listening socket"},
    {"syn_cookies", "Established by SYN cookies"},
    {"syn_recv", "In SYN_RECV now"},
    {"syns_dropped", "SYNs dropped at a full queue"},
    {"time_wait_now", "TIME_WAITs now"},
    {"time_wait_peak", "Most TIME_WAITs at a time"},
    {"time_wait_socket_seconds", "Time in TIME_WAIT, added up", EvidenceUnit::seconds},
    {"timed_out", "Timed out"},
    {"timeout", "No answer in time"},
    {"translated", "Whose other end is behind address translation"},
    {"translated", "Ports of clients here of another endpoint", EvidenceUnit::count,
     "stray_resets"},
    {"translated_from", "Which they connect to", EvidenceUnit::name},
    {"to_itself", "Of which the program's own connects"},
    {"tries", "Connects there in all"},
    {"unanswered", "Of which a request wasn't answered"},
    {"unacked", "Bytes sent, not acknowledged", EvidenceUnit::bytes},
    {"undisturbed", "Open connections there that go on"},
    {"unreachable", "Unreachable"},
    {"unread", "Bytes received, not read", EvidenceUnit::bytes},
    {"unread_data", "Reset because received data was unread"},
    {"unseen", "Events that weren't seen"},
    {"unsent", "Bytes not sent yet", EvidenceUnit::bytes},
    {"unsent", "Bytes thrown away", EvidenceUnit::bytes, "time_wait_skipped"},
    {"user_timeout", "TCP_USER_TIMEOUT ran out"},
    {"waited_ns", "A request had waited for", EvidenceUnit::duration},
    {"waiting", "Waiting now"},
    {"waiting", "Waiting for accept()", EvidenceUnit::count, "accept_stalled"},
    {"waiting", "Waiting for accept()", EvidenceUnit::count, "accept_queue_full"},
    {"waiting", "In SYN_SENT now", EvidenceUnit::count, "connects_unanswered"},
    {"zero_window", "Whose peer has a window of 0"},
};

/// Those of that finding; nullptr: the key has none.
constexpr const EvidenceWords* words_of_evidence(std::string_view key,
                                                 std::string_view finding = {}) {
    const EvidenceWords* found = nullptr;
    for (const EvidenceWords& each : kEvidenceWords) {
        if (each.key != key) continue;
        if (!each.finding.empty() && each.finding == finding) return &each;
        if (each.finding.empty()) found = &each;
    }
    return found;
}

/// Whether the key has words wherever it stands. With UBSan, GCC 12 takes no comparison of a
/// pointer with nullptr for constant.
constexpr bool has_words_of_evidence(std::string_view key) {
    return std::ranges::any_of(kEvidenceWords, [&](const EvidenceWords& each) {
        return each.finding.empty() && each.key == key;
    });
}

/// A key that has words.
class EvidenceKey {
public:
    consteval EvidenceKey(const char* key) : text_(key) {
        if (!has_words_of_evidence(text_)) a_row_of_evidence_words_is_missing();
    }
    /// The word of an enum whose words all are keys: have_words<E>.
    template <class E>
    requires std::is_enum_v<E> EvidenceKey(E word) : text_(name(word)) {
        static_assert(have_words<E>, "a row of kEvidenceWords is missing");
    }
    operator std::string_view() const { return text_; }

    template <class E>
    static constexpr bool have_words = std::ranges::all_of(words_of(E{}), [](const auto& each) {
        return each.text.empty() || has_words_of_evidence(each.text);
    });

private:
    static void a_row_of_evidence_words_is_missing(); // not constexpr, and never called

    std::string_view text_;
};

} // namespace tcpdwell::report
