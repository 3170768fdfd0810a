// SPDX-License-Identifier: Apache-2.0
#include "screen/collector.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace tcpdwell::screen {
namespace {

constexpr Nanoseconds kPulseStep = std::chrono::seconds(1);
/// Findings that are remembered, to know since when nothing about them has changed.
constexpr std::size_t kMostFindings = 10'000;

GroupRow row_of(const analysis::ServiceRow& service) {
    GroupRow row;
    row.key.service = service.key;
    row.comm = service.key.comm;
    row.pid = service.several_pids ? 0 : service.pid;
    row.total = service.total();
    row.opened = row.total.connections;
    row.time_wait_peak = service.time_wait.peak();
    return row;
}

GroupRow row_of(const analysis::RemoteRow& remote) {
    GroupRow row;
    row.key.service.netns = remote.netns;
    row.key.service.family = remote.family;
    row.key.remote = remote.remote;
    if (!remote.several_programs) row.comm = remote.comm;
    row.total = remote.total();
    row.opened = row.total.connections;
    row.time_wait_peak = remote.time_wait.peak();
    return row;
}

GroupRow row_of(const analysis::PortRow& port, const analysis::HostFacts& host) {
    GroupRow row;
    row.key.service.netns = port.netns;
    row.key.service.family = port.family;
    row.key.local = port.local;
    row.key.remote = port.remote;
    row.key.is_bound = port.is_bound();
    if (const auto range = host.port_range(port.netns))
        row.limit = range->second - range->first + 1;
    row.held = port.held.now();
    row.peak = port.peak(row.limit);
    row.opened = port.opened;
    return row;
}

/// The services of each name in one row.
std::vector<GroupRow> programs_of(const std::vector<GroupRow>& services) {
    std::map<std::array<char, TD_COMM_LEN>, GroupRow> programs;
    for (const GroupRow& service : services) {
        const auto [it, is_new] = programs.try_emplace(service.comm);
        GroupRow& row = it->second;
        row.key.service.comm = row.comm = service.comm;
        row.pid = is_new || row.pid == service.pid ? service.pid : 0;
        row.listeners += service.key.service.role == tcp::Role::server ? 1 : 0;
        row.total.add(service.total);
        row.opened += service.opened;
        row.time_wait_peak += service.time_wait_peak;
    }
    std::vector<GroupRow> rows;
    for (const auto& [comm, row] : programs) rows.push_back(row);
    return rows;
}

/// The row of a table of groups that a connection counts in; nullopt: it counts in none.
std::optional<RowKey> key_of(TableKind kind, const ConnectionEntry& entry) {
    RowKey key;
    if (kind == TableKind::services) {
        key.service = entry.service;
    } else if (kind == TableKind::programs) {
        key.service.comm = entry.service.comm;
    } else {
        if (entry.role == tcp::Role::server) return std::nullopt;
        key.service.netns = entry.netns;
        key.service.family = entry.tuple.family;
        key.remote = entry.tuple.remote;
    }
    return key;
}

constexpr TableKind kCountedTables[] = {TableKind::services, TableKind::programs,
                                        TableKind::remotes};

/// Finds the rows of a table that connections count in.
class RowFinder {
public:
    RowFinder(TableKind kind, std::vector<GroupRow>& rows) : kind_(kind), rows_(rows) {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            by_key_.emplace(rows[i].key, i);
            if (kind != TableKind::services) continue;
            RowKey nameless = rows[i].key;
            nameless.service.comm = {};
            nameless.service.cgroup = 0;
            nameless_.emplace(nameless, i);
        }
    }

    void count(const ConnectionEntry& entry, std::uint64_t weight) {
        const auto key = key_of(kind_, entry);
        GroupRow* row = key ? find(*key) : nullptr;
        if (row == nullptr) return;
        row->sockets[entry.state] += weight;
        if (entry.is_joined) leave_out(*row, weight);
    }
    /// So many of its connections that have ended were there before.
    void leave_out(const RowKey& key, std::uint64_t connections) {
        if (GroupRow* row = find(key)) leave_out(*row, connections);
    }

private:
    static void leave_out(GroupRow& row, std::uint64_t connections) {
        row.opened -= std::min(row.opened, connections);
    }
    /// nullptr: there is none.
    GroupRow* find(RowKey key) {
        if (const auto exact = by_key_.find(key); exact != by_key_.end())
            return &rows_[exact->second];
        key.service.comm = {};
        key.service.cgroup = 0;
        const auto vague = nameless_.find(key);
        return vague == nameless_.end() ? nullptr : &rows_[vague->second];
    }

    TableKind kind_;
    std::vector<GroupRow>& rows_;
    std::map<RowKey, std::size_t> by_key_;
    std::map<RowKey, std::size_t> nameless_; ///< services by endpoint and role only
};

} // namespace

Collector::Collector(analysis::ReportOptions options, MonoTime begin)
    : sample_(options.run.sample), maker_(std::move(options), begin),
      pulse_(begin, kPulseStep, sample_), last_heard_(begin), last_collected_(begin) {}

void Collector::on_move(const track::StateMove& move) {
    last_heard_ = move.at;
    maker_.on_move(move);
    pulse_.on_move(move);
}

void Collector::on_transition(const track::TransitionLine& line) {
    maker_.on_transition(line);
    pulse_.on_transition(line);
}

void Collector::on_connection(const track::ConnectionLine& line) {
    maker_.on_connection(line);
    pulse_.on_connection(line);
    if (line.evicted) return;
    const ConnectionEntry& entry =
        ended_.emplace_front(entry_of(line, maker_.flows(), last_heard_));
    if (entry.is_joined)
        for (const TableKind kind : kCountedTables)
            if (const auto key = key_of(kind, entry))
                ended_joined_[static_cast<std::size_t>(kind)][*key] +=
                    event::weight_in_sample(line.who->tuple, sample_);
    if (ended_.size() > ScreenData::kMostEnded) ended_.pop_back();
}

void Collector::on_lost(const track::LostLine& line) {
    maker_.on_lost(line);
    pulse_.on_lost(line);
}

void Collector::on_counters(const track::CountersLine& line) {
    maker_.on_counters(line);
    pulse_.on_counters(line);
}

void Collector::on_stray_reset(const track::StrayResetLine& line) { maker_.on_stray_reset(line); }

void Collector::restart(MonoTime now) {
    maker_.next_interval(now);
    ended_.clear();
    findings_.clear();
    for (auto& each : ended_joined_) each.clear();
    for (auto& each : opened_) each.clear();
    has_rates_ = false;
}

void Collector::add_groups(ScreenData& data, const analysis::HostFacts& host) const {
    for (const analysis::ServiceRow& row : maker_.flows().services())
        data.services.push_back(row_of(row));
    data.programs = programs_of(data.services);
    for (const analysis::RemoteRow& row : maker_.flows().remotes())
        data.remotes.push_back(row_of(row));
    for (const analysis::PortRow& row : maker_.flows().ports())
        if (row.opened + row.held_at_begin + row.held.now() != 0)
            data.ports.push_back(row_of(row, host));
    const auto is_idle = [](const GroupRow& row) {
        return row.total.connections == 0 && row.time_wait_peak == 0;
    };
    for (auto* rows : {&data.services, &data.programs, &data.remotes})
        std::erase_if(*rows, is_idle);
}

void Collector::add_sockets(ScreenData& data, const track::Tracker& tracker) {
    const analysis::Flows& flows = maker_.flows();
    RowFinder services(TableKind::services, data.services);
    RowFinder programs(TableKind::programs, data.programs);
    RowFinder remotes(TableKind::remotes, data.remotes);
    RowFinder* const finders[] = {&services, &programs, &remotes}; // as kCountedTables
    for (std::size_t i = 0; i < std::size(finders); ++i)
        for (const auto& [key, connections] :
             ended_joined_[static_cast<std::size_t>(kCountedTables[i])])
            finders[i]->leave_out(key, connections);
    const auto changed_later = [](const ConnectionEntry& a, const ConnectionEntry& b) {
        return a.since > b.since;
    };
    const auto drop_oldest = [&] {
        if (data.open.size() <= ScreenData::kMostOpen) return;
        std::ranges::nth_element(
            data.open, data.open.begin() + static_cast<std::ptrdiff_t>(ScreenData::kMostOpen),
            changed_later);
        data.open.resize(ScreenData::kMostOpen);
    };
    tracker.for_each_live([&](const track::LiveSocket& socket) {
        if (!flows.counts(socket.who)) return; // not selected
        ConnectionEntry entry = entry_of(socket, flows);
        const std::uint64_t weight = event::weight_in_sample(socket.who.tuple, sample_);
        data.sockets += weight;
        if (!entry.is_listener())
            for (RowFinder* finder : finders) finder->count(entry, weight);
        data.open.push_back(std::move(entry));
        if (data.open.size() == 2 * ScreenData::kMostOpen) drop_oldest();
    });
    drop_oldest();
    data.ended.assign(ended_.begin(), ended_.end());
}

void Collector::set_rates(std::vector<GroupRow>& rows, TableKind kind, MonoTime now) {
    auto& before = opened_[static_cast<std::size_t>(kind)];
    const double seconds = std::chrono::duration<double>(now - last_collected_).count();
    std::map<RowKey, std::uint64_t> opened;
    for (GroupRow& row : rows) {
        opened[row.key] = row.opened;
        const auto last = before.find(row.key);
        const std::uint64_t then = last == before.end() ? 0 : last->second;
        // Fewer than before: another program has accepted them.
        if (seconds > 0 && has_rates_)
            row.opened_per_second =
                static_cast<double>(row.opened - std::min(then, row.opened)) / seconds;
    }
    before = std::move(opened);
}

void Collector::note_findings(ScreenData& data) {
    const report::Section* section = data.report.find("findings");
    if (section == nullptr) return;
    if (findings_.size() > kMostFindings) findings_.clear();
    for (const report::Finding& finding : std::get<report::Findings>(section->body).list) {
        std::string who(finding.id);
        who.append(1, '\n').append(finding.subject);
        const auto [known, is_new] = findings_.try_emplace(who, KnownFinding{{}, data.now});
        if (known->second.what != finding.what)
            known->second = {std::string(finding.what), data.now};
        data.findings.push_back({&finding, data.now - known->second.changed});
    }
}

void Collector::name_containers(ScreenData& data, const analysis::CgroupNames& names) {
    const auto name = [&](const analysis::ServiceKey& service) {
        const auto [known, is_new] = data.containers.try_emplace(service.cgroup);
        if (is_new) known->second = names.container_of(service.cgroup).value_or("");
    };
    for (const GroupRow& row : data.services) name(row.key.service);
    for (const auto* entries : {&data.open, &data.ended})
        for (const ConnectionEntry& entry : *entries) name(entry.service);
}

ScreenData Collector::collect(const run::RunState& state, const run::Context& context) {
    analysis::HostFacts host;
    for (const event::Fact& fact : context.facts()) host.on_fact(fact);
    pulse_.advance_to(state.now);
    ScreenData data;
    data.now = state.now;
    data.begin = maker_.begin();
    data.wall = context.clock().to_wall(state.now);
    data.lost = state.tracker.totals().lost;
    data.holes = state.tracker.totals().holes;
    data.unseen = state.tracker.totals().unseen;
    data.present = pulse_.present();
    data.steps = pulse_.steps();
    data.step = pulse_.step();
    data.retransmitted_per_second = pulse_.retransmitted_per_second();
    data.report = maker_.make(state.tracker, state.quality, host, context.clock(),
                              context.cgroup_names(), state.now);
    add_groups(data, host);
    add_sockets(data, state.tracker);
    name_containers(data, context.cgroup_names());
    set_rates(data.services, TableKind::services, state.now);
    set_rates(data.programs, TableKind::programs, state.now);
    set_rates(data.remotes, TableKind::remotes, state.now);
    set_rates(data.ports, TableKind::ports, state.now);
    last_collected_ = state.now;
    has_rates_ = true;
    note_findings(data);
    return data;
}

} // namespace tcpdwell::screen
