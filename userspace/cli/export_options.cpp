// SPDX-License-Identifier: Apache-2.0
#include "cli/export_options.h"

#include <fmt/format.h>

#include "cli/live_view.h"
#include "cli/option_values.h"
#include "store/batch_name.h"
#include "store/exporter.h"
#include "store/otlp.h"

namespace tcpdwell::cli {
namespace {

constexpr std::uint64_t kSmallestSpool = 1 << 20;
constexpr std::uint64_t kMostSample = 1'000'000;

} // namespace

void ExportOptions::declare(CLI::App& app, CLI::Option* url_option, const std::string& prefix) {
    const std::string format_help =
        "clickhouse: rows of tables; otlp-json: log records for OpenTelemetry collectors";
    const std::vector<std::string> formats{"clickhouse", "otlp-json"};
    (prefix.empty()
         ? add_format(app, format, formats, "rows are for databases and collectors", format_help)
         : add_choice(app, "--" + prefix + "format", format, formats, format_help))
        ->capture_default_str();
    app.add_option("--spool", spool,
                   "Where rows wait until the server has them: a folder that nobody else can write")
        ->type_name("FOLDER")
        ->needs(url_option);
    add_size(app, "--spool-size", spool_bytes, {kSmallestSpool},
             "What the spool may occupy; beyond it the oldest rows are dropped, and counted")
        ->default_str("1GiB")
        ->needs(url_option);
    add_number(app, "--" + prefix + "sample", sample, kMostSample,
               "Export the ends of one flow in N, the same on all hosts, and all that ended badly; "
               "a row's weight is how many it stands for")
        ->default_str("1")
        ->needs(url_option);
    app.add_option("--zone", zone,
                   "What the column zone (or cloud.availability_zone) says of this host")
        ->type_name("NAME")
        ->needs(url_option);
    app.add_flag("--gather-inserts", gathers_inserts,
                 "Let the server gather the inserts of many hosts (async_insert)")
        ->needs(url_option);
}

/// Rows in a spool are of one kind: what another run has left there can't go to this server.
Result<void> check_waiting(const store::Spool& spool, bool is_otlp) {
    const auto names = spool.outbox().names();
    if (!names) return tl::unexpected(names.error());
    for (const std::string& name : *names) {
        const auto batch = store::BatchName::parse(name);
        if (batch && (batch->table == store::kOtlpBatch) != is_otlp)
            return fail(ErrorCode::usage,
                        fmt::format("{} has rows for {}: give another folder, or send them first",
                                    spool.path(), is_otlp ? "ClickHouse" : "a collector"));
    }
    return {};
}

std::unique_ptr<store::RowMaker> make_row_maker(const ExportOptions& options,
                                                store::RowOptions making,
                                                std::uint64_t traced_sample,
                                                const run::Context& context, run::Consumer& next) {
    making.sampling = {traced_sample, options.sample};
    making.zone = options.zone;
    if (options.is_otlp())
        return std::make_unique<store::OtlpExporter>(std::move(making), context, next);
    return std::make_unique<store::Exporter>(std::move(making), context, next);
}

Result<ExportLine> ExportLine::open(const ExportOptions& options) {
    auto server = store::ServerUrl::from_user(
        options.url, options.is_otlp() ? store::ServerKind::otlp : store::ServerKind::clickhouse);
    if (!server) return tl::unexpected(server.error());
    auto spool = store::Spool::open(options.spool, options.spool_bytes);
    if (!spool) return tl::unexpected(spool.error());
    if (auto fits = check_waiting(*spool, options.is_otlp()); !fits)
        return tl::unexpected(fits.error());
    std::string server_text = server->text();
    store::SenderOptions sending;
    sending.server = std::move(*server);
    sending.client.gathers_inserts = options.gathers_inserts;
    sending.in_supervisor = [] { keep_rights_for(false, false); };
    sending.in_child = [] { keep_rights_for_sending(); };
    auto own = std::make_unique<store::Spool>(std::move(*spool));
    auto sender = store::Sender::start(*own, sending);
    if (!sender) return tl::unexpected(sender.error());
    return ExportLine(std::move(server_text), std::move(own),
                      std::make_unique<store::Sender>(std::move(*sender)));
}

analysis::ExportedRows ExportLine::rows() const {
    const store::SenderCounts sent = sender_->counts();
    return {sent.sent_rows, sent.rejected_rows, spool_->counts().dropped_rows};
}

Result<void> ExportLine::add(std::string_view table, std::uint64_t rows, std::string_view lines) {
    if (auto added = spool_->add(table, rows, lines); !added) return added;
    sender_->wake();
    return {};
}

} // namespace tcpdwell::cli
