// SPDX-License-Identifier: Apache-2.0
// Where rows go: http://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE, of ClickHouse's HTTP interface, or
// http://HOST[:PORT][/PATH] of an OpenTelemetry collector.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tcpdwell::store {

enum class ServerKind : std::uint8_t {
    clickhouse,
    otlp, ///< OTLP over HTTP with JSON, which takes log records
};

struct ServerUrl {
    ServerKind kind = ServerKind::clickhouse;
    bool is_encrypted = false; ///< https
    std::string host;          ///< IPv6 addresses without brackets
    std::uint16_t port = 0;
    std::string database; ///< an identifier: goes into SQL as it is; "" of a collector
    std::string path;     ///< of requests to a collector: "/v1/logs"
    std::string user;     ///< "": the server's default
    std::string password; ///< never printed

    /// ErrorCode::usage, which says what such a URL looks like and never repeats a password.
    static Result<ServerUrl> parse(const std::string& url,
                                   ServerKind kind = ServerKind::clickhouse);
    /// parse(); where the URL of ClickHouse names no user, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD
    /// count.
    static Result<ServerUrl> from_user(const std::string& url,
                                       ServerKind kind = ServerKind::clickhouse);

    /// For requests: scheme, host and port.
    [[nodiscard]] std::string address() const;
    /// For people: the URL without credentials.
    [[nodiscard]] std::string text() const;
    /// text(), after what it is of: "ClickHouse at http://...", "the collector at http://...".
    [[nodiscard]] std::string who() const;
};

/// A name that needs no quotes in SQL: letters, digits, underscores, at most 64.
bool is_sql_identifier(const std::string& name);

} // namespace tcpdwell::store
