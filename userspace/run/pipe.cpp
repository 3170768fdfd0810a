// SPDX-License-Identifier: Apache-2.0
#include "run/pipe.h"

#include <algorithm>

#include "event/container_path.h"

namespace tcpdwell::run {
namespace {

/// Whether no line can follow from it: what is known when a run begins.
bool heads_stream(const event::Event& event) {
    if (const auto* lost = std::get_if<event::LostTotals>(&event))
        return lost->before || std::ranges::all_of(lost->total, [](auto n) { return n == 0; });
    return std::holds_alternative<event::ClockReading>(event) ||
           std::holds_alternative<event::CgroupPath>(event) ||
           std::holds_alternative<event::ContainerName>(event) ||
           std::holds_alternative<event::Fact>(event) ||
           std::holds_alternative<event::ProcessForked>(event);
}

} // namespace

std::size_t Context::on_event(const event::Event& event) {
    if (const auto* clock = std::get_if<event::ClockReading>(&event))
        clock_ = clock->anchor;
    else if (const auto* path = std::get_if<event::CgroupPath>(&event))
        return learn(*path);
    else if (const auto* container = std::get_if<event::ContainerName>(&event))
        return learn(*container);
    else if (const auto* fact = std::get_if<event::Fact>(&event))
        return learn(*fact) ? 0 : 1;
    else if (const auto* forked = std::get_if<event::ProcessForked>(&event))
        return processes_.fork(forked->parent, forked->pid) ? 0 : 1;
    return 0;
}

std::size_t Context::learn(const event::ContainerName& container) {
    ++names_learnt_;
    return containers_.learn(container.cgroup, container.text);
}

std::size_t Context::learn(const event::CgroupPath& cgroup) {
    ++names_learnt_;
    std::size_t gone = cgroups_.learn(cgroup.id, cgroup.path);
    const event::ContainerPath container = event::container_of_path(cgroup.path);
    if (!container.name.empty()) gone += containers_.learn(cgroup.id, container.name);
    return gone;
}

bool Context::learn(const event::Fact& fact) {
    ByteBudget& budget = fact.netns == 0 ? about_host_ : about_namespaces_;
    std::pair place(fact.netns, fact.key);
    if (const auto known = fact_places_.find(place); known != fact_places_.end()) {
        std::string& value = facts_[known->second].value;
        const bool has_room = budget.exchange(value.size(), fact.value.size());
        if (!has_room) budget.give_back(value.size());
        value = has_room ? fact.value : ""; // the one of before is no longer true
        return has_room;
    }
    // The key is kept twice, and the containers take something, too.
    if (!budget.take(2 * fact.key.size() + fact.value.size() + 200)) return false;
    fact_places_.emplace(std::move(place), facts_.size());
    facts_.push_back(fact);
    return true;
}

Pipe::Pipe(Context& context, Consumer& consumer, const track::TrackerOptions& options)
    : context_(context), consumer_(consumer), tracker_(consumer, options) {}

void Pipe::feed(std::span<const std::byte> record) {
    const auto event = decoder_.decode(record);
    if (!event) return;
    decoder_.note_dropped(context_.on_event(*event));
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
