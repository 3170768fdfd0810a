// SPDX-License-Identifier: Apache-2.0
// Connects that are answered, but only when the SYN has been sent again.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/findings.h"
#include "analysis/unanswered_connects.h"

namespace tcpdwell::analysis {
namespace {

/// The second SYN is sent again a second later at the earliest (tcp_syn_linear_timeouts, Linux 6.5;
/// before, two seconds later).
constexpr Nanoseconds kThirdSyn = std::chrono::milliseconds(1900);

/// As many have been answered at once since.
bool is_over(const LateConnects& late) { return late.prompt_since >= late.count; }

/// They may all have met one short outage, or were too many at once.
bool is_of_a_moment(const LateConnects& late) {
    return late.last_opened - late.first < std::chrono::seconds(3);
}

bool is_each_second_syn(const LateConnects& late, std::uint64_t all) {
    return late.longest < kThirdSyn && late.count * 10 >= all * 9;
}

std::string took_text(const LateConnects& late) {
    const std::string longest = duration_text(late.longest);
    const std::string shortest = duration_text(late.shortest);
    return shortest == longest ? longest : fmt::format("{} to {}", shortest, longest);
}

std::string what_text(const LateConnects& late, std::uint64_t all, const tcp::Endpoint& remote) {
    std::string text = fmt::format(
        "{} of {} to {}, {} of {}, {} answered only when the SYN had been sent again, after {}{}.",
        late.count, counted(all, "connect"), remote.text(late.family),
        late.count == 1 ? "that" : "those", processes_text(late.processes),
        late.count == 1 ? "was" : "were", took_text(late),
        is_over(late) || is_of_a_moment(late) ? within_text(late.first, late.last_opened) : "");
    if (is_over(late))
        text += fmt::format(" It is over: {} since then {} answered at once.", late.prompt_since,
                            late.prompt_since == 1 ? "was" : "were");
    return text;
}

std::string_view inference(const LateConnects& late, std::uint64_t all) {
    if (is_over(late)) return "";
    if (is_of_a_moment(late))
        return "SYNs, or the answers to them, were lost then: in a short outage, or because they "
               "were too many at once for the way or the listener";
    return is_each_second_syn(late, all)
               ? "the first SYN, or its answer, is lost each time, and the second gets through"
               : "SYNs, or the answers to them, are lost on the way, or the listener drops them";
}

void advise_on_late(const LateConnects& late, std::uint64_t all, FindingDraft& draft) {
    if (is_each_second_syn(late, all) && !is_of_a_moment(late))
        draft.advice.emplace_back(kFirstSynAdvice);
    draft.advice.push_back(
        "A capture of the SYNs on both sides (tcpdump 'tcp[tcpflags] & tcp-syn != 0') shows "
        "whether a SYN doesn't arrive, isn't answered, or its answer is lost. The listener's host "
        "counts what it drops (nstat -az TcpExtListenOverflows TcpExtListenDrops "
        "TcpExtTCPReqQFullDrop), connection tracking what it can't insert (conntrack -S).");
}

} // namespace

void find_connects_delayed(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const auto& [key, late] : evidence.causes.late_connects()) {
        const auto& [netns, remote] = key;
        const std::uint64_t all = evidence.causes.answers_of(netns, remote).count;
        if (!is_many(evidence, "connects_delayed", late.count, all)) continue;
        if (late.is_of_slow_path()) continue;
        const bool are_most = late.count * 2 >= all;
        const bool goes_on = !is_over(late) && !is_of_a_moment(late);
        FindingDraft draft{"connects_delayed", are_most && goes_on ? report::Severity::warning
                                                                   : report::Severity::info};
        draft.subject =
            fmt::format("{} to {}", processes_text(late.processes), remote.text(late.family));
        draft.what = what_text(late, all, remote);
        draft.inference = inference(late, all);
        draft.evidence = {{"count", "connects", late.count},
                          {"all", "of connects answered", all},
                          {"share", "share", share_of(late.count, all)},
                          {"shortest_ns", "the shortest took", late.shortest},
                          {"longest_ns", "the longest", late.longest},
                          {"prompt_since", "answered at once since", late.prompt_since},
                          {"remote", "remote", remote.text(late.family)},
                          {"netns", "network namespace", std::uint64_t{netns}}};
        draft.processes.push_back({"process", "process", late.processes});
        draft.connections = late.ids.list();
        draft.scope.netns = netns;
        draft.scope.remotes = {remote};
        for (const event::Process& each : late.processes) draft.scope.add_pid(each.pid);
        draft.scope.connections = late.count;
        draft.scope.first = draft.scope.began = late.first;
        draft.scope.is_began_seen = true;
        draft.scope.last = late.last;
        advise_on_late(late, all, draft);
        drafts.push_back(std::move(draft));
    }
}

} // namespace tcpdwell::analysis
