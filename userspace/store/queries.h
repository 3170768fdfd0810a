// SPDX-License-Identifier: Apache-2.0
// The questions that a fleet's tables answer, as SQL for any version of ClickHouse that has them:
// the files of store/clickhouse/, as the build compiles them in (embed_files.cmake writes the
// source of queries()).
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tcpdwell::store {

struct Query {
    std::string_view file; ///< "closes_first.sql"
    std::string_view sql;  ///< one statement, with what it answers in the comment at its head
};

/// By name.
std::span<const Query> queries();

/// All of them, for clickhouse-client --multiquery.
std::string queries_text();

} // namespace tcpdwell::store
