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
#include "store/answer.h"
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
