// SPDX-License-Identifier: Apache-2.0
// Requests to ClickHouse over HTTP, one at a time; the only user of libcurl.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "base/word_enum.h"
#include "store/server_url.h"

namespace tcpdwell::store {

struct ServerVersion {
    unsigned major = 0;
    unsigned minor = 0;
    std::string text; ///< all of it, as the server says it

    [[nodiscard]] bool is_at_least(unsigned wanted_major, unsigned wanted_minor) const {
        return major != wanted_major ? major > wanted_major : minor >= wanted_minor;
    }
    static Result<ServerVersion> parse(std::string_view text);
};

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
};

/// By the status of HTTP (0: there was none) and ClickHouse's number of its exception (0: none).
SendAnswer judge_answer(long status, unsigned exception_code);

struct ClientOptions {
    Nanoseconds connect_limit = std::chrono::seconds(10);
    Nanoseconds time_limit = std::chrono::minutes(1); ///< of one request
    bool gathers_inserts = false; ///< async_insert: the server joins what many hosts send
    std::function<bool()> is_stopped = [] { return false; }; ///< asked once a second and oftener
};

class Client {
public:
    static Result<Client> open(ServerUrl server, ClientOptions options = {});
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    /// Bytes of an answer that are read; the rest is an error.
    static constexpr std::size_t kLongestAnswer = std::size_t{64} << 10;

    Result<ServerVersion> version();
    /// What the server answers to one statement, in its format (TabSeparated unless it names one).
    Result<std::string> query(const std::string& sql);
    /// To a collector: a request of log records. To ClickHouse: rows of `table`.
    /// `id`: the batch's, under which it comes again (BatchName::id()). `gzip`: JSON lines.
    SendAnswer insert(const std::string& table, const std::string& id, std::string_view gzip);

    [[nodiscard]] const ServerUrl& server() const;

private:
    class Impl;
    explicit Client(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace tcpdwell::store
