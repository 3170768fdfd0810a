// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_serve.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <array>

#include "base/log.h"
#include "cli/command_line.h"
#include "cli/config_file.h"
#include "cli/export_options.h"
#include "cli/exporter_mark.h"
#include "cli/finding_help.h"
#include "cli/flight_recorder_options.h"
#include "cli/metrics_options.h"
#include "cli/option_values.h"
#include "cli/report_words.h"
#include "cli/view_run.h"
#include "render/loss_text.h"
#include "run/selection.h"
#include "run/signals.h"
#include "run/trigger_watch.h"
#include "serve/daemon.h"

namespace tcpdwell::cli {
namespace {

constexpr double kShortestWindow = 1; // seconds
constexpr double kLongestWindow = 86'400;
/// How long a row waits for others that are sent with it.
constexpr Nanoseconds kExportInterval = std::chrono::seconds(10);
constexpr const char* kListen = "127.0.0.1:9469";

struct ServeCommand {
    CLI::App* app = nullptr;
    std::shared_ptr<RunOptions> run;
    FlightRecorderOptions recorder;
    std::vector<std::string> listen;
    std::vector<std::string> thresholds;
    double window = 600; ///< seconds
    MetricsTexts metrics;
    ExportOptions exported;
    std::string config;
};

int verbosity_of(const RunOptions& run) { return run.quiet ? -1 : run.verbose ? 1 : 0; }

/// ErrorCode::usage: a value can't be.
Result<analysis::ReportOptions> report_options(const ServeCommand& options) {
    if (options.window < kShortestWindow || options.window > kLongestWindow)
        return fail(ErrorCode::usage, "--window is from 1s to 24h: what it needs is in memory");
    analysis::ReportOptions report;
    for (const std::string& text : options.thresholds)
        if (auto set = report.thresholds.set(text); !set) return tl::unexpected(set.error());
    report.run.source = "live";
    report.run.interval = true;
    report.run.filter = options.run->filters->text();
    report.run.sample = options.run->filters->sample();
    return report;
}

/// Those of the service manager, or else those that the options name.
Result<std::vector<serve::ListeningSocket>> open_sockets(const ServeCommand& options) {
    std::vector<serve::ListeningSocket> sockets;
    const auto add = [&](Result<serve::ListeningSocket> socket) -> Result<void> {
        if (!socket) return tl::unexpected(socket.error());
        spdlog::info("serving at {}", socket->name);
        sockets.push_back(std::move(*socket));
        return {};
    };
    for (Fd& fd : serve::inherited_sockets())
        if (auto added = add(serve::adopt_socket(std::move(fd))); !added)
            return tl::unexpected(added.error());
    if (sockets.empty() || !options.listen.empty())
        for (const std::string& where :
             options.listen.empty() ? std::vector<std::string>{kListen} : options.listen)
            if (auto added = add(serve::listen_at(where)); !added)
                return tl::unexpected(added.error());
    return sockets;
}

/// What the file of --config sets, at the start and when SIGHUP requests that it be read again.
class Configuration {
public:
    explicit Configuration(ServeCommand& options)
        : options_(options), given_(given_options(*options.app)), window_(options.window),
          thresholds_(options.thresholds), is_quiet_(options.run->quiet),
          is_verbose_(options.run->verbose) {}

    Result<void> read() {
        auto file = ConfigFile::read(options_.config, *options_.app);
        if (!file) return tl::unexpected(file.error());
        file_ = std::move(*file);
        return file_.apply_all(*options_.app, given_);
    }

    /// Of what has changed, takes over what can change during a run. If something is wrong,
    /// everything stays.
    void read_again(serve::Daemon& daemon, run::TriggerWatch& watch) {
        auto file = ConfigFile::read(options_.config, *options_.app);
        if (!file) return spdlog::error("{}; nothing was changed", file.error().message);
        warn_of_unchangeable(*file);
        const ServeCommand before = options_;
        const auto [quiet, verbose] = std::pair(options_.run->quiet, options_.run->verbose);
        auto report = take_over(*file);
        if (!report) {
            options_ = before;
            options_.run->quiet = quiet;
            options_.run->verbose = verbose;
            return spdlog::error("{}; nothing was changed", report.error().message);
        }
        file_ = std::move(*file);
        set_log_level(verbosity_of(*options_.run));
        watch.set_report_options(*report);
        daemon.set_report_options(std::move(*report), from_seconds(options_.window));
        spdlog::info("{} was read again", options_.config);
    }

private:
    static constexpr std::array kChangeable{"window", "threshold", "quiet", "verbose"};

    Result<analysis::ReportOptions> take_over(const ConfigFile& file) {
        for (const char* name : kChangeable) {
            if (given_.contains(name)) continue;
            options_.app->get_option(std::string("--") + name)->clear();
            set_preset(name);
            if (auto applied = file.apply(*options_.app, name); !applied)
                return tl::unexpected(applied.error());
        }
        return report_options(options_);
    }

    void set_preset(std::string_view name) {
        if (name == "window") options_.window = window_;
        if (name == "threshold") options_.thresholds = thresholds_;
        if (name == "quiet") options_.run->quiet = is_quiet_;
        if (name == "verbose") options_.run->verbose = is_verbose_;
    }

    void warn_of_unchangeable(const ConfigFile& file) const {
        const auto values = [](const ConfigFile& of, const std::string& name) {
            const auto item = of.items().find(name);
            return item == of.items().end() ? std::vector<std::string>() : item->second;
        };
        std::set<std::string> names;
        for (const ConfigFile* each : {&file_, &file})
            for (const auto& [name, inputs] : each->items()) names.insert(name);
        for (const std::string& name : names)
            if (values(file_, name) != values(file, name) &&
                std::ranges::find(kChangeable, name) == kChangeable.end())
                spdlog::warn("{}: --{} has changed, which takes a restart", options_.config, name);
    }

    ServeCommand& options_;
    const std::set<std::string> given_;
    const double window_;
    const std::vector<std::string> thresholds_;
    const bool is_quiet_;
    const bool is_verbose_;
    ConfigFile file_;
};

Result<std::optional<serve::SavedRecordings>> saved_recordings(const ServeCommand& options) {
    std::optional<serve::SavedRecordings> saved;
    if (options.run->write.empty()) return saved;
    auto folder = recording::OwnFolder::open(options.run->write);
    if (!folder) return tl::unexpected(folder.error());
    saved.emplace(std::move(*folder));
    return saved;
}

Result<void> check(const ServeCommand& options) {
    if (options.run->write.empty() && (options.recorder.rolls() || options.recorder.saves()))
        return fail(ErrorCode::usage, "--keep, --max-size, --trigger and --dump-on are of what is "
                                      "recorded: add --write FOLDER");
    if (!options.run->write.empty() && !options.recorder.rolls())
        return fail(ErrorCode::usage, "--write would fill the disk: set the amount that is held "
                                      "with --keep or --max-size");
    if (options.exported.url.empty() && !options.exported.zone.empty())
        return fail(ErrorCode::usage, "--zone is of what is exported: add --export URL");
    if (!options.exported.url.empty() && options.exported.spool.empty())
        return fail(ErrorCode::usage, "--export needs --spool FOLDER, where rows wait until the "
                                      "server has them");
    return {};
}

store::RowOptions row_options(const ServeCommand& options, const ViewRun& run, ExportLine& line) {
    store::RowOptions making;
    making.filter = run.filter_text();
    making.take = [&line](std::string_view table, std::uint64_t rows, std::string_view lines) {
        return line.add(table, rows, lines);
    };
    making.longest_wait = kExportInterval;
    making.findings_interval = from_seconds(options.window);
    return making;
}

/// "" if nothing is recorded, or all can be.
std::string trouble_of_recorder(ViewRun& run) {
    const run::Recorder* const recorder = run.recorder();
    return recorder == nullptr ? std::string() : recorder->trouble();
}

void print_what_was_seen(const track::TrackerTotals& totals) {
    spdlog::info("{} transitions and {} connections seen; {}", totals.transitions,
                 totals.connections, render::loss_text(totals.lost, totals.holes, totals.unseen));
}

Result<int> trace_and_serve(ServeCommand& options, Configuration& configuration,
                            std::vector<run::Trigger> triggers,
                            std::vector<serve::ListeningSocket> sockets,
                            std::optional<ExportLine> line) {
    auto report = report_options(options);
    if (!report) return tl::unexpected(report.error());
    const std::vector<report::TextPart> words = words_of_reports();
    const std::vector<report::FindingHelp> helps = finding_helps(report->thresholds);
    serve::ServiceManager manager = serve::ServiceManager::connect();
    std::optional<run::NotedSignal> dump;
    if (const auto number = options.recorder.dump_signal()) dump.emplace(*number);
    run::NotedSignal reload(SIGHUP);

    auto run = ViewRun::prepare(*options.run);
    if (!run) return tl::unexpected(run.error());
    auto saved = saved_recordings(options);
    if (!saved) return tl::unexpected(saved.error());
    const auto save = [&](const std::string& reason) {
        if (auto done = run->recorder()->save(reason); !done)
            spdlog::error("{}", done.error().message);
    };
    serve::Daemon* served = nullptr;
    run::TriggerWatch* watching = nullptr;
    const auto between = [&] {
        if (dump && dump->take()) save("signal");
        if (!reload.take()) return;
        manager.reloading();
        configuration.read_again(*served, *watching);
        manager.ready("tracing");
    };
    const analysis::MetricsOptions metrics = options.metrics.resolve(run->context(), report->run);
    std::unique_ptr<store::RowMaker> rows;
    serve::Daemon daemon({std::move(*report), metrics, from_seconds(options.window), words, helps,
                          *saved ? &**saved : nullptr, [&run] { return trouble_of_recorder(*run); },
                          [&line] { return line ? line->rows() : analysis::ExportedRows(); },
                          [&rows, &watching](const report::Report& made) {
                              if (rows) rows->add_findings(made);
                              watching->on_report(made);
                          },
                          between, [&source = run->source()] { source.set_aside(); }},
                         run->context(), manager);
    served = &daemon;
    if (auto started = daemon.serve_at(std::move(sockets)); !started)
        return tl::unexpected(started.error());
    for (const int fd : daemon.poll_fds()) run->source().wake_on(fd);
    if (line)
        rows = make_row_maker(options.exported, row_options(options, *run, *line), run->sample(),
                              run->context(), daemon);
    run::TriggerWatch watch(std::move(triggers), save, *report_options(options), run->context(),
                            rows ? static_cast<run::Consumer&>(*rows) : daemon);
    watching = &watch;
    run::Selection selection(run->filter(), run->context(), watch);
    auto outcome = run->run(selection.entrance());
    if (!outcome) return tl::unexpected(outcome.error());
    outcome->totals = selection.selected(outcome->totals);
    print_what_was_seen(outcome->totals);
    return run->exit_status(*outcome);
}

Result<int> run_serve(ServeCommand& options) {
    Configuration configuration(options);
    if (auto read = configuration.read(); !read) return tl::unexpected(read.error());
    start_logging(verbosity_of(*options.run));
    if (auto possible = check(options); !possible) return tl::unexpected(possible.error());
    if (auto report = report_options(options); !report) return tl::unexpected(report.error());
    auto triggers = options.recorder.apply_to(*options.run);
    if (!triggers) return tl::unexpected(triggers.error());
    // Before the sockets: the process that sends rows is to have nothing of ours.
    std::optional<ExportLine> line;
    Fd mark;
    if (!options.exported.url.empty()) {
        auto opened = ExportLine::open(options.exported);
        if (!opened) return tl::unexpected(opened.error());
        line.emplace(std::move(*opened));
        if (auto ours = mark_exporter(line->server_text()))
            mark = std::move(*ours);
        else
            spdlog::warn("another tcpdwell on this host exports to {} too: connections that both "
                         "trace are there twice, as each gives them ids of its own",
                         line->server_text());
    }
    auto sockets = open_sockets(options);
    if (!sockets) return tl::unexpected(sockets.error());
    options.run->serves = true;
    options.run->keeps_user = line.has_value();
    return trace_and_serve(options, configuration, std::move(*triggers), std::move(*sockets),
                           std::move(line));
}

} // namespace

Action define_serve(CLI::App& app) {
    auto options = std::make_shared<ServeCommand>();
    options->app = &app;
    app.add_option("--listen", options->listen,
                   "Where to serve HTTP: HOST:PORT, [IPV6]:PORT or unix:PATH; may be repeated")
        ->type_name("WHERE")
        ->allow_extra_args(false)
        ->default_str(kListen);
    add_duration(app, "--window", options->window, "What the report covers at most: 5m, 1h")
        ->default_str("10m");
    declare_metrics(app, options->metrics);
    app.add_option("--threshold", options->thresholds,
                   "When something is a finding; see 'tcpdwell report --help'")
        ->type_name("NAME=VALUE")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--config", options->config,
                   "Read options from this TOML file: listen = \"0.0.0.0:9469\"; SIGHUP reads it "
                   "again")
        ->type_name("FILE");
    options->run = RunOptions::declare(app);
    options->run->filters->declare_sample(app);
    for (const char* of_views : {"--user", kCommandArgument})
        app.remove_option(app.get_option(of_views));
    app.add_option("-w,--write", options->run->write,
                   "Also record to this folder, as 'tcpdwell record' with --keep or --max-size")
        ->type_name("FOLDER");
    options->run->on_write_error = "continue"; // a full disk is no reason to be without metrics
    options->run->declare_write_errors(app);
    options->recorder.declare(app, *options->run, {"SIGUSR1", "SIGUSR2"});
    auto* to = app.add_option("--export", options->exported.url,
                              "Also send ended connections, sums and findings to ClickHouse, as "
                              "'tcpdwell export'")
                   ->type_name("URL");
    options->exported.declare(app, to, "export-");
    app.footer("Examples:\n"
               "  tcpdwell serve                                  http://127.0.0.1:9469/\n"
               "  tcpdwell serve --listen 0.0.0.0:9469 --window 30m\n"
               "  tcpdwell serve --listen unix:/run/tcpdwell.sock\n"
               "  curl -s http://127.0.0.1:9469/metrics | promtool check metrics\n"
               "With a flight recorder, which saves what led to a finding:\n"
               "  tcpdwell serve -w /var/lib/tcpdwell --keep 30m --max-size 1G \\\n"
               "      --trigger close_wait_leak\n"
               "Conditions of --trigger: see 'tcpdwell help record'.\n\n"
               "Paths: /metrics, /report, /report.json, /healthz, /recordings. There is no "
               "encryption and no password: who can connect can read the names of programs and "
               "the addresses of their peers.\n"
               "Under systemd: Type=notify, WatchdogSec= and a .socket unit work. SIGTERM ends "
               "it, SIGHUP reads --config again: window, threshold, quiet and verbose change at "
               "once.");
    return [options] { return run_serve(*options); };
}

} // namespace tcpdwell::cli
