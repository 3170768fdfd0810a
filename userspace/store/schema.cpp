// SPDX-License-Identifier: Apache-2.0
#include "store/schema.h"

#include <fmt/format.h>

#include "store/client.h"

namespace tcpdwell::store {
namespace {

std::string_view bare_type(ColumnKind kind) {
    switch (kind) {
    case ColumnKind::seconds: return "DateTime('UTC')";
    case ColumnKind::word:
    case ColumnKind::text: return "String";
    case ColumnKind::u8: return "UInt8";
    case ColumnKind::u16: return "UInt16";
    case ColumnKind::u32: return "UInt32";
    case ColumnKind::u64: return "UInt64";
    case ColumnKind::i64: return "Int64";
    case ColumnKind::real: return "Float64";
    case ColumnKind::words: return "Array(String)";
    case ColumnKind::numbers: return "Array(UInt64)";
    case ColumnKind::known_numbers: return "Array(Nullable(UInt64))";
    }
    return {};
}

/// Moments are close to those of the rows beside them; hashes can't be made smaller.
std::string_view codec(const ExportColumn& column) {
    if (column.kind == ColumnKind::seconds) return " CODEC(DoubleDelta, ZSTD(1))";
    if (column.name == "flow" || column.name == "conn") return " CODEC(NONE)";
    return " CODEC(ZSTD(1))";
}

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

std::string column_text(const ExportColumn& column, const ServerAbilities& server) {
    return fmt::format("`{}` {}{}", column.name, column_type(column, server),
                       server.is_current ? codec(column) : std::string_view());
}

void add_table(std::string& out, const ExportTable& table, const std::string& name,
               const SchemaOptions& options) {
    out += fmt::format("-- Each row: {}.\nCREATE TABLE IF NOT EXISTS {} (\n", table.what, name);
    for (const ExportColumn& column : table.columns) {
        out += fmt::format("    {}{}", column_text(column, options.server),
                           &column == &table.columns.back() ? "" : ",");
        out += column.comment.empty() ? "\n" : fmt::format(" -- {}\n", column.comment);
    }
    out += fmt::format(") ENGINE = ReplacingMergeTree()\nPARTITION BY toYYYYMMDD(time)\n"
                       "ORDER BY ({})",
                       table.key);
    if (options.server.is_current) out += fmt::format("\nTTL time + INTERVAL {} DAY", options.days);
    out += ";\n\n";
}

/// Of a table that an earlier version has created. The key may have grown at its end, which only
/// the statement can say that adds these columns; once they are there it changes nothing.
void add_new_columns(std::string& out, const ExportTable& table, const std::string& name,
                     const ServerAbilities& server) {
    out += fmt::format("ALTER TABLE {}\n", name);
    for (const ExportColumn& column : table.columns)
        out += fmt::format("    ADD COLUMN IF NOT EXISTS {},\n", column_text(column, server));
    out += fmt::format("    MODIFY ORDER BY ({});\n\n", table.key);
}

/// Filled by the server as rows come to `ends`. A row that comes again replaces what it has made
/// here as well, so nothing counts twice.
void add_flows(std::string& out, const std::string& suffix, const SchemaOptions& options) {
    out += fmt::format(
        "-- The ends by flow, so that the two ends of a connection lie side by side.\n"
        "CREATE MATERIALIZED VIEW IF NOT EXISTS flows{0}\n"
        "ENGINE = ReplacingMergeTree()\nPARTITION BY toYYYYMMDD(time)\n"
        "ORDER BY (flow, time, host, boot, conn){1}\n"
        "AS SELECT time, flow, host, boot, zone, netns, conn, weight, service, role, local_addr,\n "
        "   "
        "local_port, remote_addr, remote_port, opened_ns, closed_ns, seen, closed_first, "
        "ending, ending_detail,\n    bytes_sent, bytes_acked, bytes_received\nFROM ends{0};\n\n",
        suffix,
        options.server.is_current ? fmt::format("\nTTL time + INTERVAL {} DAY", options.days) : "");
}

void add_distributed(std::string& out, std::string_view name, std::string_view shard,
                     const std::string& cluster) {
    out += fmt::format("CREATE TABLE IF NOT EXISTS {0} AS {0}_local\n"
                       "ENGINE = Distributed({1}, currentDatabase(), {0}_local, {2});\n\n",
                       name, quoted(cluster), shard);
}

} // namespace

Result<ServerAbilities> ServerAbilities::of(const std::string& version) {
    const auto known = ServerVersion::parse(version);
    if (!known) return fail(ErrorCode::usage, known.error().message + ": 18.16 and 24.8 are two");
    if (!known->is_at_least(18, 16))
        return fail(
            ErrorCode::usage,
            fmt::format("ClickHouse {} is too old: 18.16 and later have what is needed", version));
    return ServerAbilities{known->is_at_least(19, 17)};
}

std::string column_type(const ExportColumn& column, const ServerAbilities& server) {
    const std::string_view bare = bare_type(column.kind);
    if (column.kind == ColumnKind::word && server.is_current)
        return fmt::format("LowCardinality({})", bare);
    if (column.may_be_null) return fmt::format("Nullable({})", bare);
    return std::string(bare);
}

std::string schema_text(const SchemaOptions& options) {
    const std::string suffix = options.cluster.empty() ? "" : "_local";
    std::string out;
    for (const ExportTable* table : tables()) {
        const std::string name = std::string(table->name) + suffix;
        add_table(out, *table, name, options);
        if (options.server.is_current) add_new_columns(out, *table, name, options.server);
        if (!options.cluster.empty())
            add_distributed(out, table->name, table->shard, options.cluster);
    }
    add_flows(out, suffix, options);
    if (!options.cluster.empty()) add_distributed(out, "flows", "flow", options.cluster);
    return out;
}

} // namespace tcpdwell::store
