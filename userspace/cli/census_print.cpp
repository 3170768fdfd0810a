// SPDX-License-Identifier: Apache-2.0
// Each section is a schema of its own, with a renderer of its own: in a table every one has its
// heading.
#include "cli/census_print.h"

#include <algorithm>
#include <string>
#include <vector>

namespace tcpdwell {
namespace {

constexpr Column netns_column = {"netns", "NETNS", "Network namespace, as an inode", 10,
                                 Align::right};
constexpr Column process_column = {"process", "PROCESS",   "Process that has it open",
                                   24,        Align::left, Shape::process};
constexpr Column count_column = {"count", "COUNT", "Number of sockets", 8, Align::right};

constexpr Column state_columns[] = {
    {"state", "STATE", "State of the sockets", 11},
    count_column,
    {"without_file", "NO-FILE",
     "Those that no process can hold: mini-sockets, orphans, not accepted yet", 8, Align::right},
};
constexpr Schema state_schema = {"state_count", state_columns};

constexpr Column close_wait_columns[] = {count_column, process_column, netns_column};
constexpr Schema close_wait_schema = {"close_wait", close_wait_columns};

constexpr Column listen_columns[] = {
    {"local", "LOCAL", "Address and port", 24, Align::left, Shape::endpoint},
    {"queued", "QUEUED", "Connections that wait for accept()", 7, Align::right},
    {"queue_limit", "LIMIT",
     "How many may wait: the backlog of listen(), at most net.core.somaxconn", 7, Align::right},
    process_column,
    count_column,
    netns_column,
};
constexpr Schema listen_schema = {"listener", listen_columns};

constexpr std::string_view close_wait_table[] = {"count", "process"};
constexpr std::string_view listen_table[] = {"local", "queued", "queue_limit", "process"};

Value to_value(const std::optional<Process>& process) {
    if (!process) return {};
    return ProcessValue{process->pid, process->comm()};
}

/// Sockets in CLOSE are in no table of the kernel.
bool is_listed(TcpState state) { return state != TcpState::CLOSE; }

Value to_value(std::size_t number) { return static_cast<std::int64_t>(number); }

/// A part of the output with its own heading.
class CensusTable {
public:
    CensusTable(Output& out, const CensusStyle& style, const Schema& schema,
                std::string_view title = {})
        : schema_(schema), renderer_(make_renderer(style.format, out, style.table)) {
        if (style.format == Format::table && !title.empty())
            out.buffer().append("\n").append(title) += '\n';
        renderer_->begin(schema_);
    }
    void meta(std::span<const MetaEntry> entries) { renderer_->meta(entries); }
    void row(std::initializer_list<Value> cells) { row(Row(cells.begin(), cells.size())); }
    void row(Row cells) { renderer_->row(schema_, cells); }
    void finish() { renderer_->finish(); }

private:
    Schema schema_;
    std::unique_ptr<Renderer> renderer_;
};

void print_states(Output& out, const CensusStyle& style, std::span<const MetaEntry> meta,
                  const StateCensus& census) {
    CensusTable section(out, style, state_schema);
    section.meta(meta);
    for (const TcpState state : kAllOf<TcpState>) {
        if (!is_listed(state)) continue;
        const std::size_t count = census.all[state];
        if (count == 0 && style.format == Format::table) continue;
        section.row({state, to_value(count), to_value(census.without_file[state])});
    }
    section.finish();
}

void print_close_wait(Output& out, const CensusStyle& style,
                      std::span<const CloseWaitGroup> groups) {
    Schema schema = close_wait_schema;
    if (!style.show_netns) schema.table = close_wait_table;
    CensusTable section(out, style, schema,
                        "CLOSE_WAIT: the peer has closed, this host's process hasn't");
    for (const CloseWaitGroup& group : groups)
        section.row({to_value(group.count), to_value(group.process), std::int64_t{group.netns}});
    section.finish();
}

void print_listeners(Output& out, const CensusStyle& style, std::span<const ListenGroup> groups) {
    Schema schema = listen_schema;
    if (!style.show_netns) schema.table = listen_table;
    CensusTable section(out, style, schema, "LISTEN: accept queues");
    for (const ListenGroup& group : groups)
        section.row({EndpointValue{group.local, group.family}, to_value(group.queued),
                     to_value(group.queue_limit), to_value(group.process), to_value(group.count),
                     std::int64_t{group.netns}});
    section.finish();
}

Column key_column(GroupBy by) {
    switch (by) {
    case GroupBy::process: return process_column;
    case GroupBy::port: return {"port", "PORT", "Port of the server's side", 6, Align::right};
    case GroupBy::remote: return {"remote", "REMOTE", "Address of the peer", 24};
    }
    return {};
}

std::string_view group_type(GroupBy by) {
    switch (by) {
    case GroupBy::process: return "process_count";
    case GroupBy::port: return "port_count";
    case GroupBy::remote: return "remote_count";
    }
    return {};
}

/// `text` holds what the value points into.
Value group_key(const CensusGroup& group, std::string& text) {
    if (group.process) return to_value(group.process);
    if (group.port) return std::int64_t{*group.port};
    if (!group.remote) return {};
    text = group.remote->text(group.family);
    return std::string_view(text);
}

} // namespace

void print_census(Output& out, const CensusStyle& style, std::span<const MetaEntry> meta,
                  std::span<const CensusSocket> sockets) {
    print_states(out, style, meta, count_states(sockets));
    if (style.format == Format::csv) return;
    const auto waiting = close_wait_owners(sockets);
    if (!waiting.empty()) print_close_wait(out, style, waiting);
    const auto listening = listeners(sockets);
    if (!listening.empty()) print_listeners(out, style, listening);
}

void print_groups(Output& out, const CensusStyle& style, std::span<const MetaEntry> meta,
                  GroupBy by, std::span<const CensusGroup> groups) {
    std::vector<Column> columns = {key_column(by),
                                   {"total", "TOTAL", "Number of sockets", 7, Align::right}};
    std::vector<std::string_view> in_table = {columns[0].id, columns[1].id};
    for (const TcpState state : kAllOf<TcpState>) {
        if (!is_listed(state)) continue;
        columns.push_back({name(state), name(state), "Number of sockets in this state",
                           static_cast<int>(std::max<std::size_t>(name(state).size(), 6)),
                           Align::right});
        const bool any =
            std::any_of(groups.begin(), groups.end(),
                        [state](const CensusGroup& group) { return group.counts[state] != 0; });
        if (any) in_table.push_back(name(state));
    }

    CensusTable section(out, style, Schema{group_type(by), columns, in_table});
    section.meta(meta);
    std::string text;
    std::vector<Value> row;
    for (const CensusGroup& group : groups) {
        row = {group_key(group, text), to_value(group.total)};
        for (const TcpState state : kAllOf<TcpState>)
            if (is_listed(state)) row.push_back(to_value(group.counts[state]));
        section.row(row);
    }
    section.finish();
}

} // namespace tcpdwell
