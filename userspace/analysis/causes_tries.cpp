// SPDX-License-Identifier: Apache-2.0
// Connects of one program to one port: which of them belong together, and who has answered before.
#include <algorithm>

#include "analysis/causes.h"

namespace tcpdwell::analysis {
namespace {

using namespace std::chrono_literals;

/// RFC 8305, section 8: the next address is tried after 250 ms, at most 2 s.
constexpr Nanoseconds kSameTry = 2s;
/// Who loses is given up so soon after the answer.
constexpr Nanoseconds kGivenUp = 10ms;
/// No program waits so shortly for an answer.
constexpr Nanoseconds kMoments = 10ms;

/// Connecting takes so long where the first SYN, or its answer, was lost (TCP_TIMEOUT_INIT is 1 s).
constexpr Nanoseconds kSecondSyn = 950ms;

bool is_failed_try(EndCause cause) {
    return cause == EndCause::unanswered || cause == EndCause::refused;
}

bool are_of_two_families(const tcp::IpAddress& one, const tcp::IpAddress& other) {
    return one.is_v4() != other.is_v4();
}

} // namespace

void Causes::Tries::note(const Answer& answer) {
    if (answers.size() == kMostAnswers) answers.erase(answers.begin());
    answers.push_back(answer);
}

/// A host has an IPv6 and an IPv4 address, of which one is out of reach or isn't listened on:
/// programs try both, at once or one after the other. Among addresses of one family a connect that
/// fails is a server that is down, however many others are up: so it is with a proxy and its
/// upstreams. Only where one connect alone was answered meanwhile, and the other given up as that
/// came, has the program tried both addresses for one connection.
bool Causes::Tries::have_answer_to(const Try& failed) const {
    std::size_t meanwhile = 0;
    bool has_won = false;
    for (const Answer& answer : answers) {
        if (answer.at < failed.opened || answer.at > failed.closed + kSameTry) continue;
        if (are_of_two_families(answer.remote, failed.remote)) return true;
        if (answer.at > failed.closed) continue;
        ++meanwhile;
        has_won = answer.remote != failed.remote && failed.closed - answer.at <= kGivenUp;
    }
    return meanwhile == 1 && has_won;
}

Causes::Tries& Causes::tries_of(const track::ConnectionIdentity& who) {
    constexpr std::size_t kMostTries = 1 << 14;
    if (tries_.size() >= kMostTries) tries_.clear();
    return tries_[{who.netns, who.process->pid, who.tuple.remote.port}];
}

bool Causes::was_answered_elsewhere(const track::ConnectionLine& line, PartyEnds& party,
                                    EndCause cause) {
    if (!is_failed_try(cause) || !line.who->process || !line.opened || !line.closed) return false;
    Tries& tries = tries_of(*line.who);
    const Try failed{&party,       cause,        line.who->tuple.remote.address,
                     *line.opened, *line.closed, line.who->id,
                     line.detail};
    if (tries.have_answer_to(failed)) return true;
    std::erase_if(tries.failed,
                  [&](const Try& each) { return each.closed < *line.closed - kSameTry; });
    if (tries.failed.size() < Tries::kMostFailed) tries.failed.push_back(failed);
    return false;
}

void Causes::note_unanswered(CauseFacts& facts, const track::ConnectionLine& line,
                             std::optional<MonoTime> before, Weight weight) const {
    if (!line.opened || !line.closed) return;
    if (*line.closed - *line.opened < kMoments) facts.at_once += weight;
    const auto peer = peers_.find({line.who->netns, line.who->tuple.remote});
    if (peer == peers_.end()) return;
    const MonoTime since = std::min(before.value_or(*line.opened), *line.opened);
    if (std::ranges::any_of(peer->second.answers,
                            [&](MonoTime at) { return at > since && at < *line.closed; }))
        facts.answered_meanwhile += weight;
}

Causes::Peer* Causes::note_connected(const track::ConnectionIdentity& who) {
    const std::pair key(who.netns, who.tuple.remote);
    auto found = peers_.find(key);
    if (found == peers_.end()) {
        if (peers_.size() >= Flows::kMaxGroups) return nullptr;
        found = peers_.emplace(key, Peer()).first;
    }
    Peer& peer = found->second;
    if (who.process && peer.programs.size() < Peer::kMostPrograms &&
        std::ranges::find(peer.programs, who.process->comm_bytes) == peer.programs.end())
        peer.programs.push_back(who.process->comm_bytes);
    return &peer;
}

PartyEnds* Causes::known_party_of(const track::ConnectionIdentity& who) {
    Party key{who.netns, who.role, who.tuple.remote, {}};
    if (who.process) key.comm = who.process->comm_bytes;
    const auto found = parties_.find(key);
    return found == parties_.end() ? nullptr : &found->second;
}

void LateConnects::note(const track::TransitionLine& line, Nanoseconds took, Weight weight) {
    const MonoTime opened = line.at - took;
    if (count == 0) {
        first = opened;
        shortest = took;
        family = line.who->tuple.family;
    }
    first = std::min(first, opened);
    last_opened = std::max(last_opened, opened);
    last = std::max(last, line.at);
    shortest = std::min(shortest, took);
    longest = std::max(longest, took);
    count += weight;
    prompt_since = 0;
    ids.note(line.who->id);
    const auto& process = line.who->process;
    if (process && processes.size() < kMostProcesses &&
        std::ranges::find(processes, *process) == processes.end())
        processes.push_back(*process);
}

std::optional<Nanoseconds> late_answer(std::span<const track::PathStep> states) {
    if (states.empty() || states[0].state != tcp::State::SYN_SENT) return std::nullopt;
    return states[0].dwell >= kSecondSyn ? states[0].dwell : std::nullopt;
}

void Causes::note_round_trip(const track::ConnectionIdentity& who,
                             std::span<const track::PathStep> states,
                             const event::SocketNumbers* numbers,
                             LateConnects::RoundTrips LateConnects::*which, Weight weight) {
    if (late_.empty() || numbers == nullptr || !numbers->rtt_min_us) return;
    const auto took = late_answer(states);
    const auto late = took ? late_.find({who.netns, who.tuple.remote}) : late_.end();
    if (late == late_.end()) return;
    LateConnects::RoundTrips& trips = late->second.*which;
    trips.known += weight;
    const Nanoseconds waited = *took - std::chrono::microseconds(*numbers->rtt_min_us);
    if (waited < kSecondSyn) trips.slow += weight;
}

void Causes::note_delay(const track::TransitionLine& line, Weight weight) {
    const std::pair key(line.who->netns, line.who->tuple.remote);
    if (*line.dwell >= kSecondSyn) {
        late_[key].note(line, *line.dwell, weight);
    } else if (!late_.empty()) { // nearly always they are
        const auto late = late_.find(key);
        if (late != late_.end()) late->second.prompt_since += weight;
    }
}

void Causes::note_answered(const track::TransitionLine& line, Weight weight) {
    if (Peer* peer = note_connected(*line.who)) {
        if (peer->answers.size() == Peer::kMostAnswers) peer->answers.erase(peer->answers.begin());
        peer->answers.push_back(line.at);
        peer->answered.count += weight;
        if (line.dwell && *line.dwell >= kSecondSyn) peer->answered.late += weight;
        if (line.dwell) note_delay(line, weight);
    }
    PartyEnds* party = known_party_of(*line.who);
    if (!party) return;
    for (auto& [cause, facts] : party->causes)
        if (is_failed_try(cause) && facts.count > 0 && !facts.answered_since)
            facts.answered_since = line.at;
}

void Causes::note_connected(const track::LiveSocket& socket, Weight weight) {
    Peer* peer = note_connected(socket.who);
    const event::SocketNumbers* n = socket.numbers;
    if (PartyEnds* party = known_party_of(socket.who)) {
        if (socket.seen == tcp::Seen::whole && socket.state != tcp::State::TIME_WAIT)
            party->open += weight;
        if (n != nullptr) {
            party->open_carried.sent += n->segments_sent.value_or(0) * weight;
            party->open_carried.retransmitted += n->segments_retransmitted.value_or(0) * weight;
        }
    }
    if (!peer || n == nullptr || socket.state != tcp::State::ESTABLISHED) return;
    if (!n->since_received_ms || n->segments_retransmitted.value_or(0) > 0) return;
    if (is_unanswered(socket) || peer->open.size() == Peer::kMostOpen) return;
    const auto opened = track::opened_at(socket);
    if (!opened) return;
    peer->open.push_back({*opened, socket.numbers_at.value_or(live_at_) -
                                       std::chrono::milliseconds(*n->since_received_ms)});
}

Causes::Answers Causes::answers_of(std::uint32_t netns, const tcp::Endpoint& remote) const {
    const auto found = peers_.find({netns, remote});
    return found == peers_.end() ? Answers{} : found->second.answered;
}

std::size_t Causes::undisturbed(std::uint32_t netns, const tcp::Endpoint& remote, MonoTime opened,
                                MonoTime heard) const {
    const auto found = peers_.find({netns, remote});
    if (found == peers_.end()) return 0;
    return static_cast<std::size_t>(
        std::ranges::count_if(found->second.open, [&](const Peer::Open& each) {
            return each.opened < opened && each.heard > heard;
        }));
}

bool Causes::may_have_connected(std::uint32_t netns, std::string_view comm,
                                const tcp::Endpoint& remote) const {
    const auto found = peers_.find({netns, remote});
    if (found == peers_.end()) return peers_.size() >= Flows::kMaxGroups;
    return found->second.programs.size() >= Peer::kMostPrograms ||
           has_connected(netns, comm, remote);
}

bool Causes::has_connected(std::uint32_t netns, std::string_view comm,
                           const tcp::Endpoint& remote) const {
    const auto found = peers_.find({netns, remote});
    if (found == peers_.end()) return false;
    std::array<char, TD_COMM_LEN> bytes{};
    std::copy_n(comm.begin(), std::min(comm.size(), bytes.size()), bytes.begin());
    const std::vector<std::array<char, TD_COMM_LEN>>& programs = found->second.programs;
    return std::ranges::find(programs, bytes) != programs.end();
}

} // namespace tcpdwell::analysis
