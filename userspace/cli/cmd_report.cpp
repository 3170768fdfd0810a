// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_report.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "cli/hosts_report.h"
#include "cli/output_file.h"
#include "cli/report_printer.h"
#include "cli/terminal.h"
#include "cli/view_run.h"
#include "render/html.h"
#include "render/loss_text.h"
#include "render/report_formats.h"
#include "run/selection.h"
#include "run/window_gate.h"

namespace tcpdwell {
namespace {

struct ReportCommand {
    std::string by;
    std::string format = "text";
    std::string html;
    std::string colour;
    double interval = 0;
    std::size_t rows = TextStyle{}.rows;
    std::vector<std::string> thresholds;
    std::shared_ptr<RunOptions> run;
};

Result<int> run_report(const ReportCommand& options) {
    ReportOptions report;
    if (!options.by.empty()) report.by = *split_from_name(options.by);
    for (const std::string& text : options.thresholds)
        if (auto set = report.thresholds.set(text); !set) return tl::unexpected(set.error());
    report.run.filter = options.run->filters->text();
    report.run.interval = options.interval > 0;
    std::optional<OutputFile> page;
    if (!options.html.empty()) {
        auto opened = OutputFile::open(options.html);
        if (!opened) return tl::unexpected(opened.error());
        page.emplace(std::move(*opened));
    }
    auto runs = ViewRun::prepare_each(*options.run);
    if (!runs) return tl::unexpected(runs.error());
    const TextStyle style{stdout_width(), wants_colour(options.colour), locale_is_utf8(), options.rows};
    if (runs->size() > 1) {
        if (options.interval > 0)
            return fail(ErrorCode::usage,
                        fmt::format("--interval takes one host at a time, and {} is of another one than {}",
                                    (*runs)[1].source_name(), (*runs)[0].source_name()));
        return report_hosts(std::move(*runs), {std::move(report), options.format == "json", style,
                                               page ? &*page : nullptr, !options.run->quiet});
    }
    ViewRun* const run = &runs->front();
    report.run.source = run->source_name();

    const auto render = [&](const Report& r) {
        return options.format == "json" ? report_json(r) + "\n" : report_text(r, style);
    };
    const auto keep = [&](const Report& r) -> Result<void> {
        return page ? page->write(report_page(report_json(r))) : Result<void>();
    };
    std::optional<Nanoseconds> interval;
    if (options.interval > 0) interval = Nanoseconds(static_cast<std::int64_t>(options.interval * 1e9));
    Output out(STDOUT_FILENO);
    ReportPrinter printer(std::move(report), interval, run->context(), out, render, keep,
                          !options.run->quiet && options.run->command.empty());
    Selection selection(run->filter(), run->context(), printer);
    PeriodGate gate(selection.entrance(), run->window());
    const auto outcome = run->run(gate);
    if (!outcome) return tl::unexpected(outcome.error());
    const TrackerTotals& totals = outcome->totals;
    spdlog::info("{} transitions and {} connections seen; {}", totals.transitions, totals.connections,
                 loss_text(totals.lost));
    return run->exit_status(*outcome);
}

std::string threshold_help() {
    std::string text = "Thresholds of findings (--threshold NAME=VALUE):\n";
    for (const ThresholdRow& row : Thresholds::rows()) {
        const std::string preset = row.unit == ThresholdRow::Unit::share      ? fmt::format("{:g}%", row.preset * 100)
                                   : row.unit == ThresholdRow::Unit::duration ? fmt::format("{:g}s", row.preset)
                                                                              : fmt::format("{:g}", row.preset);
        text += fmt::format("  {:<33}{:<6}{}\n", row.name, preset, row.help);
    }
    return text;
}

} // namespace

Action define_report(CLI::App& app) {
    auto options = std::make_shared<ReportCommand>();
    app.add_option("-b,--by", options->by, "Split the dwell times: role, service, remote or ending")
        ->check(CLI::IsMember({"role", "service", "remote", "ending"}));
    app.add_option("-f,--format", options->format, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    app.add_option("--html", options->html, "Also write the report as one self-contained page to this file")
        ->type_name("FILE");
    auto* interval = app.add_option("-i,--interval", options->interval,
                                    "A report each time this has passed, on what changed in it: 10s")
                         ->transform(time_with_unit())
                         ->check(CLI::PositiveNumber);
    app.get_option("--html")->excludes(interval);
    app.add_option("--rows", options->rows, "Rows of a table of services, remote servers or ports in the text")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--threshold", options->thresholds, "When something is a finding; see below")
        ->type_name("NAME=VALUE")
        ->delimiter(',')
        ->allow_extra_args(false);
    declare_colour(app, options->colour);
    options->run = RunOptions::declare(app);
    options->run->declare_recordings(app);
    app.footer("Examples:\n"
               "  tcpdwell report                                   until Ctrl-C\n"
               "  tcpdwell report -d 5m --html report.html          five minutes, also as a page\n"
               "  tcpdwell report -i 10s --port 443                 what changes every ten seconds\n"
               "  tcpdwell report --by service -- ab -n 1000 http://127.0.0.1/\n"
               "  tcpdwell report -d 1m -f json | jq '.services[0]' the service that closes first most\n"
               "  tcpdwell report -r web.tdw db.tdw                 two hosts, and what both tell of one connection\n"
               "  tcpdwell report -r FILE --since -10m              the last ten minutes of a recording\n\n" +
               threshold_help() +
               "\nEach finding is explained by 'tcpdwell explain ID'. Exit status: 0 fine, 1 failed, 2 bad usage, 3 "
               "can't trace,\n"
               "4 events lost (--strict); with CMD, its status.");
    return [options] { return run_report(*options); };
}

} // namespace tcpdwell
