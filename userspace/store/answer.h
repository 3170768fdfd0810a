// SPDX-License-Identifier: Apache-2.0
// What an answer of a server means for the batch that was sent.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "base/word_enum.h"

namespace tcpdwell::store {

/// What became of a batch.
#define TCPDWELL_SEND_OUTCOME_LIST(X)               \
    X(accepted, "accepted") /* the server has it */ \
    X(refused, "refused")   /* it never will */     \
    X(not_now, "not_now")   /* it may have it, or may take it later */
TCPDWELL_WORD_ENUM(SendOutcome, TCPDWELL_SEND_OUTCOME_LIST)

/// Why something can't be sent now.
#define TCPDWELL_SEND_TROUBLE_LIST(X)     \
    X(none, "none")                       \
    X(no_connection, "no_connection")     \
    X(time_out, "time_out")               \
    X(server_error, "server_error")       \
    X(overloaded, "overloaded")           \
    X(credentials, "credentials")         \
    X(no_table, "no_table")               \
    X(other_service, "other_service")     \
    X(batch_refused, "batch_refused")     \
    X(unreadable, "unreadable") /*spool*/ \
    X(stopped, "stopped")
TCPDWELL_WORD_ENUM(SendTrouble, TCPDWELL_SEND_TROUBLE_LIST)

struct SendAnswer {
    SendOutcome outcome = SendOutcome::not_now;
    SendTrouble trouble = SendTrouble::none;
    std::string words; ///< the server's, or what went wrong; printable
    /// ClickHouse itself has said so, of an error that may be the batch's or the server's.
    bool may_be_batch = false;
    std::uint64_t rejected_rows = 0; ///< of an accepted batch; `words` says why
    Nanoseconds retry_after{};       ///< the server wants no other try before (Retry-After)
};

/// By the status of HTTP (0: there was none) and ClickHouse's number of its exception (0: none).
SendAnswer judge_answer(long status, unsigned exception_code);
/// By the status of a collector.
SendAnswer judge_collector(long status);

} // namespace tcpdwell::store
