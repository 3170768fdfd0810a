// SPDX-License-Identifier: Apache-2.0
// The general rules.
#include "judge.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "support/moment.h"

namespace tcpdwell::test {

namespace {

using Names = std::set<std::string>;

// State, and what may follow it in the life of a connection; "" = the end (RFC 9293, section 3.3.2,
// and Linux's SYN_RECV -> FIN_WAIT1 of Fast Open).
const std::map<std::string, Names> kSuccessors{
    {"SYN_SENT", {"SYN_RECV", "ESTABLISHED", ""}},
    {"SYN_RECV", {"ESTABLISHED", "FIN_WAIT1", "CLOSE_WAIT", ""}},
    {"ESTABLISHED", {"FIN_WAIT1", "CLOSE_WAIT", ""}},
    {"FIN_WAIT1", {"FIN_WAIT2", "CLOSING", "TIME_WAIT", ""}},
    {"FIN_WAIT2", {"TIME_WAIT", ""}},
    {"CLOSING", {"TIME_WAIT", ""}},
    {"TIME_WAIT", {""}},
    {"CLOSE_WAIT", {"LAST_ACK", ""}},
    {"LAST_ACK", {""}},
};

// Ending, and the details that it may have.
const std::map<std::string, Names> kDetails{
    {"fin", {"null", "peer_fin_not_seen"}},
    {"reset_sent",
     {"null", "so_linger_zero", "unread_data", "data_after_close", "linger2", "listener_closed",
      "disconnect", "admin_kill", "orphan_limit", "mptcp_fastclose"}},
    {"reset_received", {"null", "mptcp_fastclose"}},
    {"dropped_silently", {"repair"}},
    {"timed_out", {"null", "retransmission", "user_timeout", "keepalive"}},
    {"refused", {"null"}},
    {"connect_failed", {"null", "timeout", "unreachable", "no_port", "given_up", "admin_kill"}},
    {"handshake_failed", {"null", "timeout", "reset_received", "reset_sent", "admin_kill"}},
    {"fin_wait2_expired", {"null"}},
    {"open", {"null"}},
    {"unknown", {"null", "admin_kill"}},
};

const Names kRoles{"client", "server", "unknown"};
const Names kClosedFirst{"local", "remote", "both", "none", "unknown"};
const Names kTimeWaitEnds{"expired", "reused",   "recycled", "reset",  "killed",
                          "purged",  "overflow", "open",     "unknown"};
const Names kSeen{"whole", "joined", "gap"};

// Two tracers see one event one after the other, the second perhaps after an interruption.
nanoseconds between_tracers() { return std::max<nanoseconds>(20ms, slack() / 5); }

// A v4-mapped address is that of the IPv4 socket at the other end.
std::string text(const Endpoint& endpoint) {
    const std::string mapped = "::ffff:";
    const bool is_mapped =
        endpoint.addr.starts_with(mapped) && endpoint.addr.find('.') != std::string::npos;
    return endpoint.addr.substr(is_mapped ? mapped.size() : 0) + "/" +
           std::to_string(endpoint.port);
}

// Two times of a chain may have been made wall time a minute apart, and the clock adjusted in
// between.
constexpr nanoseconds kClockAdjustment = 1ms;

void unless(Contradictions& out, bool holds, std::string otherwise) {
    if (!holds) out.push_back(std::move(otherwise));
}

bool passed(const ConnectionLine& line, const std::string& state) {
    return std::any_of(line.states.begin(), line.states.end(),
                       [&](const StateStep& step) { return step.state == state; });
}

void check_words(Contradictions& out, const ConnectionLine& line) {
    unless(out, kRoles.contains(line.who.role), "role is no word of ours");
    unless(out, kClosedFirst.contains(line.closed_first), "closed_first is no word of ours");
    unless(out, kSeen.contains(line.seen), "seen is no word of ours");
    const auto details = kDetails.find(line.ending);
    unless(out, details != kDetails.end(), "ending is no word of ours");
    unless(out, details == kDetails.end() || details->second.contains(line.detail.value_or("null")),
           "ending_detail doesn't belong to the ending");
    unless(out, !line.time_wait || kTimeWaitEnds.contains(line.time_wait->end),
           "time_wait.end is no word of ours");
}

void check_path(Contradictions& out, const ConnectionLine& line) {
    unless(out, !line.states.empty(), "states is empty");
    for (std::size_t i = 0; i < line.states.size(); ++i) {
        const std::string& state = line.states[i].state;
        const std::string next = i + 1 < line.states.size() ? line.states[i + 1].state : "";
        const auto successors = kSuccessors.find(state);
        if (successors == kSuccessors.end()) {
            out.push_back(state + " is no state of a connection");
        } else if (line.seen != "gap") {
            unless(out, successors->second.contains(next),
                   state + " can't be followed by " + (next.empty() ? "the end" : next));
        }
        unless(out, line.states[i].dwell.value_or(0ns) >= 0ns, state + " lasted less than nothing");
    }
    if (line.seen != "whole" || line.states.empty()) return;
    const std::string& first = line.states.front().state;
    unless(out, line.opened.has_value(), "opened is null, though all was seen");
    unless(out, first == (line.who.role == "client" ? "SYN_SENT" : "SYN_RECV"),
           "role and first state disagree");
}

void check_times(Contradictions& out, const ConnectionLine& line) {
    if (!line.opened || !line.closed) return;
    nanoseconds sum{};
    for (const StateStep& step : line.states) {
        if (!step.dwell) return;
        sum += *step.dwell;
    }
    unless(out, *line.closed - *line.opened == sum,
           "the dwells add up to " + std::to_string(sum.count()) + " ns, but it was open for " +
               std::to_string((*line.closed - *line.opened).count()) + " ns");
}

void check_ending(Contradictions& out, const ConnectionLine& line) {
    const bool in_time_wait = passed(line, "TIME_WAIT");
    const bool overflow = line.time_wait && line.time_wait->end == "overflow";
    unless(out, line.time_wait.has_value() == (in_time_wait || overflow),
           "time_wait and states disagree");
    if (in_time_wait && line.time_wait && !line.states.empty())
        unless(out, line.time_wait->dwell == line.states.back().dwell, "two dwells of TIME_WAIT");
    unless(out, !overflow || !line.time_wait->dwell, "a TIME_WAIT that never was has a dwell");
    const bool open = line.ending == "open" || (line.time_wait && line.time_wait->end == "open");
    unless(out, open || line.closed || line.ending == "unknown",
           "closed is null, but it isn't open");
    unless(out, !open || !line.closed, "both open and closed");

    const std::string last = line.states.empty() ? "" : line.states.back().state;
    const std::string& ending = line.ending;
    if (ending == "fin")
        unless(out, in_time_wait || overflow || last == "LAST_ACK",
               "fin, but the states don't show both");
    if (ending == "fin_wait2_expired")
        unless(out, last == "FIN_WAIT2", "fin_wait2_expired, but not in FIN_WAIT2");
    if (ending == "refused") unless(out, last == "SYN_SENT", "refused, but not in SYN_SENT");
    if (ending == "handshake_failed")
        unless(out, last == "SYN_RECV", "handshake_failed, but not in SYN_RECV");
    if (passed(line, "CLOSING"))
        unless(out, line.closed_first == "both", "CLOSING, but not both closed first");
    else if (passed(line, "FIN_WAIT1"))
        unless(out, line.closed_first == "local", "FIN_WAIT1, but we didn't close first");
    if (passed(line, "CLOSE_WAIT"))
        unless(out, line.closed_first == "remote", "CLOSE_WAIT, but the peer didn't close first");
}

bool same(const std::optional<nanoseconds>& a, const std::optional<nanoseconds>& b,
          nanoseconds tolerance) {
    // With --btf each tracer has sock_diag's word for when a FIN_WAIT2 ended, and doesn't take it
    // if it was held up.
    static const bool may_miss = std::getenv("TCPDWELL_BTF") != nullptr;
    if (!a || !b) return may_miss || (!a && !b);
    return std::chrono::abs(*a - *b) <= tolerance;
}

} // namespace

std::string ends_text(const Subject& who) {
    return std::to_string(who.netns) + " " + text(who.local) + " " + text(who.remote) + " " +
           who.role;
}

std::string other_ends_text(const Subject& who, const std::string& other_role) {
    return std::to_string(who.netns) + " " + text(who.remote) + " " + text(who.local) + " " +
           other_role;
}

Chains::Chains(const std::vector<TransitionLine>& transitions) {
    for (const TransitionLine& line : transitions) chains_[line.who.conn].push_back(&line);
    // The last line knows best: at the first one the local port isn't always chosen yet.
    for (const auto& [conn, chain] : chains_)
        by_ends_[ends_text(chain.back()->who)].push_back(&chain);
}

const Chain* Chains::find(const ConnectionLine& line) const {
    const auto candidates = by_ends_.find(ends_text(line.who));
    if (candidates == by_ends_.end()) return nullptr;
    // Of one that was open before only the end can be compared.
    const auto distance = [&](const Chain* chain) {
        if (line.opened) return std::chrono::abs(chain->front()->time - *line.opened);
        return line.closed ? std::chrono::abs(chain->back()->time - *line.closed) : 0ns;
    };
    return *std::min_element(
        candidates->second.begin(), candidates->second.end(),
        [&](const Chain* a, const Chain* b) { return distance(a) < distance(b); });
}

Contradictions contradictions_in(const ConnectionLine& line) {
    Contradictions out;
    check_words(out, line);
    check_path(out, line);
    check_times(out, line);
    check_ending(out, line);
    return out;
}

Contradictions contradictions_in(const Chain& chain) {
    Contradictions out;
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const TransitionLine& line = *chain[i];
        const std::string step = line.from + " -> " + line.to;
        unless(out, line.from != line.to, step + " changes nothing");
        const bool born = line.from == "CLOSE" || (line.from == "LISTEN" && line.to == "SYN_RECV");
        unless(out, !born || !line.dwell, step + " has how long the connection was not there");
        if (i == 0) continue;
        const TransitionLine& before = *chain[i - 1];
        unless(out, before.to != "CLOSE", step + " follows the end");
        unless(out, line.from == before.to, step + " follows " + before.from + " -> " + before.to);
        unless(out, line.time >= before.time, step + " is earlier than the one before");
        const nanoseconds passed = line.time - before.time;
        unless(out, !line.dwell || std::chrono::abs(passed - *line.dwell) <= kClockAdjustment,
               "dwell of " + step + " isn't " + std::to_string(passed.count()) +
                   ", the difference of the times");
    }
    return out;
}

Contradictions contradictions_between(const ConnectionLine& line, const Chain& chain) {
    Contradictions out;
    std::vector<const TransitionLine*> left;
    for (const TransitionLine* transition : chain)
        if (transition->from != "CLOSE" && transition->from != "LISTEN") left.push_back(transition);
    const bool open = !line.closed;
    const std::size_t wanted = line.states.size() - (open ? 1 : 0);
    if (left.size() != wanted) {
        out.push_back("the transitions leave " + std::to_string(left.size()) +
                      " states, the connection " + std::to_string(wanted));
        return out;
    }
    for (std::size_t i = 0; i < left.size(); ++i) {
        unless(out, left[i]->from == line.states[i].state,
               "the transitions leave " + left[i]->from + " where the connection has " +
                   line.states[i].state);
        unless(out, same(left[i]->dwell, line.states[i].dwell, between_tracers()),
               "two dwells of " + left[i]->from);
    }
    const bool has_birth = left.size() != chain.size();
    unless(out, has_birth == (line.seen == "whole"), "only one of the two has seen the beginning");
    if (!open && !chain.empty())
        unless(out, chain.back()->to == "CLOSE", "the last transition isn't to CLOSE");
    if (!chain.empty()) {
        const Subject& who = chain.back()->who;
        unless(out, who.role == line.who.role, "two roles");
        // A socket that was there before may lose its owner between the beginnings of the two
        // tracers.
        const bool joined = line.seen == "joined";
        unless(out,
               who.process == line.who.process || (joined && (!who.process || !line.who.process)),
               "two processes");
        unless(out, who.uid == line.who.uid || (joined && (!who.uid || !line.who.uid)), "two uids");
    }
    return out;
}

Contradictions contradictions_between(const ConnectionLine& one, const ConnectionLine& other) {
    static const std::set<std::pair<std::string, std::string>> kAgreeing{{"local", "remote"},
                                                                         {"remote", "local"},
                                                                         {"both", "both"},
                                                                         {"both", "local"},
                                                                         {"local", "both"}};
    const auto reported = [](const ConnectionLine& line) {
        return line.seen == "whole" && (line.ending == "fin" || line.ending == "reset_sent" ||
                                        line.ending == "reset_received");
    };
    Contradictions out;
    if (!reported(one) || !reported(other)) return out;
    unless(out, kAgreeing.contains({one.closed_first, other.closed_first}),
           "one end says " + one.closed_first + " closed first, the other " + other.closed_first);
    unless(out, one.ending != "reset_sent" || other.ending != "reset_sent",
           "both ends say that they sent a reset");
    unless(out, one.ending != "reset_received" || other.ending != "reset_received",
           "both ends say that they received a reset");
    return out;
}

} // namespace tcpdwell::test
