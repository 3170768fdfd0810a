// SPDX-License-Identifier: Apache-2.0
// Which findings explain which, and what findings are about.
#include <algorithm>
#include <map>
#include <set>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

/// How the connections of a consequence have to do with those of its cause.
enum class Link : std::uint8_t {
    same_service, ///< both are about one service
    its_clients,  ///< they are of clients of the cause's service
    other_ends,   ///< they are the other ends, of clients or of servers
    its_process,  ///< the process that serves them is the one that connects in the cause
    same_process, ///< the process that connects is the one that serves those of the cause
    upstream,     ///< the process that serves them is a client of the cause's service
    same_host,    ///< one process connects to one host in both
};

struct LinkRule {
    std::string_view consequence;
    std::string_view cause;
    Link link;
};

/// The first that fits counts.
constexpr LinkRule kLinkRules[] = {
    // A process that waits for a service behind it doesn't notice that its own clients have gone.
    {"close_wait_leak", "peers_gone", Link::its_process},
    {"close_wait_leak", "connects_unanswered", Link::its_process},
    {"close_wait_leak", "accept_queue_full", Link::upstream},
    {"close_wait_leak", "accept_stalled", Link::upstream},
    {"close_wait_leak", "close_wait_leak", Link::upstream},
    {"close_wait_leak", "descriptor_inherited", Link::upstream},
    {"accept_stalled", "peers_gone", Link::its_process},
    {"accept_stalled", "connects_unanswered", Link::its_process},
    {"accept_stalled", "accept_queue_full", Link::upstream},
    {"accept_stalled", "accept_stalled", Link::upstream},
    {"accept_stalled", "close_wait_leak", Link::upstream},
    {"accept_queue_full", "peers_gone", Link::its_process},
    {"accept_queue_full", "connects_unanswered", Link::its_process},
    {"accept_queue_full", "accept_queue_full", Link::upstream},
    {"accept_queue_full", "accept_stalled", Link::upstream},
    {"accept_queue_full", "close_wait_leak", Link::upstream},
    // A listener whose queue is full drops SYNs and ACKs, or answers with RSTs
    // (tcp_abort_on_overflow).
    {"connects_unanswered", "accept_queue_full", Link::its_clients},
    {"handshakes_failing", "accept_queue_full", Link::same_service},
    {"peers_gone", "accept_queue_full", Link::its_clients},
    {"connections_reset", "accept_queue_full", Link::its_clients},
    {"connections_reset", "accept_queue_full", Link::same_service},
    // Who has closed waits for the FIN, or the window, of who doesn't.
    {"fin_wait2_pileup", "descriptor_inherited", Link::other_ends},
    {"fin_wait2_pileup", "close_wait_leak", Link::other_ends},
    {"fin_wait2_pileup", "accept_stalled", Link::other_ends},
    {"fin_wait2_pileup", "accept_queue_full", Link::other_ends},
    {"closing_stuck", "accept_stalled", Link::its_clients},
    {"closing_stuck", "accept_queue_full", Link::its_clients},
    {"closing_stuck", "close_wait_leak", Link::its_clients},
    // Clients that gave up are answered when it is over.
    {"connections_reset", "accept_stalled", Link::its_clients},
    // Clients see what a server does.
    {"idle_close_race", "idle_close_race", Link::its_clients},
    {"idle_close_race", "process_died", Link::its_clients},
    {"idle_close_race", "turned_away", Link::its_clients},
    {"idle_close_race", "stray_resets", Link::its_clients},
    {"idle_close_race", "accept_queue_full", Link::its_clients},
    {"connections_reset", "idle_close_race", Link::its_clients},
    {"connections_reset", "answered_unread", Link::its_clients},
    {"connections_reset", "turned_away", Link::its_clients},
    {"connections_reset", "listener_closed", Link::its_clients},
    {"connections_reset", "process_died", Link::other_ends},
    // Of a stray reset's connections the clients' are known by what they connect to.
    {"connections_reset", "stray_resets", Link::its_clients},
    {"peers_gone", "stray_resets", Link::its_clients},
    // RSTs that don't get through.
    {"peers_gone", "process_died", Link::its_clients},
    // Who gets no answer on its connections gets none to new ones.
    {"connects_unanswered", "peers_gone", Link::same_host},
    // What one end doesn't hear the other one sends in vain.
    {"peers_gone", "peers_gone", Link::other_ends},
    {"connects_refused", "process_died", Link::its_clients},
    {"connects_refused", "listener_closed", Link::its_clients},
    // The listener ends with its process.
    {"listener_closed", "process_died", Link::same_service},
    // A proxy that is silent for its limit closes both sides.
    {"connections_reset", "idle_close_race", Link::same_process},
};

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
    case Link::its_clients: return connects_to(consequence, cause);
    case Link::other_ends:
        return connects_to(consequence, cause) || connects_to(cause, consequence);
    case Link::its_process:
        return !consequence.services.empty() && !cause.remotes.empty() &&
               common(consequence.pids, cause.pids);
    case Link::same_process:
        return !consequence.remotes.empty() && !cause.services.empty() &&
               common(consequence.pids, cause.pids);
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
           finding == "peers_gone";
}

/// A few don't explain many. Connections in a full queue aren't counted, and one that a process
/// waits for may keep it from accepting any.
bool is_enough(const LinkRule& rule, const Scope& consequence, const Scope& cause) {
    // Who is refused, or gets no answer, tries again.
    if (rule.consequence == "connects_refused" || rule.link == Link::same_host) return true;
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

/// For each finding the one that explains it.
using CauseOf = std::vector<std::size_t>;

bool leads_to(const CauseOf& causes, std::size_t from, std::size_t to) {
    for (; from != kNoCause; from = causes[from])
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
            for (const std::uint32_t pid : draft.scope.pids) pids_[{draft.id, pid}].push_back(i);
        }
    }

    /// In their order; those that may be linked so, and some others.
    [[nodiscard]] std::set<std::size_t> candidates(const LinkRule& rule, const Upstreams& upstreams,
                                                   const Scope& consequence) const {
        std::set<std::size_t> found;
        switch (rule.link) {
        case Link::same_service: add(services_, rule.cause, consequence.services, found); break;
        case Link::its_clients: add(services_, rule.cause, consequence.remotes, found); break;
        case Link::other_ends:
            add(services_, rule.cause, consequence.remotes, found);
            add(remotes_, rule.cause, consequence.services, found);
            break;
        case Link::its_process:
        case Link::same_process:
        case Link::same_host:
            for (const std::uint32_t pid : consequence.pids) add(pids_, rule.cause, pid, found);
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

std::size_t cause_of(const LinkIndex& index, const Upstreams& upstreams,
                     const std::vector<FindingDraft>& drafts, const CauseOf& causes,
                     std::size_t consequence) {
    const FindingDraft& draft = drafts[consequence];
    for (const LinkRule& rule : kLinkRules) {
        if (rule.consequence != draft.id) continue;
        for (const std::size_t i : index.candidates(rule, upstreams, draft.scope))
            if (is_enough(rule, draft.scope, drafts[i].scope) &&
                fits_in_time(rule, draft.scope, drafts[i].scope) &&
                are_linked(rule.link, upstreams, draft.scope, drafts[i].scope) &&
                !leads_to(causes, i, consequence))
                return i;
    }
    return kNoCause;
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
    CauseOf causes(drafts.size(), kNoCause);
    for (std::size_t i = 0; i < drafts.size(); ++i) {
        causes[i] = cause_of(index, upstreams, drafts, causes, i);
        if (causes[i] == kNoCause) continue;
        drafts[i].because = {drafts[causes[i]].id, drafts[causes[i]].subject};
    }
    for (std::size_t i = 0; i < drafts.size(); ++i) {
        if (causes[i] == kNoCause) continue;
        std::size_t root = i;
        while (causes[root] != kNoCause) root = causes[root];
        drafts[root].severity = std::max(drafts[root].severity, drafts[i].severity);
        drafts[i].severity = report::Severity::info;
    }
    std::vector<std::size_t> roots;
    Consequences consequences;
    for (std::size_t i = 0; i < drafts.size(); ++i)
        (causes[i] == kNoCause ? roots : consequences[causes[i]]).push_back(i);
    std::ranges::stable_sort(roots, [&](std::size_t a, std::size_t b) {
        return drafts[a].severity > drafts[b].severity;
    });
    std::vector<FindingDraft> ordered;
    for (const std::size_t root : roots)
        append_with_consequences(drafts, consequences, root, ordered);
    drafts = std::move(ordered);
}

} // namespace tcpdwell::analysis
