// SPDX-License-Identifier: Apache-2.0
// Which findings explain which, and what findings are about.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "analysis/findings.h"
#include "analysis/link_rules.h"

namespace tcpdwell::analysis {
namespace {

/// Until a process has closed because of what it has noticed.
constexpr Apart kAfter = {std::chrono::milliseconds(50), Nanoseconds(0)};
/// The same, where it hears of that from another one.
constexpr Apart kBehind = {std::chrono::milliseconds(50), Nanoseconds(0), false};
/// It closes both sides at once, in any order.
constexpr Apart kBothSides = {std::chrono::milliseconds(20), std::chrono::milliseconds(20)};

std::size_t closings_with(Link link, const Scope& consequence, const Scope& cause) {
    return closings_with(consequence, cause,
                         link == Link::after_each    ? kAfter
                         : link == Link::behind_each ? kBehind
                                                     : kBothSides);
}

/// Nearly all of them. Where far more connects fail than connections are closed, some fail just
/// before a close by chance.
bool go_with_each(Link link, const Scope& consequence, const Scope& cause) {
    constexpr std::uint64_t kMostTries = 4;
    const std::size_t all = consequence.closings.list().size();
    if (link != Link::with_each && cause.connections > kMostTries * consequence.connections)
        return false;
    return all > 0 && closings_with(link, consequence, cause) * 10 >= all * 9;
}

bool are_linked(Link link, const Upstreams& upstreams, const Scope& consequence,
                const Scope& cause) {
    const auto common = [](const auto& a, const auto& b) {
        return std::ranges::any_of(a, [&](const auto& each) { return b.contains(each); });
    };
    switch (link) {
    case Link::same_host:
        return consequence.netns == cause.netns && common(consequence.pids, cause.pids) &&
               std::ranges::any_of(consequence.remotes, [&](const tcp::Endpoint& a) {
                   return std::ranges::any_of(cause.remotes, [&](const tcp::Endpoint& b) {
                       return a.address == b.address;
                   });
               });
    case Link::same_service:
        return consequence.netns == cause.netns && common(consequence.services, cause.services);
    case Link::same_remote:
        return consequence.netns == cause.netns && common(consequence.remotes, cause.remotes);
    case Link::its_clients: return connects_to(consequence, cause);
    case Link::other_ends:
        return connects_to(consequence, cause) || connects_to(cause, consequence);
    case Link::its_process:
        return !consequence.services.empty() && !cause.remotes.empty() &&
               common(consequence.pids, cause.pids);
    case Link::same_process:
        return !consequence.remotes.empty() && !cause.services.empty() &&
               common(consequence.pids, cause.pids);
    case Link::after_each:
        return !consequence.services.empty() && go_with_each(link, consequence, cause);
    case Link::behind_each:
        return !consequence.services.empty() &&
               common(upstreams.servers_of(consequence.pids), cause.pids) &&
               go_with_each(link, consequence, cause);
    case Link::with_each:
        return !(consequence.services.empty() ? cause.services : cause.remotes).empty() &&
               go_with_each(link, consequence, cause);
    case Link::upstream:
        return !consequence.services.empty() && connects_to(upstreams.of(consequence.pids), cause);
    }
    return false;
}

/// Until what follows is noticed, or noticed in another order.
constexpr Nanoseconds kFoundOut = std::chrono::seconds(1);

bool is_of_a_queue(std::string_view finding) {
    return finding == "accept_stalled" || finding == "accept_queue_full";
}

/// Findings on sockets that are there now: since when they are, is known.
bool is_of_sockets(std::string_view finding) {
    return is_of_a_queue(finding) || finding == "close_wait_leak" ||
           finding == "fin_wait2_pileup" || finding == "closing_stuck";
}

/// Whether more connections were accepted without delay while the cause was there already than it
/// has itself: then the process could do its work all the same.
bool was_serving(const Scope& consequence, const Scope& cause) {
    if (!cause.is_began_seen || !cause.began || !consequence.began) return false;
    std::uint64_t served = 0;
    for (const auto& [when, weight] : consequence.accepted)
        if (when >= *cause.began && when <= *consequence.began) served += weight;
    return served > cause.connections;
}

/// What overflows spoil: each of these connections has met one at least.
bool is_by_overflow(std::string_view finding) {
    return finding == "connects_unanswered" || finding == "handshakes_failing" ||
           finding == "connections_reset" || finding == "idle_close_race" ||
           finding == "peers_gone" || finding == "stray_resets" || finding == "connects_delayed";
}

/// A few don't explain many. Connections in a full queue aren't counted, and one that a process
/// waits for may keep it from accepting any.
bool is_enough(const LinkRule& rule, const Scope& consequence, const Scope& cause) {
    // Who is refused, or gets no answer, tries again.
    if (rule.consequence == "connects_refused" || rule.link == Link::same_host) return true;
    if (rule.consequence == "connects_delayed" && rule.link == Link::same_remote) return true;
    if (is_of_a_queue(rule.consequence)) return !was_serving(consequence, cause);
    if (cause.overflows && is_by_overflow(rule.consequence))
        return *cause.overflows * 2 >= consequence.connections;
    return cause.connections == 0 || cause.connections * 2 >= consequence.connections;
}

/// Who is refused tries again, however many were connected before: from the end of the listener on,
/// until there is one again.
bool is_refused_since(const Scope& refused, const Scope& end) {
    if (!refused.first || !refused.last || !end.first || !end.last) return false;
    const MonoTime ended = *end.last <= *refused.last ? *end.last : *end.first;
    // One that ends again and again may do so while nobody is connected.
    const bool was_back = (refused.ended.empty() || refused.ended != end.ended) &&
                          refused.answered && *refused.answered > ended + kFoundOut;
    return *refused.first + kFoundOut >= *end.first && !was_back;
}

/// Nothing is explained by what came later, or was over before.
bool fits_in_time(const LinkRule& rule, const Scope& consequence, const Scope& cause) {
    if (rule.consequence == "connects_refused") return is_refused_since(consequence, cause);
    if (rule.link == Link::same_host && cause.last && consequence.began &&
        *consequence.began > *cause.last + kFoundOut)
        return false;
    if (rule.link == Link::same_host && cause.began && consequence.last &&
        *cause.began > *consequence.last)
        return false;
    if (consequence.last && cause.first && *cause.first > *consequence.last) return false;
    // The last word of a process is heard before the silence.
    if (rule.consequence == "peers_gone" && rule.cause == "process_died")
        return cause.last && consequence.began && *cause.last + kFoundOut >= *consequence.began;
    // Of those that wait for accept() now none has ended.
    if (rule.consequence == "connections_reset" && rule.cause == "accept_stalled" && !cause.first)
        return false;
    if (!is_of_sockets(rule.consequence) || !consequence.began) return true;
    if (cause.is_began_seen && cause.began && *cause.began > *consequence.began + kFoundOut)
        return false;
    return !cause.last || *cause.last + kFoundOut >= *consequence.began;
}

constexpr std::size_t kNoCause = ~std::size_t{0};

struct Explained {
    std::size_t by = kNoCause;
    const LinkRule* rule = nullptr;
};

/// For each finding the one that explains it.
using CauseOf = std::vector<Explained>;

bool leads_to(const CauseOf& causes, std::size_t from, std::size_t to) {
    for (; from != kNoCause; from = causes[from].by)
        if (from == to) return true;
    return false;
}

/// Findings by what links them, so that thousands are no more work for each.
class LinkIndex {
public:
    explicit LinkIndex(const std::vector<FindingDraft>& drafts) {
        for (std::size_t i = 0; i < drafts.size(); ++i) {
            const FindingDraft& draft = drafts[i];
            for (const tcp::Endpoint& each : draft.scope.services)
                for (const tcp::Endpoint& key : {plain(each), any_address(each)})
                    services_[{draft.id, key}].push_back(i);
            for (const tcp::Endpoint& each : draft.scope.remotes)
                for (const tcp::Endpoint& key : {plain(each), any_address(each)})
                    remotes_[{draft.id, key}].push_back(i);
            for (const std::uint32_t pid : pids_of(draft.scope))
                pids_[{draft.id, pid}].push_back(i);
        }
    }

    /// In their order; those that may be linked so, and some others.
    [[nodiscard]] std::set<std::size_t> candidates(const LinkRule& rule, const Upstreams& upstreams,
                                                   const Scope& consequence) const {
        std::set<std::size_t> found;
        switch (rule.link) {
        case Link::same_service: add(services_, rule.cause, consequence.services, found); break;
        case Link::same_remote: add(remotes_, rule.cause, consequence.remotes, found); break;
        case Link::its_clients: add(services_, rule.cause, consequence.remotes, found); break;
        case Link::other_ends:
            add(services_, rule.cause, consequence.remotes, found);
            add(remotes_, rule.cause, consequence.services, found);
            break;
        case Link::its_process:
        case Link::same_process:
        case Link::same_host:
        case Link::after_each:
        case Link::with_each:
            for (const std::uint32_t pid : pids_of(consequence)) add(pids_, rule.cause, pid, found);
            break;
        case Link::behind_each:
            for (const std::uint32_t pid : upstreams.servers_of(consequence.pids))
                add(pids_, rule.cause, pid, found);
            break;
        case Link::upstream:
            add(services_, rule.cause, upstreams.of(consequence.pids).remotes, found);
            break;
        }
        return found;
    }

private:
    template <typename Key>
    using Map = std::map<std::pair<std::string_view, Key>, std::vector<std::size_t>>;
    static constexpr std::size_t kMostOfOne = 64; ///< that have one service or process in common

    static std::set<std::uint32_t> pids_of(const Scope& scope) {
        std::set<std::uint32_t> pids = scope.pids;
        for (const Closing& each : scope.closings.list()) pids.insert(each.pid);
        pids.erase(0);
        return pids;
    }
    static tcp::Endpoint plain(const tcp::Endpoint& endpoint) {
        return endpoint.address.is_unspecified() ? any_address(endpoint) : endpoint;
    }
    static tcp::Endpoint any_address(const tcp::Endpoint& endpoint) { return {{}, endpoint.port}; }

    template <typename Key>
    static void add(const Map<Key>& map, std::string_view id, const Key& key,
                    std::set<std::size_t>& found) {
        const auto list = map.find({id, key});
        if (list == map.end()) return;
        const std::size_t count = std::min(list->second.size(), kMostOfOne);
        found.insert(list->second.begin(),
                     list->second.begin() + static_cast<std::ptrdiff_t>(count));
    }
    /// A listener on all addresses is known by its port only.
    static void add(const Map<tcp::Endpoint>& map, std::string_view id,
                    const std::set<tcp::Endpoint>& endpoints, std::set<std::size_t>& found) {
        for (const tcp::Endpoint& each : endpoints) {
            add(map, id, plain(each), found);
            add(map, id, any_address(each), found);
        }
    }

    Map<tcp::Endpoint> services_;
    Map<tcp::Endpoint> remotes_;
    Map<std::uint32_t> pids_;
};

Explained cause_of(const LinkIndex& index, const Upstreams& upstreams,
                   const std::vector<FindingDraft>& drafts, const CauseOf& causes,
                   std::size_t consequence) {
    const FindingDraft& draft = drafts[consequence];
    for (const LinkRule& rule : link_rules()) {
        if (rule.consequence != draft.id) continue;
        for (const std::size_t i : index.candidates(rule, upstreams, draft.scope))
            if (is_enough(rule, draft.scope, drafts[i].scope) &&
                fits_in_time(rule, draft.scope, drafts[i].scope) &&
                are_linked(rule.link, upstreams, draft.scope, drafts[i].scope) &&
                !leads_to(causes, i, consequence))
                return {i, &rule};
    }
    return {};
}

/// How many of a consequence go with the cause, and what is to be done about it then.
void put_in_words(const LinkRule& rule, const Scope& cause, FindingDraft& consequence) {
    if (!rule.words) return;
    consequence.advice = {std::string(rule.words->advice)};
    if (!rule.words->why.empty()) consequence.inference = rule.words->why;
    if (rule.words->before.empty()) return;
    const bool is_each = closings_with(rule.link, consequence.scope, cause) ==
                         consequence.scope.closings.list().size();
    consequence.what += fmt::format(" {}{}{}", rule.words->before, is_each ? "each" : "nearly each",
                                    rule.words->after);
}

void append_inference(FindingDraft& draft) {
    if (draft.inference.empty()) return;
    if (draft.what.ends_with('.')) draft.what.pop_back();
    draft.what += fmt::format(": {}.", draft.inference);
}

/// To what is at the root of each.
void pass_severity_on(const CauseOf& causes, std::vector<FindingDraft>& drafts) {
    for (std::size_t i = 0; i < drafts.size(); ++i) {
        if (causes[i].by == kNoCause) continue;
        bool is_harmless = false;
        std::size_t root = i;
        for (; causes[root].by != kNoCause; root = causes[root].by)
            is_harmless = is_harmless || causes[root].rule->is_harmless;
        if (!is_harmless)
            drafts[root].severity = std::max(drafts[root].severity, drafts[i].severity);
        if (!drafts[i].scope.goes_on) drafts[i].severity = report::Severity::info;
    }
}

/// By their cause.
using Consequences = std::map<std::size_t, std::vector<std::size_t>>;

/// Each one followed by its consequences, and those by theirs.
void append_with_consequences(std::vector<FindingDraft>& drafts, const Consequences& consequences,
                              std::size_t cause, std::vector<FindingDraft>& ordered) {
    ordered.push_back(std::move(drafts[cause]));
    const auto found = consequences.find(cause);
    if (found == consequences.end()) return;
    for (const std::size_t each : found->second)
        append_with_consequences(drafts, consequences, each, ordered);
}

} // namespace

void link_findings(const Upstreams& upstreams, std::vector<FindingDraft>& drafts) {
    const LinkIndex index(drafts);
    CauseOf causes(drafts.size());
    for (std::size_t i = 0; i < drafts.size(); ++i) {
        causes[i] = cause_of(index, upstreams, drafts, causes, i);
        if (causes[i].by == kNoCause) continue;
        const FindingDraft& cause = drafts[causes[i].by];
        drafts[i].because = {cause.id, cause.subject};
        put_in_words(*causes[i].rule, cause.scope, drafts[i]);
    }
    std::ranges::for_each(drafts, append_inference);
    pass_severity_on(causes, drafts);
    std::vector<std::size_t> roots;
    Consequences consequences;
    for (std::size_t i = 0; i < drafts.size(); ++i)
        (causes[i].by == kNoCause ? roots : consequences[causes[i].by]).push_back(i);
    std::ranges::stable_sort(roots, [&](std::size_t a, std::size_t b) {
        return drafts[a].severity > drafts[b].severity;
    });
    std::vector<FindingDraft> ordered;
    for (const std::size_t root : roots)
        append_with_consequences(drafts, consequences, root, ordered);
    drafts = std::move(ordered);
}

} // namespace tcpdwell::analysis
