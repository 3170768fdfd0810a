// SPDX-License-Identifier: Apache-2.0
// Where rows go: http://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE, of ClickHouse's HTTP interface.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tcpdwell::store {

struct ServerUrl {
    bool is_encrypted = false; ///< https
    std::string host;          ///< IPv6 addresses without brackets
    std::uint16_t port = 0;
    std::string database; ///< an identifier: goes into SQL as it is
    std::string user;     ///< "": the server's default
    std::string password; ///< never printed

    /// ErrorCode::usage, which says what such a URL looks like and never repeats a password.
    static Result<ServerUrl> parse(const std::string& url);
    /// parse(); where the URL names no user, CLICKHOUSE_USER and CLICKHOUSE_PASSWORD count.
    static Result<ServerUrl> from_user(const std::string& url);

    /// For requests: scheme, host and port.
    [[nodiscard]] std::string address() const;
    /// For people: the URL without credentials.
    [[nodiscard]] std::string text() const;
};

/// A name that needs no quotes in SQL: letters, digits, underscores, at most 64.
bool is_sql_identifier(const std::string& name);

} // namespace tcpdwell::store
