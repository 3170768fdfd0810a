// SPDX-License-Identifier: Apache-2.0
// Connects that are refused: by a server that isn't there, or by what stands in its place.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "analysis/findings.h"

namespace tcpdwell::analysis {
namespace {

/// A server that is started again takes as long.
constexpr Nanoseconds kRestart = std::chrono::seconds(1);

/// Whether somebody began to listen there later, and nobody had been seen to before.
bool came_too_early(const ListenerTimes::Times& times, const CauseFacts& refused) {
    return times.since && *times.since > refused.last && !times.absent;
}

/// Whether all were refused within the short time in which a server was started again.
bool came_during_restart(const ListenerTimes::Times& times, const CauseFacts& refused) {
    return times.since && times.absent && *times.absent <= refused.first &&
           *times.since >= refused.last && *times.since - *times.absent <= kRestart;
}

bool was_open_all_the_time(const ListenerTimes::Times& times, const CauseFacts& refused) {
    return times.open > 0 && (!times.since || *times.since <= refused.first);
}

/// Its socket was ended by another process, which the owner isn't notified of.
bool was_destroyed(const ListenerTimes::Times& times) {
    return times.absent_how == tcp::ClosedHow::abort && times.absent_by && times.absent_of &&
           times.absent_by->pid != times.absent_of->pid;
}

bool was_closed_by_choice(const ListenerTimes::Times& times) {
    return times.absent_how == tcp::ClosedHow::close;
}

std::string listener_text(const std::optional<event::Process>& process) {
    return process ? process_text(*process) : std::string("a process");
}

std::string short_time_text(Nanoseconds time) {
    return time < std::chrono::milliseconds(1) ? "less than 1 ms" : duration_text(time);
}

std::string absent_text(const ListenerTimes::Times& times) {
    const std::string owner = listener_text(times.absent_of);
    if (was_destroyed(times))
        return fmt::format("{} ended the socket of {}, which hadn't closed it",
                           listener_text(times.absent_by), owner);
    return fmt::format(
        "the socket of {} was closed{}", owner,
        times.open == 0 && was_closed_by_choice(times) ? " (by close(), not by its end)" : "");
}

/// What the listeners there show; empty: nothing that is sure.
std::string listening_text(const ListenerTimes::Times& times, const CauseFacts& refused) {
    if (came_too_early(times, refused))
        return fmt::format("nobody listened there until {} did, {} after the last of them",
                           listener_text(times.process),
                           short_time_text(*times.since - refused.last));
    if (!times.absent) return {};
    if (*times.absent > refused.first)
        return times.absences < 2 ? std::string()
                                  : fmt::format("nobody listens there at times: the listening "
                                                "socket was closed {} times",
                                                times.absences);
    std::string text =
        fmt::format("nobody listened there since {}, {} before the first of them",
                    absent_text(times), short_time_text(refused.first - *times.absent));
    if (times.open == 0) return text + ", and nobody does now";
    if (!times.since || *times.since < refused.last) return {};
    return text + fmt::format("; {} has done so again since {} after the last",
                              listener_text(times.process),
                              short_time_text(*times.since - refused.last));
}

/// What all refused connects are held against.
class Refusals {
public:
    explicit Refusals(const RuleInput& evidence) : evidence_(evidence) {
        for (const auto& [key, ends] : evidence.causes.parties()) {
            if (key.role == tcp::Role::server)
                for (const tcp::IpAddress& each : ends.addresses)
                    reached_[{each, key.endpoint.port}].insert(key.netns);
            add_rsts(rsts_[key.netns], ends);
        }
    }
    /// Another namespace of this host that has the address of the endpoint. nullopt: none is known,
    /// or several are.
    [[nodiscard]] std::optional<std::uint32_t> namespace_of(const Party& party) const {
        std::set<std::uint32_t> found = evidence_.listeners.namespaces_at(party.endpoint);
        if (const auto reached = reached_.find(party.endpoint); reached != reached_.end())
            found.insert(reached->second.begin(), reached->second.end());
        found.erase(party.netns); // the client doesn't have it
        return found.size() == 1 ? std::optional(*found.begin()) : std::nullopt;
    }
    /// How many RSTs the kernel has sent in that namespace beyond those that are known of, where
    /// that is as many as connects of it to other hosts were refused; else 0.
    [[nodiscard]] std::uint64_t sent_here(std::uint32_t netns) const {
        constexpr std::uint64_t kTolerance = 20; // one in so many
        const auto found = rsts_.find(netns);
        if (found == rsts_.end()) return 0;
        const auto& [refused, known] = found->second;
        const std::uint64_t sent = evidence_.counters.growth().growth(netns, "Tcp.OutRsts");
        const std::uint64_t rest = sent - std::min(sent, known);
        const std::uint64_t between = rest > refused ? rest - refused : refused - rest;
        return refused > 0 && between * kTolerance <= refused ? rest : 0;
    }

private:
    struct Rsts {
        std::uint64_t refused = 0; ///< connects to other hosts
        std::uint64_t known = 0;   ///< sent for connections, and for connects to own addresses
    };
    static void add_rsts(Rsts& rsts, const PartyEnds& ends) {
        for (const auto& [ending, count] : ends.endings)
            if (ending.first == tcp::Ending::reset_sent ||
                ending.second == tcp::EndingDetail::reset_sent)
                rsts.known += count;
        const CauseFacts* facts = ends.facts(EndCause::refused);
        if (!facts || ends.party.role != tcp::Role::client) return;
        const bool is_own = ends.party.endpoint.address.is_loopback();
        const std::uint64_t own =
            is_own ? facts->count : std::min(facts->to_own_address, facts->count);
        rsts.known += own;
        rsts.refused += facts->count - own;
    }

    const RuleInput& evidence_;
    std::map<tcp::Endpoint, std::set<std::uint32_t>> reached_; ///< in which namespaces
    std::map<std::uint32_t, Rsts> rsts_;
};

bool has_sent_no_rst(const RuleInput& evidence, std::uint32_t netns) {
    const CounterGrowth& counters = evidence.counters.growth();
    return counters.counters().contains({netns, "Tcp.OutRsts"}) &&
           counters.growth(netns, "Tcp.OutRsts") == 0;
}

/// What is known of the listeners where these were refused. Loopback addresses, and those of a
/// client that connects to its own, are of its namespace; others may be of any host, unless another
/// namespace here is known to have them. A filter may hide whoever listens, and losses that
/// somebody does.
class Listening {
public:
    Listening(const RuleInput& evidence, const Refusals& all, const PartyEnds& ends,
              const CauseFacts& refused)
        : listeners_(evidence.listeners), party_(ends.party), refused_(refused) {
        if (!evidence.overview.is_complete()) return;
        const tcp::Endpoint& at = party_.endpoint;
        is_own_ = at.address.is_loopback() || refused.to_own_address >= refused.count;
        if (!is_own_) sent_here_ = all.sent_here(party_.netns);
        const auto netns = is_own_ ? std::optional(party_.netns) : all.namespace_of(party_);
        if (!netns) return;
        times_ = listeners_.find(*netns, at);
        if (!times_) return;
        text_ = listening_text(*times_, refused);
        is_open_ = text_.empty() && was_open_all_the_time(*times_, refused);
        is_silent_ = !is_own_ && has_sent_no_rst(evidence, *netns);
    }
    [[nodiscard]] bool is_over() const {
        return times_ &&
               (came_too_early(*times_, refused_) || came_during_restart(*times_, refused_));
    }
    /// Whether nobody listens there any more.
    [[nodiscard]] bool is_down() const {
        return times_ && times_->open == 0 && times_->absent && *times_->absent <= refused_.first;
    }
    /// The same, and connects are refused to the end.
    [[nodiscard]] bool goes_on(MonoTime now) const {
        return is_down() && (now - refused_.last) * 4 <= now - *times_->absent;
    }
    /// Of the program whose listening socket was closed before.
    [[nodiscard]] std::string ended() const {
        return text_.empty() || !times_->absent_of ? std::string()
                                                   : std::string(times_->absent_of->comm());
    }
    [[nodiscard]] std::string why() const {
        if (!text_.empty()) return text_;
        std::string text = likely_text();
        if (sent_here_ > 0)
            text += fmt::format(", or this host refuses them itself: its kernel has sent as many "
                                "RSTs meanwhile ({})",
                                sent_here_);
        if (was_outage())
            text += fmt::format("; connects there are answered again since {} after the last",
                                short_time_text(std::max(Nanoseconds(0), *refused_.answered_since -
                                                                             refused_.last)));
        return text;
    }
    [[nodiscard]] std::vector<std::string> advice() const {
        std::vector<std::string> list;
        if (sent_here_ > 0)
            list.emplace_back("A NAT rule of this host (REDIRECT, DNAT: nft list ruleset, "
                              "iptables-save -t nat) may lead them to a local port where nobody "
                              "listens, as to a proxy (sidecar) that isn't running.");
        list.emplace_back(usual_advice());
        return list;
    }
    [[nodiscard]] std::uint64_t rsts_sent_here() const { return sent_here_; }

private:
    /// None was answered between the first and the last, but later.
    [[nodiscard]] bool was_outage() const {
        const bool were_others_answered = refused_.answered && *refused_.answered > refused_.first;
        return refused_.answered_since && !refused_.was_answered_between && !were_others_answered;
    }
    [[nodiscard]] std::string likely_text() const {
        if (is_open_)
            return fmt::format("{} listens there all the time{}: a firewall rejects them{}, or "
                               "address translation leads them elsewhere",
                               listener_text(times_->process),
                               is_silent_ ? ", and its kernel has sent no RST" : "",
                               is_own_ ? "" : ", or another host has that address");
        if (std::string elsewhere = elsewhere_text(); !elsewhere.empty()) return elsewhere;
        if (refused_.answered && *refused_.answered > refused_.first)
            return "others were answered meanwhile, so a firewall or a limit rejects some, or "
                   "nobody listens there at times";
        if (was_outage()) return "nobody listened there, or a firewall rejected them";
        return "nobody listens there, or a firewall rejects them";
    }
    [[nodiscard]] std::string usual_advice() const {
        if (times_ && came_too_early(*times_, refused_))
            return "The program was started before what it needs: let it try again, or order "
                   "their starts.";
        if (times_ && times_->open > 0 && !text_.empty())
            return "The service was started again. No connect is refused meanwhile where the "
                   "listening socket stays (systemd's socket units) or the next one is there "
                   "before (SO_REUSEPORT); and clients may try again.";
        if (times_ && !text_.empty() && was_destroyed(*times_))
            return fmt::format("ss -K (SOCK_DESTROY) ends listening sockets, too, and leaves their "
                               "process: if {} still runs, it has to listen again, or to be "
                               "restarted. 'ss -K state established ...' spares them.",
                               listener_text(times_->absent_of));
        if (is_down())
            return "Start the service again; its log may say why it doesn't listen any more.";
        if (is_open_)
            return "The service runs, so something else answers in its place: a firewall that "
                   "rejects with an RST (nft list ruleset, iptables-save: here, on the way, and at "
                   "the server), another host with that address (arping -D, ip neigh), or a NAT "
                   "rule. tcpdump on both sides shows who sends the RSTs.";
        if (was_outage())
            return "It is over: look for what was stopped, started or changed then (the service, "
                   "its "
                   "host, a firewall's rules). Clients that try again get over it.";
        if (sent_here_ > 0)
            return "Otherwise the service isn't running, listens on another address or port, or a "
                   "firewall rejects.";
        return "The host is up and answers with an RST: the service isn't running, listens on "
               "another address or port, or a firewall rejects.";
    }
    /// Where somebody listens at the same port, at another address.
    [[nodiscard]] std::string elsewhere_text() const {
        const tcp::Endpoint& at = party_.endpoint;
        if (!is_own_ || listeners_.have_been(party_.netns, at)) return {};
        const auto open = listeners_.open_at_port(party_.netns, at.port);
        if (open == listeners_.all().end()) return {};
        const auto& [key, times] = *open;
        return fmt::format(
            "nobody listens at that address, but {} does on {}", listener_text(times.process),
            tcp::Endpoint{std::get<tcp::IpAddress>(key), at.port}.text(times.family));
    }

    const ListenerTimes& listeners_;
    const Party& party_;
    const CauseFacts& refused_;
    bool is_own_ = false;         ///< the namespace of the client has the address
    bool is_open_ = false;        ///< somebody listened there while they were refused
    bool is_silent_ = false;      ///< whose kernel has sent no RST
    std::uint64_t sent_here_ = 0; ///< RSTs
    const ListenerTimes::Times* times_ = nullptr;
    std::string text_; ///< what is sure
};

/// One program's connects to one endpoint, and what is known of them.
struct RefusedParty {
    const PartyEnds* ends;
    const CauseFacts* facts;
    Listening listening;
};
/// Those that are one finding: where this host refuses what goes to others, the endpoints have
/// nothing to do with it.
using RefusedParties = std::vector<RefusedParty>;

bool have_one_cause(const RefusedParty& one, const RefusedParty& other) {
    const auto is_of_one_process = [](const PartyEnds& ends) {
        return ends.process && ends.process->pid != 0 && !ends.several_pids;
    };
    return one.listening.rsts_sent_here() > 0 && other.listening.rsts_sent_here() > 0 &&
           one.ends->party.netns == other.ends->party.netns && is_of_one_process(*one.ends) &&
           is_of_one_process(*other.ends) && one.ends->process->pid == other.ends->process->pid &&
           one.facts->first <= other.facts->last && other.facts->first <= one.facts->last &&
           one.listening.why() == other.listening.why();
}

std::vector<RefusedParties> refused_parties(const RuleInput& evidence) {
    const Refusals all(evidence);
    std::vector<RefusedParties> list;
    for (const auto& [key, ends] : evidence.causes.parties()) {
        const CauseFacts* facts = ends.facts(EndCause::refused);
        if (!facts || !is_many(evidence, "connects_refused", facts->count, ends.connections()))
            continue;
        RefusedParty party{&ends, facts, Listening(evidence, all, ends, *facts)};
        const auto known = std::ranges::find_if(
            list, [&](const RefusedParties& each) { return have_one_cause(each.front(), party); });
        if (known == list.end())
            list.emplace_back().push_back(std::move(party));
        else
            known->push_back(std::move(party));
    }
    return list;
}

std::string refused_at_text(const PartyEnds& ends) { return ends.party.endpoint.text(ends.family); }

/// "app (pid 7) to 2 endpoints (10.0.0.8:80, 10.0.0.9:80)"
std::string parties_text(const RefusedParties& parties) {
    constexpr std::size_t kMost = 4;
    const PartyEnds& first = *parties.front().ends;
    if (parties.size() == 1) return party_text(first);
    std::string list;
    for (std::size_t i = 0; i < std::min(parties.size(), kMost); ++i)
        list += (i == 0 ? "" : ", ") + refused_at_text(*parties[i].ends);
    return fmt::format("{} to {} endpoints ({}{})", program_text(first), parties.size(), list,
                       parties.size() > kMost ? ", ..." : "");
}

/// Of several, as of one: what all of them have come to.
CauseFacts sum_of(const RefusedParties& parties) {
    CauseFacts sum = *parties.front().facts;
    for (const RefusedParty& each : std::span(parties).subspan(1)) {
        sum.count += each.facts->count;
        sum.translated += each.facts->translated;
        sum.first = std::min(sum.first, each.facts->first);
        sum.last = std::max(sum.last, each.facts->last);
        sum.closing_first = std::min(sum.closing_first, each.facts->closing_first);
        sum.closing_last = std::max(sum.closing_last, each.facts->closing_last);
        sum.hosts.insert(each.facts->hosts.begin(), each.facts->hosts.end());
        sum.are_all_hosts = sum.are_all_hosts && each.facts->are_all_hosts;
    }
    return sum;
}

FindingDraft refused_draft(const RuleInput& evidence, const RefusedParties& parties) {
    const auto& [ends, facts, listening] = parties.front();
    const CauseFacts sum = sum_of(parties);
    std::uint64_t all = 0;
    for (const RefusedParty& each : parties) all += each.ends->connections();
    FindingDraft draft = party_draft(
        "connects_refused",
        listening.is_over() ? report::Severity::info : report::Severity::warning, *ends, sum, all);
    draft.subject = parties_text(parties);
    for (const RefusedParty& each : std::span(parties).subspan(1)) {
        std::ranges::copy(each.facts->likes.list(), std::back_inserter(draft.likes));
        draft.scope.add(scope_of(*each.ends, *each.facts));
    }
    draft.what = fmt::format("{} of {} connects of {} were refused{}: {}.", sum.count, all,
                             draft.subject, within_text(sum), listening.why());
    draft.scope.ended = listening.ended();
    draft.scope.goes_on = listening.goes_on(evidence.moment.now);
    draft.evidence.push_back({"remote", "remote endpoint", refused_at_text(*ends)});
    if (parties.size() > 1)
        draft.evidence.push_back(
            {"endpoints", "remote endpoints in all", std::uint64_t{parties.size()}});
    if (listening.rsts_sent_here() > 0)
        draft.evidence.push_back(
            {"resets_sent_here", "RSTs sent by this host", listening.rsts_sent_here()});
    advise_on_hidden_addresses(evidence, draft);
    std::ranges::move(listening.advice(), std::back_inserter(draft.advice));
    return draft;
}

} // namespace

void advise_on_hidden_addresses(const RuleInput& evidence, FindingDraft& draft) {
    if (evidence.overview.may_hide_addresses())
        draft.advice.push_back("The filter leaves out connects to other addresses. Where a program "
                               "tries two addresses "
                               "of a host (::1 and 127.0.0.1), and one of them answers, nothing is "
                               "wrong: look without "
                               "that filter first.");
}

void find_connects_refused(const RuleInput& evidence, FindingDrafts& drafts) {
    for (const RefusedParties& each : refused_parties(evidence))
        drafts.push_back(refused_draft(evidence, each));
}

} // namespace tcpdwell::analysis
