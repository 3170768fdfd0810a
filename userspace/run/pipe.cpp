// SPDX-License-Identifier: Apache-2.0
#include "run/pipe.h"

#include <algorithm>

namespace tcpdwell::run {
namespace {

/// Whether no line can follow from it: what is known when a run begins.
bool heads_stream(const event::Event& event) {
    if (const auto* lost = std::get_if<event::LostTotals>(&event))
        return lost->before || std::ranges::all_of(lost->total, [](auto n) { return n == 0; });
    return std::holds_alternative<event::ClockReading>(event) ||
           std::holds_alternative<event::CgroupPath>(event) ||
           std::holds_alternative<event::Fact>(event);
}

} // namespace

void Context::on_event(const event::Event& event) {
    if (const auto* clock = std::get_if<event::ClockReading>(&event))
        clock_ = clock->anchor;
    else if (const auto* path = std::get_if<event::CgroupPath>(&event))
        cgroups_.insert_or_assign(path->id, path->path);
    else if (const auto* fact = std::get_if<event::Fact>(&event))
        learn(*fact);
}

void Context::learn(const event::Fact& fact) {
    const auto [known, is_new] =
        fact_places_.emplace(std::pair(fact.netns, fact.key), facts_.size());
    if (is_new)
        facts_.push_back(fact);
    else
        facts_[known->second].value = fact.value;
}

std::optional<std::string_view> Context::cgroup(std::uint64_t id) const {
    const auto it = cgroups_.find(id);
    if (it == cgroups_.end()) return std::nullopt;
    return it->second;
}

Pipe::Pipe(Context& context, Consumer& consumer, const track::TrackerOptions& options)
    : context_(context), consumer_(consumer), tracker_(consumer, options) {}

void Pipe::feed(std::span<const std::byte> record) {
    const auto event = decoder_.decode(record);
    if (!event) return;
    context_.on_event(*event);
    if (!has_begun_ && !heads_stream(*event)) begin();
    tracker_.on_event(*event);
}

Result<bool> Pipe::advance(MonoTime now) {
    if (!has_begun_) begin();
    tracker_.advance_to(now);
    return consumer_.flush(state(now));
}

void Pipe::begin() {
    has_begun_ = true;
    consumer_.begin(context_);
}

void Pipe::settle(MonoTime now) {
    tracker_.settle(now);
    consumer_.settled(state(now));
}

Result<void> Pipe::finish(MonoTime now) {
    tracker_.finish(now);
    return consumer_.finish();
}

} // namespace tcpdwell::run
