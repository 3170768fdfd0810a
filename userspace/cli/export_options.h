// SPDX-License-Identifier: Apache-2.0
// What `export` and `serve --export` have in common: the options, and the way of rows from the
// exporter into the spool and to the server.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "analysis/metrics.h"
#include "base/result.h"
#include "store/row_maker.h"
#include "store/sender.h"
#include "store/server_url.h"
#include "store/spool.h"

namespace tcpdwell::cli {

struct ExportOptions {
    std::string url;
    std::string spool;
    std::uint64_t spool_bytes = std::uint64_t{1} << 30;
    std::uint64_t sample = 1;
    std::string zone;
    bool gathers_inserts = false;
    std::string format = "clickhouse"; ///< or "otlp-json"

    /// Declares all but the URL, which they need: its name differs, as do those of the format and
    /// the sample, which begin with `prefix`.
    void declare(CLI::App& app, CLI::Option* url_option, const std::string& prefix);
    [[nodiscard]] bool is_otlp() const { return format != "clickhouse"; }
};

/// What makes rows in the format of `options`, before `next`. What of `making` the options say is
/// filled in; `traced_sample`: one flow in so many is traced.
std::unique_ptr<store::RowMaker> make_row_maker(const ExportOptions& options,
                                                store::RowOptions making,
                                                std::uint64_t traced_sample,
                                                const run::Context& context, run::Consumer& next);

/// The spool, and the process that empties it.
class ExportLine {
public:
    /// Opens the spool and starts to send what is in it; before rights are given up.
    static Result<ExportLine> open(const ExportOptions& options);

    /// What has become of rows so far.
    [[nodiscard]] analysis::ExportedRows rows() const;
    Result<void> add(std::string_view table, std::uint64_t rows, std::string_view lines);
    [[nodiscard]] const std::string& server_text() const { return server_text_; } ///< no password
    [[nodiscard]] store::Spool& spool() { return *spool_; }
    [[nodiscard]] store::Sender& sender() { return *sender_; }

private:
    ExportLine(std::string server_text, std::unique_ptr<store::Spool> spool,
               std::unique_ptr<store::Sender> sender)
        : server_text_(std::move(server_text)), spool_(std::move(spool)),
          sender_(std::move(sender)) {}

    std::string server_text_;
    std::unique_ptr<store::Spool> spool_;
    std::unique_ptr<store::Sender> sender_;
};

} // namespace tcpdwell::cli
