// SPDX-License-Identifier: Apache-2.0
#include "analysis/lives.h"

#include <algorithm>
#include <span>

namespace tcpdwell::analysis {
namespace {

/// When each state began, and the last ended: what is known of the ends, and of dwells between.
std::vector<std::optional<MonoTime>> boundaries(std::span<const track::PathStep> states,
                                                std::optional<MonoTime> first,
                                                std::optional<MonoTime> last) {
    std::vector<std::optional<MonoTime>> at(states.size() + 1);
    at.front() = first;
    at.back() = last;
    for (std::size_t i = 0; i < states.size(); ++i)
        if (at[i] && states[i].dwell && !at[i + 1]) at[i + 1] = shifted(*at[i], *states[i].dwell);
    for (std::size_t i = states.size(); i > 0; --i)
        if (at[i] && states[i - 1].dwell && !at[i - 1])
            at[i - 1] = shifted(*at[i], -*states[i - 1].dwell);
    return at;
}

std::vector<Life::Span> spans_of(std::span<const track::PathStep> states,
                                 const std::vector<std::optional<MonoTime>>& at) {
    std::vector<Life::Span> spans;
    for (std::size_t i = 0; i < states.size(); ++i) {
        Life::Span span{states[i].state, at[i], at[i].has_value(), at[i + 1]};
        if (!span.begin && span.end) span.begin = shifted(*span.end, -states[i].at_least);
        spans.push_back(span);
    }
    return spans;
}

void limit(std::vector<Life::Span>& spans) {
    if (spans.size() > Life::kMostSpans) spans.erase(spans.begin(), spans.end() - Life::kMostSpans);
}

report::ConnectionLife shown(track::ConnectionId id, const Life& life, const ClockAnchor& clock) {
    constexpr int kIdDigits = 16;
    const auto wall = [&](const std::optional<MonoTime>& at) {
        return at ? std::optional(clock.to_wall(*at)) : std::nullopt;
    };
    report::ConnectionLife line{report::HexId{id, kIdDigits},
                                {life.tuple.local, life.tuple.family},
                                {life.tuple.remote, life.tuple.family},
                                life.ending,
                                {}};
    for (const Life::Span& span : life.spans)
        line.spans.push_back({span.state, wall(span.begin), span.begin_is_exact, wall(span.end)});
    return line;
}

/// Those that it names, then those like them; none twice.
std::vector<track::ConnectionId> ids_of(const report::Finding& finding) {
    std::vector<track::ConnectionId> ids;
    const auto add = [&](track::ConnectionId id) {
        if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
    };
    for (const report::HexId& id : finding.connections) add(id.value);
    for (const track::ConnectionId id : finding.likes) add(id);
    return ids;
}

} // namespace

Life life_of(const track::ConnectionLine& line) {
    Life life{line.who->tuple, line.ending, {}};
    life.spans = spans_of(line.states, boundaries(line.states, line.opened, line.closed));
    limit(life.spans);
    return life;
}

Life life_of(const track::LiveSocket& socket) {
    Life life{socket.who.tuple, std::nullopt, {}};
    life.spans = spans_of(socket.left, boundaries(socket.left, std::nullopt, socket.since));
    life.spans.push_back(
        {socket.state, socket.known_since, socket.since.has_value(), std::nullopt});
    limit(life.spans);
    return life;
}

void Lives::keep(const track::ConnectionLine& line, What what) {
    const bool has_room = what == What::any ? any_ < kMostOfAny : lives_.size() < kMost;
    if (!has_room || lives_.size() >= kMost) return;
    if (lives_.try_emplace(line.who->id, life_of(line)).second && what == What::any) ++any_;
}

void Lives::clear() {
    lives_.clear();
    any_ = 0;
}

void Lives::add_to(report::Findings& findings, const track::Tracker& tracker,
                   const ReportContext& moment) const {
    std::unordered_map<track::ConnectionId, std::optional<Life>> live;
    for (const report::Finding& finding : findings.list)
        for (const track::ConnectionId id : ids_of(finding))
            if (!lives_.contains(id)) live.try_emplace(id);
    if (!live.empty())
        tracker.for_each_live([&](const track::LiveSocket& socket) {
            if (const auto it = live.find(socket.who.id); it != live.end())
                it->second = life_of(socket);
        });
    for (report::Finding& finding : findings.list)
        for (const track::ConnectionId id : ids_of(finding)) {
            if (finding.lives.size() == kMostInFinding) break;
            if (const auto ended = lives_.find(id); ended != lives_.end())
                finding.lives.push_back(shown(id, ended->second, moment.clock));
            else if (const std::optional<Life>& now = live[id])
                finding.lives.push_back(shown(id, *now, moment.clock));
        }
}

} // namespace tcpdwell::analysis
