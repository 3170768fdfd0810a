// SPDX-License-Identifier: Apache-2.0
// The list of rules, and the way from drafts to the report.
#include "analysis/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>

namespace tcpdwell::analysis {
namespace {

struct NamedRule {
    std::string_view id; ///< of the findings that it makes
    Rule find;
};
constexpr NamedRule kRules[] = {
    {"close_wait_leak", find_close_wait_leak},
    {"ephemeral_ports_low", find_ephemeral_ports_low},
    {"time_wait_table_full", find_time_wait_table_full},
    {"server_closes_first", find_server_closes_first},
    {"connects_unanswered", find_connects_unanswered},
    {"connects_delayed", find_connects_delayed},
    {"handshakes_failing", find_handshakes_failing},
    {"fin_wait2_pileup", find_fin_wait2_pileup},
    {"closing_stuck", find_closing_stuck},
    {"time_wait_skipped", find_time_wait_skipped},
    {"events_lost", find_events_lost},
    {"accept_queue_full", find_accept_queue_full},
    {"accept_stalled", find_accept_stalled},
    {"descriptor_inherited", find_descriptor_inherited},
    {"peers_gone", find_peers_gone},
    {"half_open_checks", find_half_open_checks},
    {"listener_closed", find_listener_closed},
    {"answered_unread", find_answered_unread},
    {"turned_away", find_turned_away},
    {"idle_close_race", find_idle_close_race},
    {"process_died", find_process_died},
    {"connections_reset", find_connections_reset},
    {"connects_refused", find_connects_refused},
    {"self_connected", find_self_connected},
    {"stray_resets", find_stray_resets},
    {"counters_disagree", find_counters_disagree},
};

constexpr int kIdDigits = 16;
/// So many of a sample are no chance, where fewer than the threshold are traced.
constexpr std::uint64_t kEnough = 10;

report::Value cell(const FindingDraft::Cell& value, report::Report& report) {
    if (const auto* count = std::get_if<std::uint64_t>(&value))
        return static_cast<std::int64_t>(*count);
    if (const auto* number = std::get_if<double>(&value)) return *number;
    if (const auto* duration = std::get_if<Nanoseconds>(&value)) return *duration;
    if (const auto* text = std::get_if<std::string>(&value)) return report.keep(*text);
    return {};
}

report::Value cell(const std::vector<event::Process>& processes, report::Report& report) {
    std::vector<report::ProcessValue> list;
    for (const event::Process& each : processes)
        list.push_back({each.pid, report.keep(std::string(each.comm()))});
    const auto count = static_cast<std::uint32_t>(list.size());
    return report::HolderList{report.keep(std::move(list)), count};
}

} // namespace

void FindingDrafts::push_back(FindingDraft draft) {
    const auto [it, is_new] = kinds_.try_emplace(draft.id);
    if (is_new) order_.push_back(draft.id);
    Kind& kind = it->second;
    if (kind.drafts.size() < kMostAlike) {
        kind.drafts.push_back(std::move(draft));
        return;
    }
    ++kind.left_out;
    const auto weight = [](const FindingDraft& each) {
        return std::pair(each.severity, each.scope.connections);
    };
    const auto least = std::ranges::min_element(kind.drafts, {}, weight);
    if (weight(*least) < weight(draft)) *least = std::move(draft);
}

std::vector<FindingDraft> FindingDrafts::take(const Upstreams& upstreams) {
    std::vector<FindingDraft> all;
    for (const std::string_view id : order_)
        std::ranges::move(kinds_[id].drafts, std::back_inserter(all));
    std::ranges::stable_sort(all, std::greater<>(), &FindingDraft::severity);
    link_findings(upstreams, all);
    for (const std::string_view id : order_) {
        const std::uint64_t left_out = kinds_[id].left_out;
        if (left_out == 0) continue;
        FindingDraft& rest = all.emplace_back(FindingDraft{id, report::Severity::info});
        rest.what = fmt::format("{} more of this kind, with fewer connections, {} left out.",
                                counted(left_out, "finding"), left_out == 1 ? "is" : "are");
        rest.evidence = {{"left_out", "left out", left_out}};
        rest.advice.push_back("A filter, or a higher threshold, shows those that matter.");
    }
    return all;
}

std::vector<std::string_view> finding_ids() {
    std::vector<std::string_view> ids;
    for (const NamedRule& rule : kRules) ids.push_back(rule.id);
    return ids;
}

report::Findings find_all(const RuleInput& evidence, report::Report& report) {
    FindingDrafts drafts;
    for (const NamedRule& rule : kRules) rule.find(evidence, drafts);
    report::Findings findings;
    for (const FindingDraft& draft : drafts.take(evidence.upstreams)) {
        report::Finding& finding = findings.list.emplace_back();
        finding.id = draft.id;
        finding.severity = draft.severity;
        finding.what = report.keep(draft.what);
        for (const FindingDraft::Item& item : draft.evidence)
            finding.evidence.push_back({item.id, item.title, cell(item.value, report)});
        for (const FindingDraft::Processes& item : draft.processes)
            finding.evidence.push_back({item.id, item.title, cell(item.list, report)});
        for (const track::ConnectionId id : draft.connections)
            finding.connections.push_back(report::HexId{id, kIdDigits});
        finding.likes = draft.likes;
        for (const std::string& sentence : draft.advice)
            finding.advice.push_back(report.keep(sentence));
        finding.subject = report.keep(draft.subject);
        if (draft.because)
            finding.because = {draft.because->id, report.keep(draft.because->subject)};
    }
    return findings;
}

bool is_enough(const RuleInput& evidence, std::uint64_t count) {
    return !evidence.overview.is_sampled() || count >= kEnough * evidence.overview.sample();
}

std::uint64_t kernel_threshold(const RuleInput& evidence, std::string_view name) {
    return std::max<std::uint64_t>(evidence.thresholds.count(name), 1);
}

std::uint64_t count_threshold(const RuleInput& evidence, std::string_view name) {
    const std::uint64_t many = kernel_threshold(evidence, name);
    return std::max(many, std::min(many, kEnough) * evidence.overview.sample());
}

double share_of(std::uint64_t part, std::uint64_t all) {
    return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

std::string comm_of(const std::array<char, TD_COMM_LEN>& bytes) {
    const std::string_view text = event::comm_text(bytes);
    return std::string(text.empty() ? "an unknown program" : text);
}

std::string program_of(const ServiceRow& row) {
    const std::string comm = comm_of(row.key.comm);
    return row.pid == 0 || row.several_pids ? comm : fmt::format("{} (pid {})", comm, row.pid);
}

std::string place_of(const ServiceRow& row) {
    if (row.key.role != tcp::Role::server) return program_of(row);
    return fmt::format("{} on {}", program_of(row), row.key.local.text(row.key.family));
}

std::string process_text(const std::optional<event::Process>& process) {
    if (!process) return "a process that is not known";
    if (process->pid == 0) return std::string(process->comm()); // of another pid namespace
    return fmt::format("{} (pid {})", process->comm(), process->pid);
}

std::string processes_text(const std::vector<event::Process>& processes) {
    constexpr std::size_t kMost = 3;
    if (processes.empty()) return process_text(std::nullopt);
    if (processes.size() == 1) return process_text(processes.front());
    const std::string_view comm = processes.front().comm();
    const bool is_one_program = std::ranges::all_of(
        processes, [&](const event::Process& each) { return each.comm() == comm; });
    std::string list;
    for (std::size_t i = 0; i < std::min(processes.size(), kMost); ++i)
        list += fmt::format("{}{}", i == 0 ? "" : ", ",
                            is_one_program ? fmt::format("{}", processes[i].pid)
                                           : process_text(processes[i]));
    const std::string_view rest = processes.size() > kMost ? ", ..." : "";
    return is_one_program ? fmt::format("{} (pids {}{})", comm, list, rest)
                          : fmt::format("{}{}", list, rest);
}

std::string duration_text(Nanoseconds duration) {
    const double seconds = std::chrono::duration<double>(duration).count();
    if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
    if (seconds < 120) return fmt::format("{:.1f} s", seconds);
    if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
    return fmt::format("{:.1f} h", seconds / 3600);
}

std::string sysctl_text(const RuleInput& evidence, std::uint32_t netns, std::string_view name) {
    const auto value = evidence.moment.host.sysctl(netns, name);
    return fmt::format("{} ({})", name, value ? fmt::format("{} here", *value) : "not known here");
}

} // namespace tcpdwell::analysis
