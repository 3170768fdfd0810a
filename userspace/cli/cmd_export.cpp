// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_export.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/counted.h"
#include "base/log.h"
#include "cli/command_line.h"
#include "cli/export_options.h"
#include "cli/filter_options.h"
#include "cli/option_values.h"
#include "cli/report_consumer.h"
#include "cli/temporary_folder.h"
#include "cli/view_run.h"
#include "cli/window_options.h"
#include "render/loss_text.h"
#include "render/renderer.h"
#include "run/selection.h"
#include "run/signals.h"
#include "run/window_gate.h"
#include "store/client.h"
#include "store/otlp.h"
#include "store/queries.h"
#include "store/schema.h"

namespace tcpdwell::cli {
namespace {

/// DateTime ends in 2106, and what is beyond that counts from 1970: rows would go at once.
constexpr std::uint64_t kMostDays = 10'000;
constexpr const char* kStdout = "-";

struct ExportCommand {
    ExportOptions line;
    std::string table = std::string(store::ends_table().name);
    const CLI::Option* table_option = nullptr;
    double wait = 300; ///< seconds
    bool schema = false;
    bool queries = false;
    std::string server_version;
    std::string cluster;
    std::uint64_t days = store::SchemaOptions{}.days;
    std::shared_ptr<RunOptions> run;
};

/// Where rows go, to a server or to stdout: so many of a table, or log records.
using RowSink =
    std::function<Result<void>(std::string_view table, std::uint64_t rows, std::string_view lines)>;

Result<int> print_schema(const ExportCommand& options) {
    store::SchemaOptions schema;
    schema.days = static_cast<std::uint32_t>(options.days);
    schema.cluster = options.cluster;
    std::string version = options.server_version;
    if (version.empty() && !options.line.url.empty()) {
        auto server = store::ServerUrl::from_user(options.line.url);
        if (!server) return tl::unexpected(server.error());
        auto client = store::Client::open(std::move(*server));
        if (!client) return tl::unexpected(client.error());
        auto known = client->version();
        if (!known) return tl::unexpected(known.error());
        version = known->text;
    }
    if (!version.empty()) {
        auto server = store::ServerAbilities::of(version);
        if (!server) return tl::unexpected(server.error());
        schema.server = *server;
    }
    if (!schema.cluster.empty() && !store::is_sql_identifier(schema.cluster))
        return fail(ErrorCode::usage, "--cluster takes a name of letters, digits and underscores");
    render::Output out(STDOUT_FILENO);
    out.buffer() = schema_text(schema);
    if (auto written = out.flush(); !written) return tl::unexpected(written.error());
    return 0;
}

Result<int> print_queries() {
    render::Output out(STDOUT_FILENO);
    out.buffer() = store::queries_text();
    if (auto written = out.flush(); !written) return tl::unexpected(written.error());
    return 0;
}

/// Where nothing comes back, a recording is read as fast as rows are sent: it can wait, and none of
/// them needs to be dropped.
Result<void> wait_for_room(ExportLine& line, std::uint64_t spool_bytes) {
    while (line.spool().counts().bytes > spool_bytes / 2) {
        if (run::StopSignals::received() != 0)
            return fail(ErrorCode::failed, "interrupted while the server was slower than the "
                                           "recording is read");
        if (!line.sender().is_running())
            return fail(ErrorCode::failed, "the process that sends rows has ended");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return {};
}

/// The rows of one host.
Result<run::PipelineOutcome> export_host(ViewRun& run, const ExportCommand& options,
                                         const RowSink& sink) {
    store::RowOptions making;
    making.take = sink;
    making.takes_time_wait = true;
    making.host = run.host_name();
    making.boot = run.boot_id();
    making.filter = run.filter_text();
    analysis::ReportOptions report;
    report.run.source = run.source_name();
    report.run.filter = run.filter_text();
    std::unique_ptr<store::RowMaker> maker;
    ReportConsumer reports(
        report, std::nullopt, run.context(),
        [&](const report::Report& made, bool) -> Result<bool> {
            maker->add_findings(made);
            return true;
        },
        !options.run->quiet);
    maker = make_row_maker(options.line, std::move(making), run.sample(), run.context(), reports);
    run::Selection selection(run.filter(), run.context(), *maker, run.recorded_filters());
    run::PeriodGate gate(selection.entrance(), run.window());
    auto outcome = run.run(gate);
    if (outcome) outcome->totals = selection.selected(outcome->totals);
    return outcome;
}

/// What the server doesn't have when the time is over stays in the spool.
Result<int> send_rest(ExportLine& line, const ExportCommand& options, bool is_own_folder) {
    const run::StopSignals signals;
    auto done = line.sender().drain(from_seconds(options.wait),
                                    [] { return run::StopSignals::received() != 0; });
    if (!done) return tl::unexpected(done.error());
    const store::SenderCounts counts = line.sender().counts();
    const store::SpoolCounts waiting = line.spool().counts();
    spdlog::info("{} sent to {}", counted(counts.sent_rows, "row"), line.server_text());
    if (counts.rejected_rows > 0)
        spdlog::error("{} refused by the server{}", counted(counts.rejected_rows, "row"),
                      counts.rejected_batches > 0
                          ? fmt::format(": see {}/rejected", line.spool().path())
                          : "; it doesn't say which");
    if (waiting.dropped_rows > 0)
        spdlog::error("{} dropped: the spool is full or can't be written",
                      counted(waiting.dropped_rows, "row"));
    if (waiting.rows > 0)
        spdlog::error("{} not sent: {} has them{}", counted(waiting.rows, "row"),
                      line.spool().path(),
                      is_own_folder ? fmt::format("; 'tcpdwell export --spool {} --to {}' sends "
                                                  "them",
                                                  line.spool().path(), line.server_text())
                                    : "");
    return *done && counts.rejected_rows == 0 && waiting.dropped_rows == 0 ? 0 : 1;
}

Result<int> export_all(const ExportCommand& options, const RowSink& sink) {
    auto runs = ViewRun::prepare_each(*options.run);
    if (!runs) return tl::unexpected(runs.error());
    int status = 0;
    track::TrackerTotals totals;
    for (ViewRun& each : *runs) {
        ViewRun run = std::move(each); // its files are closed when it has been read
        auto outcome = export_host(run, options, sink);
        if (!outcome) return tl::unexpected(outcome.error());
        spdlog::debug("{} read", run.source_name());
        totals.connections += outcome->totals.connections;
        totals.lost += outcome->totals.lost;
        totals.holes += outcome->totals.holes;
        totals.unseen += outcome->totals.unseen;
        if (status == 0) status = run.exit_status(*outcome);
        if (outcome->interrupted) break;
    }
    spdlog::info("{} of {} seen; {}", counted(totals.connections, "connection"),
                 counted(runs->size(), "host"),
                 render::loss_text(totals.lost, totals.holes, totals.unseen));
    return status;
}

Result<int> export_to_stdout(const ExportCommand& options) {
    render::Output out(STDOUT_FILENO);
    const RowSink sink = [&](std::string_view table, std::uint64_t,
                             std::string_view lines) -> Result<void> {
        if ((table != options.table && table != store::kOtlpBatch) || out.closed()) return {};
        out.buffer() += lines;
        return out.flush();
    };
    return export_all(options, sink);
}

Result<int> export_to_server(ExportCommand options) {
    std::optional<TemporaryFolder> own;
    if (options.line.spool.empty()) {
        auto folder = TemporaryFolder::create("tcpdwell-spool");
        if (!folder) return tl::unexpected(folder.error());
        options.line.spool = own.emplace(std::move(*folder)).path();
    }
    auto line = ExportLine::open(options.line);
    if (!line) return tl::unexpected(line.error());
    const RowSink sink = [&](std::string_view table, std::uint64_t count,
                             std::string_view lines) -> Result<void> {
        if (auto room = wait_for_room(*line, options.line.spool_bytes); !room) return room;
        return line->add(table, count, lines);
    };
    int status = 0;
    if (!options.run->recordings.empty()) {
        auto exported = export_all(options, sink);
        if (!exported) return tl::unexpected(exported.error());
        status = *exported;
    }
    auto sent = send_rest(*line, options, own.has_value());
    if (!sent) return tl::unexpected(sent.error());
    if (own && line->spool().counts().batches > 0) own->keep();
    return *sent != 0 ? *sent : status;
}

Result<int> run_export(const ExportCommand& options) {
    start_logging(options.run->quiet ? -1 : options.run->verbose ? 1 : 0);
    if (options.schema) return print_schema(options);
    if (options.queries) return print_queries();
    if (options.line.url.empty())
        return fail(ErrorCode::usage, "give the server with --to http://HOST:8123/DATABASE, or "
                                      "--to - to print rows");
    if (options.run->recordings.empty() &&
        (options.line.url == kStdout || options.line.spool.empty()))
        return fail(ErrorCode::usage, "give the recordings with -r, or with --spool a folder whose "
                                      "rows are to be sent");
    if (options.table_option->count() > 0 &&
        (options.line.url != kStdout || options.line.is_otlp()))
        return fail(ErrorCode::usage,
                    options.line.is_otlp()
                        ? "--table is of rows for ClickHouse: log records (--format otlp-json) "
                          "aren't of a table"
                        : "--table chooses what --to - prints: a server gets all tables");
    if (options.line.url == kStdout) return export_to_stdout(options);
    return export_to_server(options);
}

} // namespace

Action define_export(CLI::App& app) {
    auto options = std::make_shared<ExportCommand>();
    auto* to = app.add_option("--to", options->line.url,
                              "Where rows go: http://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE of "
                              "ClickHouse, http://HOST[:PORT] of a collector, https too; - prints "
                              "them")
                   ->type_name("URL");
    options->line.declare(app, to, "");
    add_duration(app, "--wait", options->wait,
                 "How long to wait at the end until the server has everything", Zero::allowed)
        ->default_str("5m");
    options->table_option =
        add_choice(app, "--table", options->table, {"ends", "minutes", "findings"},
                   "With --to -: the table whose rows are printed")
            ->capture_default_str();
    auto* schema = app.add_flag("--schema", options->schema,
                                "Only print the statements that create the tables; with --to "
                                "those for the version of that server");
    auto* queries = app.add_flag("--queries", options->queries,
                                 "Only print questions to ask the tables, in SQL")
                        ->excludes(schema);
    app.add_option("--server-version", options->server_version,
                   "With --schema: for this version of ClickHouse, 24.8 (default: what all from "
                   "18.16 on understand)")
        ->type_name("VERSION")
        ->needs(schema);
    app.add_option("--cluster", options->cluster,
                   "With --schema: tables over all servers of this cluster")
        ->type_name("NAME")
        ->needs(schema);
    add_number(app, "--keep-days", options->days, kMostDays,
               "With --schema: how long the server keeps rows, from version 19.17 on")
        ->capture_default_str()
        ->needs(schema);
    options->run = RunOptions::declare(app);
    options->run->declare_recordings(app);
    for (CLI::Option* only_prints : {schema, queries})
        only_prints->excludes(app.get_option("--read"));
    for (const char* of_views :
         {"--duration", "--buffer-size", "--host-root", "--probes", "--btf", "--no-numbers",
          "--user", "--all", "--speed", "--write", "--force", "--on-error", kCommandArgument})
        app.remove_option(app.get_option(of_views));
    app.footer(
        "Examples:\n"
        "  tcpdwell export --schema | clickhouse-client -n        create the tables\n"
        "  tcpdwell export -r web.tdw db.tdw --to http://ch:8123/default\n"
        "  tcpdwell export -r day.tdw --to http://ch:8123/default --sample 100 \\\n"
        "      --zone eu-1\n"
        "  tcpdwell export -r day.tdw --to - | head -1            what a row is\n"
        "  tcpdwell export -r day.tdw --format otlp-json --to http://collector:4318\n"
        "  tcpdwell export --queries                              who closes first, and where\n"
        "  tcpdwell serve --export http://ch:8123/default --spool /var/lib/tcpdwell/spool\n\n"
        "Rows that come twice replace each other: what was interrupted can be run again. A user "
        "and a password can be in the URL; CLICKHOUSE_USER and CLICKHOUSE_PASSWORD in the "
        "environment are seen by fewer.\n"
        "Exit status: 0 fine, 1 failed or not everything sent, 2 bad usage, 4 events lost "
        "(--strict).");
    return [options] { return run_export(*options); };
}

} // namespace tcpdwell::cli
