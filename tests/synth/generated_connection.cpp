// SPDX-License-Identifier: Apache-2.0
// Outcomes as text.
#include "synth/generated_connection.h"

#include <fmt/format.h>

namespace tcpdwell::synth {
namespace {

std::string text(std::optional<MonoTime> at) {
    return at ? fmt::format("{}", at->time_since_epoch().count()) : "?";
}

std::string text(std::optional<Nanoseconds> dwell) {
    return dwell ? fmt::format("{}", dwell->count()) : "?";
}

std::string text(const std::optional<event::Process>& process) {
    return process ? fmt::format("{}({})", process->comm(), process->pid) : "?";
}

std::string text(const tcp::Endpoint& endpoint, tcp::Family family) {
    return endpoint.empty() ? "-"
                            : fmt::format("[{}]:{}", endpoint.address.text(family), endpoint.port);
}

} // namespace

std::string describe(const Outcome& o) {
    std::string out =
        fmt::format("{} {} in {} cookie {:x} {}\n  process {} closed by {} uid {} cgroup {}\n",
                    text(o.tuple.local, o.tuple.family), text(o.tuple.remote, o.tuple.family),
                    o.netns, o.cookie, name(o.role), text(o.process), text(o.closed_by),
                    o.uid ? fmt::format("{}", *o.uid) : "?", o.cgroup);
    for (const auto& t : o.transitions)
        out += fmt::format("  at {} {} -> {} after {}\n", text(t.at), name(t.from), name(t.to),
                           text(t.dwell));
    if (!o.line) return out;
    const OutcomeLine& line = *o.line;
    out += fmt::format("  opened {} closed {} seen {}\n  states", text(line.opened),
                       text(line.closed), name(line.seen));
    for (const auto& stay : line.states)
        out += fmt::format(" {}={}", name(stay.state), text(stay.dwell));
    out += fmt::format("\n  closed first {} ending {} {}\n", name(line.closed_first),
                       name(line.ending), name(line.detail));
    if (line.time_wait)
        out += fmt::format("  time_wait {} {} restarts {}\n", text(line.time_wait->dwell),
                           name(line.time_wait->end), line.time_wait->restarts);
    return out;
}

} // namespace tcpdwell::synth
