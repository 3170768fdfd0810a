// SPDX-License-Identifier: Apache-2.0
// The statements that create the tables, in what a server of some version understands.
#pragma once

#include <string>

#include "base/result.h"
#include "store/table.h"

namespace tcpdwell::store {

/// What a version of ClickHouse knows. Unset: only what 18.16 and today's have in common.
struct ServerAbilities {
    /// From 19.17 on: CODEC, TTL of rows, LowCardinality without an experimental setting, and ALTER
    /// TABLE ... ADD COLUMN IF NOT EXISTS.
    bool is_current = false;

    /// `version` as the server has it: "24.8.1.2684". ErrorCode::usage if it isn't one of 18.16 or
    /// later.
    static Result<ServerAbilities> of(const std::string& version);
};

struct SchemaOptions {
    ServerAbilities server;
    std::uint32_t days = 30; ///< that rows are kept, where the server can remove them
    /// Each table is one over all servers of this cluster, of a table NAME_local on each of them.
    /// "": there is one server.
    std::string cluster;
};

/// Statements, each ended by a semicolon, which change nothing that is there already; a column that
/// is new in this version is added. For clickhouse-client --multiquery.
std::string schema_text(const SchemaOptions& options);

/// The server's word for what the column holds.
std::string column_type(const ExportColumn& column, const ServerAbilities& server);

} // namespace tcpdwell::store
