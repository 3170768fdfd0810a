// SPDX-License-Identifier: Apache-2.0
// What is wrong, by the numbers of the other analyses, with advice that is right for the traced
// kernel.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/accept_queues.h"
#include "analysis/causes.h"
#include "analysis/counter_check.h"
#include "analysis/flows.h"
#include "analysis/heard_hosts.h"
#include "analysis/kernel_counters.h"
#include "analysis/open_sockets.h"
#include "analysis/overview.h"
#include "analysis/scope.h"
#include "analysis/thresholds.h"
#include "analysis/unknown_connections.h"
#include "analysis/upstreams.h"
#include "analysis/workers.h"
#include "base/counted.h"
#include "report/evidence.h"
#include "report/report.h"

namespace tcpdwell::analysis {

/// What rules decide on.
struct RuleInput {
    const std::vector<ServiceRow>& services;
    const Flows& flows;
    const ListenerTimes& listeners;
    const OpenSockets& live;
    const Overview& overview;
    const CounterAnalysis& counters;
    const AcceptQueues& accepts;
    const Causes& causes;
    const UnknownConnections& unknown;
    const HeardHosts& heard;
    const Upstreams& upstreams;
    const Workers& workers;
    const CounterCheck& check;
    const Thresholds& thresholds;
    const ReportContext& moment;
};

/// A finding while it is being written.
struct FindingDraft {
    std::string_view id;
    report::Severity severity;
    std::string what{};
    /// A clause that ends `what`: the cause, as far as the finding's own evidence shows it. Another
    /// finding that explains this one may know better.
    std::string inference{};
    using Cell = std::variant<std::monostate, std::uint64_t, double, Nanoseconds, std::string>;
    struct Item {
        report::EvidenceKey id; ///< durations end in _ns
        std::string_view title; ///< in a sentence
        Cell value{};
    };
    std::vector<Item> evidence{};
    /// Evidence that consists of processes, after the other.
    struct Processes {
        report::EvidenceKey id;
        std::string_view title;
        std::vector<event::Process> list;
    };
    std::vector<Processes> processes{};
    std::vector<track::ConnectionId> connections{};
    std::vector<track::ConnectionId> likes{}; ///< further ones, for the timeline only
    std::vector<std::string> advice{};
    std::string subject{};
    Scope scope{};
    struct Reason {
        std::string_view id;
        std::string subject;
    };
    std::optional<Reason> because{};
};

/// What the rules have found. Of those of one kind the kMostAlike with the most connections are
/// kept, the others counted: nobody reads ten thousand.
class FindingDrafts {
public:
    static constexpr std::size_t kMostAlike = 100;

    void push_back(FindingDraft draft);
    /// The most severe first, and at the end what was left out.
    [[nodiscard]] std::vector<FindingDraft> take(const Upstreams& upstreams);

private:
    struct Kind {
        std::vector<FindingDraft> drafts;
        std::uint64_t left_out = 0;
    };
    std::map<std::string_view, Kind> kinds_;
    std::vector<std::string_view> order_; ///< of the kinds, as the rules have it
};

using Rule = void (*)(const RuleInput& evidence, FindingDrafts& drafts);

// The rules, each in the file of its subject.
void find_server_closes_first(const RuleInput& evidence,
                              FindingDrafts& drafts); // findings_time_wait.cpp
void find_time_wait_skipped(const RuleInput& evidence,
                            FindingDrafts& drafts); // findings_time_wait.cpp
void find_time_wait_table_full(const RuleInput& evidence,
                               FindingDrafts& drafts); // findings_time_wait.cpp
void find_ephemeral_ports_low(const RuleInput& evidence,
                              FindingDrafts& drafts); // findings_ports.cpp
void find_connects_unanswered(const RuleInput& evidence,
                              FindingDrafts& drafts); // findings_unanswered.cpp
void find_connects_delayed(const RuleInput& evidence,
                           FindingDrafts& drafts); // findings_late_connects.cpp
void find_handshakes_failing(const RuleInput& evidence,
                             FindingDrafts& drafts); // findings_opening.cpp
void find_accept_queue_full(const RuleInput& evidence,
                            FindingDrafts& drafts); // findings_listeners.cpp
void find_accept_stalled(const RuleInput& evidence,
                         FindingDrafts& drafts); // findings_stalls.cpp
void find_close_wait_leak(const RuleInput& evidence,
                          FindingDrafts& drafts); // findings_waiting.cpp
void find_descriptor_inherited(const RuleInput& evidence,
                               FindingDrafts& drafts); // findings_waiting.cpp
void find_fin_wait2_pileup(const RuleInput& evidence,
                           FindingDrafts& drafts); // findings_waiting.cpp
void find_closing_stuck(const RuleInput& evidence,
                        FindingDrafts& drafts); // findings_waiting.cpp
void find_peers_gone(const RuleInput& evidence,
                     FindingDrafts& drafts); // findings_peers.cpp
void find_events_lost(const RuleInput& evidence,
                      FindingDrafts& drafts); // findings_quality.cpp
void find_counters_disagree(const RuleInput& evidence,
                            FindingDrafts& drafts); // findings_quality.cpp

void find_half_open_checks(const RuleInput& evidence,
                           FindingDrafts& drafts); // findings_checks.cpp
void find_listener_closed(const RuleInput& evidence,
                          FindingDrafts& drafts); // findings_resets.cpp
void find_answered_unread(const RuleInput& evidence,
                          FindingDrafts& drafts); // findings_resets.cpp
void find_turned_away(const RuleInput& evidence,
                      FindingDrafts& drafts); // findings_resets.cpp
void find_idle_close_race(const RuleInput& evidence,
                          FindingDrafts& drafts); // findings_idle.cpp
void find_process_died(const RuleInput& evidence,
                       FindingDrafts& drafts); // findings_stops.cpp
void find_connections_reset(const RuleInput& evidence,
                            FindingDrafts& drafts); // findings_other_resets.cpp
void find_connects_refused(const RuleInput& evidence,
                           FindingDrafts& drafts); // findings_refused.cpp
void find_self_connected(const RuleInput& evidence,
                         FindingDrafts& drafts); // findings_opening.cpp

void find_stray_resets(const RuleInput& evidence,
                       FindingDrafts& drafts); // findings_strays.cpp

/// Sets `because` where a finding is a consequence of another. Consequences follow their cause,
/// which takes over their severity: they are no problem of their own. (findings_links.cpp)
void link_findings(const Upstreams& upstreams, std::vector<FindingDraft>& drafts);

// The connections that a finding about them is linked by.
Scope scope_of(const HeldSockets& holding);
Scope scope_of(const PartyEnds& ends, const CauseFacts& facts);
Scope scope_of(const AcceptQueue& queue);

/// With the count, share and hosts that every finding of a party has; `of`: connections in all,
/// where the party isn't the only one.
FindingDraft party_draft(std::string_view id, report::Severity severity, const PartyEnds& ends,
                         const CauseFacts& facts, std::optional<std::uint64_t> of = std::nullopt);
/// Whether so many of all are as many as the finding's own thresholds want (ID.connections,
/// ID.share).
bool is_many(const RuleInput& evidence, std::string_view id, std::uint64_t count,
             std::uint64_t all);
/// Whether nearly all lie within a tenth, or a fifth of a second, of the median.
bool clusters(const LogHistogram& idle);
/// Of connects that failed: adds that the filter may leave out what shows that nothing is wrong.
void advise_on_hidden_addresses(const RuleInput& evidence, FindingDraft& draft);
/// Whether idle_close_race reports what ended by that cause.
bool is_idle_race(const RuleInput& evidence, const PartyEnds& ends, EndCause cause);

/// The queues in that namespace that accept_queue_full reports by name: the one that overflowed,
/// unless several may have, or those that are full.
std::vector<const AcceptQueue*> full_queues(const RuleInput& evidence, std::uint32_t netns);
/// Whether so many connections opened and reset at once are a check, by the hosts that they are of.
bool is_check(const RuleInput& evidence, const CauseFacts& facts);

/// Ids of all findings that there can be.
std::vector<std::string_view> finding_ids();
/// All of them applied, the most severe first.
report::Findings find_all(const RuleInput& evidence, report::Report& report);

/// Whether it is no chance: of a sample, what ten traced connections stand for.
bool is_enough(const RuleInput& evidence, std::uint64_t count);
/// Of a threshold that is a number: from so many on, and never of none. Of a sample no fewer than
/// ten traced ones, or as many as the threshold if that is less.
std::uint64_t count_threshold(const RuleInput& evidence, std::string_view name);
/// The same for what the kernel counted, which knows no samples.
std::uint64_t kernel_threshold(const RuleInput& evidence, std::string_view name);
double share_of(std::uint64_t part, std::uint64_t all); ///< from 0 to 1; 0 of none

// Wording that rules share.
std::string comm_of(const std::array<char, TD_COMM_LEN>& bytes); ///< "an unknown program" if empty
std::string program_of(const ServiceRow& row);                   ///< "nginx (pid 12)"
std::string place_of(const ServiceRow& row);                     ///< "nginx (pid 12) on 0.0.0.0:80"
std::string process_text(const std::optional<event::Process>& process);
/// "nginx (pid 12)", "postgres (pids 1, 2, 3, ...)", "nginx (pid 12), sleep (pid 13)"
std::string processes_text(const std::vector<event::Process>& processes);
/// "nginx (pid 12)", or its name alone where it has several processes
std::string program_text(const PartyEnds& ends);
/// "nginx (pid 12) on 0.0.0.0:80", "curl to 192.0.2.1:443"
std::string party_text(const PartyEnds& ends);
/// How many remote hosts; null where there are more than are remembered.
FindingDraft::Cell hosts_cell(const CauseFacts& facts);
/// ", all within 2.0 s": over which time they are spread; empty for a single one. What this end
/// closed counts from then on, however late the peer's segment came that an RST answered.
std::string within_text(const CauseFacts& facts);
std::string within_text(MonoTime first, MonoTime last);
/// Of connections that an RST ended at one end only, whose other end is here.
std::string open_there_text(std::uint64_t count);
std::string duration_text(Nanoseconds duration);
/// "net.ipv4.tcp_fin_timeout (60 here)"
std::string sysctl_text(const RuleInput& evidence, std::uint32_t netns, std::string_view name);

} // namespace tcpdwell::analysis
