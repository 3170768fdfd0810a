// SPDX-License-Identifier: Apache-2.0
// Each section is a schema of its own: in a table every one has its heading, and so a renderer of
// its own; in JSON they share one.
#include "cli/census_print.h"

#include <algorithm>
#include <string>
#include <vector>

namespace tcpdwell::cli {
namespace {

constexpr report::Column netns_column = {"netns", "NETNS", "Network namespace, as an inode", 10,
                                         report::Align::right};
constexpr report::Column process_column = {
    "process", "PROCESS",           "Process that has it open",
    24,        report::Align::left, report::Shape::process};
constexpr report::Column count_column = {"count", "COUNT", "Number of sockets", 8,
                                         report::Align::right};

constexpr report::Column state_columns[] = {
    {"state", "STATE", "State of the sockets", 11},
    count_column,
    {"without_file", "NO-FILE",
     "Those that no process can hold: mini-sockets, orphans, not accepted yet", 8,
     report::Align::right},
};
constexpr report::Schema state_schema = {"state_count", state_columns};

constexpr report::Column close_wait_columns[] = {count_column, process_column, netns_column};
constexpr report::Schema close_wait_schema = {"close_wait", close_wait_columns};

constexpr report::Column listen_columns[] = {
    {"local", "LOCAL", "Address and port", 24, report::Align::left, report::Shape::endpoint},
    {"queued", "QUEUED", "Connections that wait for accept()", 7, report::Align::right},
    {"queue_limit", "LIMIT",
     "How many may wait: the backlog of listen(), at most net.core.somaxconn", 7,
     report::Align::right},
    process_column,
    count_column,
    netns_column,
};
constexpr report::Schema listen_schema = {"listener", listen_columns};

constexpr std::string_view close_wait_table[] = {"count", "process"};
constexpr std::string_view listen_table[] = {"local", "queued", "queue_limit", "process"};

report::Value to_value(const std::optional<event::Process>& process) {
    if (!process) return {};
    return report::ProcessValue{process->pid, process->comm()};
}

/// Sockets in CLOSE are in no table of the kernel.
bool is_listed(tcp::State state) { return state != tcp::State::CLOSE; }

report::Value to_value(std::size_t number) { return static_cast<std::int64_t>(number); }

/// A part of the output, with its own heading where it is for people.
class CensusTable {
public:
    /// The first part, which is the only one in CSV.
    CensusTable(render::Output& out, const CensusStyle& style, const report::Schema& schema)
        : schema_(schema), renderer_(make_renderer(style.format, out, style.table)) {
        renderer_->begin(schema_);
    }
    /// One more, in the same document as `first` if that is JSON.
    CensusTable(const CensusTable& first, render::Output& out, const CensusStyle& style,
                const report::Schema& schema, std::string_view title)
        : schema_(schema), renderer_(first.renderer_) {
        if (style.format != render::Format::table) return;
        out.buffer().append("\n").append(title) += '\n';
        renderer_ = make_renderer(style.format, out, style.table);
        renderer_->begin(schema_);
    }
    void meta(std::span<const render::MetaEntry> entries) { renderer_->meta(entries); }
    void row(std::initializer_list<report::Value> cells) {
        row(report::Row(cells.begin(), cells.size()));
    }
    void row(report::Row cells) { renderer_->row(schema_, cells); }
    void finish() { renderer_->finish(); }

private:
    report::Schema schema_;
    std::shared_ptr<render::Renderer> renderer_;
};

void print_states(CensusTable& section, const CensusStyle& style, const run::StateCensus& census) {
    for (const tcp::State state : kAllOf<tcp::State>) {
        if (!is_listed(state)) continue;
        const std::size_t count = census.all[state];
        if (count == 0 && style.format == render::Format::table) continue;
        section.row({state, to_value(count), to_value(census.without_file[state])});
    }
}

void print_close_wait(const CensusTable& first, render::Output& out, const CensusStyle& style,
                      std::span<const run::CloseWaitGroup> groups) {
    report::Schema schema = close_wait_schema;
    if (!style.show_netns) schema.table = close_wait_table;
    CensusTable section(first, out, style, schema,
                        "CLOSE_WAIT: the peer has closed, this host's process hasn't");
    for (const run::CloseWaitGroup& group : groups)
        section.row({to_value(group.count), to_value(group.process), std::int64_t{group.netns}});
}

void print_listeners(const CensusTable& first, render::Output& out, const CensusStyle& style,
                     std::span<const run::ListenGroup> groups) {
    report::Schema schema = listen_schema;
    if (!style.show_netns) schema.table = listen_table;
    CensusTable section(first, out, style, schema, "LISTEN: accept queues");
    for (const run::ListenGroup& group : groups)
        section.row({report::EndpointValue{group.local, group.family}, to_value(group.queued),
                     to_value(group.queue_limit), to_value(group.process), to_value(group.count),
                     std::int64_t{group.netns}});
}

report::Column key_column(run::GroupBy by) {
    switch (by) {
    case run::GroupBy::process: return process_column;
    case run::GroupBy::port:
        return {"port", "PORT", "Port of the server's side", 6, report::Align::right};
    case run::GroupBy::remote: return {"remote", "REMOTE", "Address of the peer", 24};
    }
    return {};
}

std::string_view group_type(run::GroupBy by) {
    switch (by) {
    case run::GroupBy::process: return "process_count";
    case run::GroupBy::port: return "port_count";
    case run::GroupBy::remote: return "remote_count";
    }
    return {};
}

/// `text` holds what the value points into.
report::Value group_key(const run::CensusGroup& group, std::string& text) {
    if (group.process) return to_value(group.process);
    if (group.port) return std::int64_t{*group.port};
    if (!group.remote) return {};
    text = group.remote->text(group.family);
    return std::string_view(text);
}

} // namespace

void print_census(render::Output& out, const CensusStyle& style,
                  std::span<const render::MetaEntry> meta,
                  std::span<const run::CensusSocket> sockets) {
    CensusTable states(out, style, state_schema);
    states.meta(meta);
    print_states(states, style, count_states(sockets));
    if (style.format != render::Format::csv) {
        const auto waiting = close_wait_owners(sockets);
        if (!waiting.empty()) print_close_wait(states, out, style, waiting);
        const auto listening = listeners(sockets);
        if (!listening.empty()) print_listeners(states, out, style, listening);
    }
    states.finish();
}

void print_groups(render::Output& out, const CensusStyle& style,
                  std::span<const render::MetaEntry> meta, run::GroupBy by,
                  std::span<const run::CensusGroup> groups) {
    std::vector<report::Column> columns = {
        key_column(by), {"total", "TOTAL", "Number of sockets", 7, report::Align::right}};
    std::vector<std::string_view> in_table = {columns[0].id, columns[1].id};
    for (const tcp::State state : kAllOf<tcp::State>) {
        if (!is_listed(state)) continue;
        columns.push_back({name(state), name(state), "Number of sockets in this state",
                           static_cast<int>(std::max<std::size_t>(name(state).size(), 6)),
                           report::Align::right});
        const bool any =
            std::any_of(groups.begin(), groups.end(), [state](const run::CensusGroup& group) {
                return group.counts[state] != 0;
            });
        if (any) in_table.push_back(name(state));
    }

    CensusTable section(out, style, report::Schema{group_type(by), columns, in_table});
    section.meta(meta);
    std::string text;
    std::vector<report::Value> row;
    for (const run::CensusGroup& group : groups) {
        row = {group_key(group, text), to_value(group.total)};
        for (const tcp::State state : kAllOf<tcp::State>)
            if (is_listed(state)) row.push_back(to_value(group.counts[state]));
        section.row(row);
    }
    section.finish();
}

} // namespace tcpdwell::cli
