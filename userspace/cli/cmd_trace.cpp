// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_trace.h"
#include "cli/enum_words.h"
#include "cli/option_values.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/counted.h"
#include "cli/terminal.h"
#include "cli/trace_printer.h"
#include "cli/view_run.h"
#include "render/loss_text.h"
#include "render/renderer.h"
#include "render/selected_columns.h"
#include "report/schemas.h"
#include "run/selection.h"
#include "run/window_gate.h"

namespace tcpdwell::cli {
namespace {

struct TraceOptions {
    bool connections = false;
    bool idle = false;
    bool wide = false;
    std::vector<std::string> columns;
    std::uint64_t most = 0; ///< lines; 0: all
    std::string format = "table";
    std::string colour = "auto";
    std::shared_ptr<RunOptions> run;
};

void print_summary(const run::PipelineOutcome& outcome, std::uint64_t printed,
                   const TraceOptions& options) {
    const track::TrackerTotals& t = outcome.totals;
    spdlog::info("{} printed; {} and {} seen; {}",
                 counted(printed, options.connections ? "connection" : "transition"),
                 counted(t.transitions, "transition"), counted(t.connections, "connection"),
                 render::loss_text(t.lost, t.holes, t.unseen));
}

Result<std::unique_ptr<render::Renderer>> renderer_of(const TraceOptions& options,
                                                      render::Output& out) {
    const render::TableStyle style{.colour = wants_colour(options.colour),
                                   .width = options.wide ? 0 : table_width(),
                                   .unicode = locale_is_utf8()};
    auto renderer = make_renderer(*from_word<render::Format>(options.format), out, style);
    if (options.columns.empty()) return renderer;
    return render::select_columns(std::move(renderer),
                                  options.connections ? report::connection_schema()
                                                      : report::transition_schema(),
                                  options.columns);
}

Result<int> run_trace(const TraceOptions& options) {
    render::Output out(STDOUT_FILENO);
    render::Output rendered(-1);
    const auto what =
        options.connections ? TracePrinter::What::connections : TracePrinter::What::transitions;
    auto renderer = renderer_of(options, rendered);
    if (!renderer) return tl::unexpected(renderer.error());
    auto run = ViewRun::prepare(*options.run);
    if (!run) return tl::unexpected(run.error());
    TracePrinter::Options printed{.what = what, .idle = options.idle};
    if (options.most > 0) printed.most = options.most;
    TracePrinter printer(printed, run->context(), rendered, std::move(*renderer), out);
    run::Selection selection(run->filter(), run->context(), printer, run->recorded_filters());
    run::LineGate gate(selection.entrance(), run->window());
    auto outcome = run->run(gate);
    if (!outcome) return tl::unexpected(outcome.error());
    outcome->totals = selection.selected(outcome->totals);
    print_summary(*outcome, printer.printed(), options);
    return run->exit_status(*outcome);
}

} // namespace

Action define_trace(CLI::App& app) {
    auto options = std::make_shared<TraceOptions>();
    app.add_flag("-c,--connections", options->connections,
                 "One line per connection, when its last trace has left the kernel");
    app.add_flag("--idle", options->idle,
                 "With -c, also connections that nothing happened to: open before and after")
        ->needs("--connections");
    add_format(app, options->format, enum_words<render::Format>(),
               "lines have columns, and table shows them to people",
               "How lines are printed; json: all of them in one array")
        ->capture_default_str();
    app.add_option("-o,--columns", options->columns,
                   "These columns, in this order: the keys of -f jsonl, explained by 'tcpdwell "
                   "explain columns'")
        ->type_name("COLUMN[,...]")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_flag("--wide", options->wide,
                 "Tables with all columns, and no cell cut, on a terminal too");
    add_number(app, "-n,--lines", options->most, std::numeric_limits<std::uint32_t>::max(),
               "End after so many lines");
    declare_colour(app, options->colour);
    options->run = RunOptions::declare(app);
    options->run->filters->declare_sample(app);
    app.add_flag("--at-close", options->run->lines_at_close,
                 "With -c, the line of a connection that this end closed first comes when it is "
                 "closed, its TIME_WAIT going on; without, a minute later")
        ->needs("--connections");
    options->run->declare_recordings(app);
    app.get_option("--force")->needs(app.get_option("--write"));
    options->run->reads_on = run::LineGate::kReportedLate;
    app.footer(
        "Examples:\n"
        "  tcpdwell trace                                    every transition on this host\n"
        "  tcpdwell trace -c --port 443                      finished connections of one port\n"
        "  tcpdwell trace -- curl -s http://127.0.0.1/       the connections of one command\n"
        "  tcpdwell trace -c -f jsonl --comm 'nginx*' | jq   for scripts\n"
        "  tcpdwell trace -r FILE --since 18:04 --until 18:05   one minute of a recording\n"
        "\n--since and --until choose by when a state was left or a connection ended; with "
        "--until, connections that are still open aren't listed.\n"
        "\nTIME_WAIT is shown with its real length, so the line of a connection that this host "
        "closed first comes a minute after its last packet (but see --at-close).\n"
        "Exit status: 0 fine, 1 failed, 2 bad usage, 3 can't trace, 4 events lost (--strict); "
        "with CMD, its status.");
    return [options] { return run_trace(*options); };
}

} // namespace tcpdwell::cli
