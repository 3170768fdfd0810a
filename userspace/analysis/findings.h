// SPDX-License-Identifier: Apache-2.0
// What is wrong, by the numbers of the other analyses, with advice that is right for the traced
// kernel.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/flows.h"
#include "analysis/kernel_counters.h"
#include "analysis/open_sockets.h"
#include "analysis/overview.h"
#include "analysis/thresholds.h"
#include "report/report.h"

namespace tcpdwell::analysis {

/// What rules decide on.
struct RuleInput {
    const std::vector<ServiceRow>& services;
    const Flows& flows;
    const OpenSockets& live;
    const Overview& overview;
    const CounterAnalysis& counters;
    const Thresholds& thresholds;
    const ReportContext& moment;
};

/// A finding while it is being written.
struct FindingDraft {
    std::string_view id;
    report::Severity severity;
    std::string what{};
    using Cell = std::variant<std::monostate, std::uint64_t, double, Nanoseconds, std::string>;
    struct Item {
        std::string_view id; ///< durations end in _ns
        std::string_view title;
        Cell value;
    };
    std::vector<Item> evidence{};
    std::vector<track::ConnectionId> connections{};
    std::vector<std::string> advice{};
};

using Rule = void (*)(const RuleInput& evidence, std::vector<FindingDraft>& drafts);

// The rules, each in the file of its subject.
void find_server_closes_first(const RuleInput& evidence,
                              std::vector<FindingDraft>& drafts); // findings_time_wait.cpp
void find_time_wait_skipped(const RuleInput& evidence,
                            std::vector<FindingDraft>& drafts); // findings_time_wait.cpp
void find_time_wait_table_full(const RuleInput& evidence,
                               std::vector<FindingDraft>& drafts); // findings_time_wait.cpp
void find_ephemeral_ports_low(const RuleInput& evidence,
                              std::vector<FindingDraft>& drafts); // findings_opening.cpp
void find_connects_unanswered(const RuleInput& evidence,
                              std::vector<FindingDraft>& drafts); // findings_opening.cpp
void find_handshakes_failing(const RuleInput& evidence,
                             std::vector<FindingDraft>& drafts); // findings_opening.cpp
void find_accept_queue_full(const RuleInput& evidence,
                            std::vector<FindingDraft>& drafts); // findings_listeners.cpp
void find_close_wait_leak(const RuleInput& evidence,
                          std::vector<FindingDraft>& drafts); // findings_waiting.cpp
void find_fin_wait2_pileup(const RuleInput& evidence,
                           std::vector<FindingDraft>& drafts); // findings_waiting.cpp
void find_closing_stuck(const RuleInput& evidence,
                        std::vector<FindingDraft>& drafts); // findings_waiting.cpp
void find_keepalive_kills(const RuleInput& evidence,
                          std::vector<FindingDraft>& drafts); // findings_waiting.cpp
void find_events_lost(const RuleInput& evidence,
                      std::vector<FindingDraft>& drafts); // findings_waiting.cpp

/// All of them applied, the most severe first.
report::Findings find_all(const RuleInput& evidence, report::Report& report);

// Wording that rules share.
std::string comm_of(const std::array<char, TD_COMM_LEN>& bytes); ///< "an unknown program" if empty
std::string program_of(const ServiceRow& row);                   ///< "nginx (pid 12)"
std::string place_of(const ServiceRow& row);                     ///< "nginx (pid 12) on 0.0.0.0:80"
std::string process_text(const std::optional<event::Process>& process);
std::string duration_text(Nanoseconds duration);
std::string counted(std::uint64_t number, std::string_view noun); ///< "1 socket", "2 sockets"
/// "net.ipv4.tcp_fin_timeout (60 here)"
std::string sysctl_text(const RuleInput& evidence, std::uint32_t netns, std::string_view name);

} // namespace tcpdwell::analysis
