// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_report.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>

#include "base/counted.h"
#include "cli/finding_help.h"
#include "cli/help.h"
#include "cli/hosts_report.h"
#include "cli/interval_lines.h"
#include "cli/metrics_options.h"
#include "cli/option_values.h"
#include "cli/output_file.h"
#include "cli/report_consumer.h"
#include "cli/report_words.h"
#include "cli/terminal.h"
#include "cli/view_run.h"
#include "render/loss_text.h"
#include "render/renderer.h"
#include "render/report_output.h"
#include "render/wrap.h"
#include "run/metrics_feed.h"
#include "run/selection.h"
#include "run/window_gate.h"

namespace tcpdwell::cli {
namespace {

struct ReportCommand {
    std::string by;
    std::string format = std::string(render::report_outputs().front().name);
    std::string html;
    std::string explain;
    std::string colour;
    double interval = 0;
    bool full = false;
    std::size_t rows = render::TextStyle{}.rows;
    MetricsTexts metrics;
    std::vector<std::string> thresholds;
    std::shared_ptr<RunOptions> run;
};

/// Where reports go: to stdout, and the last to the page where one was asked for.
class Destinations {
public:
    /// Opens the file of the page, before the run.
    static Result<Destinations> open(const ReportCommand& options,
                                     const analysis::Thresholds& thresholds) {
        Destinations to(
            *render::find_report_output(options.format),
            {stdout_width(), wants_colour(options.colour), locale_is_utf8(), options.rows},
            finding_helps(thresholds));
        if (options.html.empty()) return to;
        if (options.html == "-")
            return fail(ErrorCode::usage, "--html -: standard output has the report itself; give "
                                          "a file");
        const auto inputs = recording_files(options.run->recordings);
        if (!inputs) return tl::unexpected(inputs.error());
        if (auto other = check_is_no_input(options.html, *inputs); !other)
            return tl::unexpected(other.error());
        auto opened = OutputFile::open(options.html, options.run->if_exists);
        if (!opened) return tl::unexpected(opened.error());
        to.page_.emplace(std::move(*opened));
        return to;
    }

    [[nodiscard]] render::Output& out() { return out_; }
    /// Returns whether stdout still has a reader.
    Result<bool> flush() {
        if (const auto written = out_.flush(); !written) return tl::unexpected(written.error());
        return !out_.closed();
    }

    /// nullptr: none
    [[nodiscard]] PendingFile* page() { return page_ ? &page_->file() : nullptr; }

    /// Returns whether stdout still has a reader. The page is written even if stdout can't be.
    Result<bool> print(report::ReportSet reports, bool is_last) {
        reports.words = words_;
        reports.helps = helps_;
        out_.buffer() += output_.render(reports, style_);
        const auto written = out_.flush();
        if (is_last && page_)
            if (auto kept = page_->write(render::page_output().render(reports, style_)); !kept)
                return tl::unexpected(kept.error());
        if (!written) return tl::unexpected(written.error());
        return !out_.closed();
    }

private:
    Destinations(const render::ReportOutput& output, const render::TextStyle& style,
                 std::vector<report::FindingHelp> helps)
        : output_(output), style_(style), helps_(std::move(helps)) {}

    const render::ReportOutput& output_;
    render::TextStyle style_;
    std::vector<report::FindingHelp> helps_;
    std::vector<report::TextPart> words_ = words_of_reports();
    render::Output out_{STDOUT_FILENO};
    std::optional<OutputFile> page_;
};

std::string seen_text(const track::TrackerTotals& totals) {
    return fmt::format("{} and {}", counted(totals.transitions, "transition"),
                       counted(totals.connections, "connection"));
}

Result<int> report_several(std::vector<ViewRun> runs, const analysis::ReportOptions& report,
                           Destinations& to, const ReportCommand& options) {
    if (options.interval > 0)
        return fail(ErrorCode::usage,
                    fmt::format("--interval takes one host at a time, and {} is of another one "
                                "than {}",
                                runs[1].source_name(), runs[0].source_name()));
    auto outcome = report_hosts(std::move(runs), report, !options.run->quiet);
    if (!outcome) return tl::unexpected(outcome.error());
    const std::size_t hosts = outcome->reports.hosts.size();
    if (const auto printed = to.print(std::move(outcome->reports), true); !printed)
        return tl::unexpected(printed.error());
    spdlog::info(
        "{} of {} seen; {}", seen_text(outcome->totals), counted(hosts, "host"),
        render::loss_text(outcome->totals.lost, outcome->totals.holes, outcome->totals.unseen));
    return outcome->status;
}

Result<int> report_one(ViewRun run, analysis::ReportOptions report, Destinations& to,
                       const ReportCommand& options) {
    report.run.source = run.source_name();
    report.run.filter = run.filter_text();
    report.run.sample = run.sample();
    std::optional<Nanoseconds> interval;
    if (options.interval > 0) interval = from_seconds(options.interval);
    std::optional<analysis::Metrics> metrics;
    std::optional<run::MetricsFeed> feed;
    if (render::find_report_output(options.format)->needs_metrics)
        report.metrics = &metrics.emplace(options.metrics.resolve(run.context(), report.run));
    IntervalLines* lines = nullptr;
    ReportConsumer consumer(
        std::move(report), interval, run.context(),
        [&](report::Report r, bool is_last) -> Result<bool> {
            if (lines != nullptr) {
                lines->print(r);
                return to.flush();
            }
            report::ReportSet reports(std::move(r));
            if (feed) reports.hosts.front().metrics = feed->final_families();
            return to.print(std::move(reports), is_last);
        },
        !options.run->quiet && options.run->command.empty());
    if (metrics) feed.emplace(*metrics, consumer);
    std::optional<IntervalLines> interval_lines;
    if (interval && !options.full && options.format == "text")
        lines = &interval_lines.emplace(consumer, run.context(), run.sample(), screenful(),
                                        make_renderer(render::Format::table, to.out(),
                                                      {.colour = wants_colour(options.colour),
                                                       .width = table_width(),
                                                       .unicode = locale_is_utf8()}));
    run::Consumer& counted = lines ? *lines : feed ? static_cast<run::Consumer&>(*feed) : consumer;
    run::Selection selection(run.filter(), run.context(), counted, run.recorded_filters());
    run::PeriodGate gate(selection.entrance(), run.window());
    auto outcome = run.run(gate);
    if (!outcome) return tl::unexpected(outcome.error());
    outcome->totals = selection.selected(outcome->totals);
    spdlog::info(
        "{} seen; {}", seen_text(outcome->totals),
        render::loss_text(outcome->totals.lost, outcome->totals.holes, outcome->totals.unseen));
    return run.exit_status(*outcome);
}

/// Metrics are of one host and of one moment.
Result<void> check_metrics(const ReportCommand& options, std::size_t hosts) {
    if (!render::find_report_output(options.format)->needs_metrics) return {};
    if (options.interval > 0)
        return fail(ErrorCode::usage,
                    fmt::format("--format {} is of the whole run: leave out --interval; 'tcpdwell "
                                "serve' has current metrics",
                                options.format));
    if (hosts > 1)
        return fail(
            ErrorCode::usage,
            fmt::format("--format {} takes one host at a time, and the recordings are of {}",
                        options.format, hosts));
    return {};
}

Result<int> run_report(const ReportCommand& options) {
    analysis::ReportOptions report;
    if (!options.by.empty()) report.by = *analysis::split_from_name(options.by);
    for (const std::string& text : options.thresholds)
        if (auto set = report.thresholds.set(text); !set) return tl::unexpected(set.error());
    report.run.interval = options.interval > 0;
    if (!options.explain.empty()) return print_finding_help(options.explain, report.thresholds);
    if (options.run->if_exists == IfExists::replace && options.html.empty() &&
        options.run->write.empty())
        return fail(ErrorCode::usage,
                    "--force is of files that are written: add --html or --write");
    auto to = Destinations::open(options, report.thresholds);
    if (!to) return tl::unexpected(to.error());
    options.run->late_file = to->page();
    auto runs = ViewRun::prepare_each(*options.run);
    if (!runs) return tl::unexpected(runs.error());
    if (auto possible = check_metrics(options, runs->size()); !possible)
        return tl::unexpected(possible.error());
    if (runs->size() > 1) return report_several(std::move(*runs), report, *to, options);
    return report_one(std::move(runs->front()), std::move(report), *to, options);
}

std::string threshold_help() {
    std::string text = "Thresholds of findings (--threshold NAME=VALUE):\n";
    for (const analysis::ThresholdRow& row : analysis::Thresholds::rows()) {
        const std::string name =
            fmt::format("  {:<33}{:<6}", row.name, threshold_text(row.unit, row.preset));
        text += name + render::wrap(row.help, HelpFormatter::kWidth, std::string(name.size(), ' '))
                           .substr(name.size());
    }
    return text;
}

} // namespace

Action define_report(CLI::App& app) {
    auto options = std::make_shared<ReportCommand>();
    add_choice(app, "-b,--by", options->by, {"role", "service", "remote", "ending", "container"},
               "Split the dwell times");
    std::vector<std::string> formats;
    std::string format_help;
    for (const render::ReportOutput& output : render::report_outputs()) {
        formats.emplace_back(output.name);
        format_help +=
            fmt::format("{}{}: {}", format_help.empty() ? "" : "; ", output.name, output.help);
    }
    add_format(app, options->format, formats, "the sections of a report have no columns in common",
               format_help)
        ->capture_default_str();
    app.add_option(
           "--html", options->html,
           fmt::format("Also write the report as {} to this file", render::page_output().help))
        ->check(CLI::Validator(
            [](const std::string& file) { return file.empty() ? "it names no file" : ""; }, ""))
        ->type_name("FILE");
    auto* interval =
        add_duration(app, "-i,--interval", options->interval,
                     "A line each time this has passed, on what happened in it, as vmstat has "
                     "them: 1s, 10s; --format json: a report");
    app.add_flag("--full", options->full, "With -i: whole reports")->needs(interval);
    app.get_option("--html")->excludes(interval);
    add_number(app, "--rows", options->rows, 1'000'000,
               "Rows of a table of services, remote servers or ports in the text")
        ->capture_default_str();
    declare_metrics(app, options->metrics);
    app.add_option("--threshold", options->thresholds, "When something is a finding; see below")
        ->type_name("NAME=VALUE")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--explain", options->explain,
                   "Only explain this finding, and print the thresholds that apply to it")
        ->type_name("ID");
    declare_colour(app, options->colour);
    options->run = RunOptions::declare(app);
    options->run->filters->declare_sample(app);
    options->run->declare_recordings(app);
    app.footer(
        "Examples:\n"
        "  tcpdwell report                                   until Ctrl-C\n"
        "  tcpdwell report -d 5m --html report.html          five minutes, also as a page\n"
        "  tcpdwell report -i 10s --port 443                 what changes every ten seconds\n"
        "  tcpdwell report --by service -- ab -n 1000 http://127.0.0.1/\n"
        "  tcpdwell report -d 1m -f json | jq '.services[0]'  the service that closes first most\n"
        "  tcpdwell report -r web.tdw db.tdw                 two hosts, and both ends of each "
        "connection\n"
        "  tcpdwell report -r FILE --since -10m              the last ten minutes of a "
        "recording\n\n" +
        threshold_help() +
        "\nEach finding is explained by 'tcpdwell report --explain ID', and on the page. \nExit "
        "status: 0 fine, 1 failed, 2 bad usage, 3 can't trace, 4 events lost (--strict); with "
        "CMD, its status.");
    return [options] { return run_report(*options); };
}

} // namespace tcpdwell::cli
