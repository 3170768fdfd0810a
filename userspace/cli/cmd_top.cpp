// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_top.h"

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/command_line.h"
#include "cli/option_values.h"
#include "cli/terminal.h"
#include "cli/view_run.h"
#include "run/selection.h"
#include "run/window_gate.h"
#include "screen/curses_terminal.h"
#include "screen/top_view.h"

namespace tcpdwell::cli {
namespace {

constexpr double kShortestInterval = 0.1;
constexpr double kSlowestPlay = 0.1;
constexpr double kFastestPlay = 1000;

struct TopCommand {
    double interval = 1;
    double speed = 1; ///< 0: as fast as it can be read
    std::vector<std::string> thresholds;
    std::string colour;
    std::shared_ptr<RunOptions> run;
};

/// What lasts from run to run: where somebody goes back in a recording, the next one begins.
struct TopSession {
    analysis::ReportOptions report;
    screen::ViewState view;
    screen::Playback playback;
    std::optional<HeldLog> log; ///< goes after the terminal, which it would write across
    std::unique_ptr<screen::Terminal> terminal;
};

/// nullopt: there is to be another run, from `session.playback` on.
Result<std::optional<int>> run_once(const TopCommand& options, TopSession& session) {
    auto run = ViewRun::prepare(*options.run);
    if (!run) return tl::unexpected(run.error());
    screen::TopOptions top{session.report, from_seconds(options.interval), {}, std::nullopt};
    top.report.run.source = top.source.name = run->source_name();
    top.report.run.filter = top.source.filter = run->filter_text();
    top.report.run.sample = run->sample();
    screen::Player* player = nullptr;
    if (const auto* recording = run->recording()) {
        top.end = recording->end();
        if (run->window().since && !session.playback.target)
            session.playback.target = run->window().since;
        run->watch_through([&](std::unique_ptr<event::EventSource> source) {
            auto owned = std::make_unique<screen::Player>(std::move(source), session.playback);
            player = owned.get();
            return owned;
        });
    }
    if (!session.terminal) {
        auto opened = screen::open_terminal(wants_colour(options.colour));
        if (!opened) return tl::unexpected(opened.error());
        session.log.emplace();
        session.terminal = std::move(*opened);
    }
    screen::TopView view(std::move(top), run->context(), *session.terminal, player, session.view);
    run::Selection selection(run->filter(), run->context(), view, run->recorded_filters());
    run::PeriodGate gate(selection.entrance(), run->window());
    const auto outcome = run->run(gate);
    if (!outcome) return tl::unexpected(outcome.error());
    if (const auto target = view.rewind_to(); target && !outcome->interrupted) {
        session.playback = player->playback();
        session.playback.target = target;
        return std::nullopt;
    }
    return run->exit_status(*outcome);
}

Result<int> run_top(const TopCommand& options) {
    if (options.interval < kShortestInterval)
        return fail(ErrorCode::usage, "--interval: screens are drawn every 100ms at most");
    if (auto checked = screen::check_terminal(); !checked) return tl::unexpected(checked.error());
    TopSession session;
    for (const std::string& text : options.thresholds)
        if (auto set = session.report.thresholds.set(text); !set)
            return tl::unexpected(set.error());
    session.playback.speed = options.speed;
    while (true) {
        const auto status = run_once(options, session);
        if (!status) return tl::unexpected(status.error());
        if (*status) return **status;
    }
}

/// --speed as the other views have it, but that a full screen is played unless it is to be read as
/// fast as possible.
void declare_speed(CLI::App& app, double& speed) {
    app.remove_option(app.get_option("--speed"));
    const auto read = [](std::string& text) -> std::string {
        const std::string number = text.ends_with('x') ? text.substr(0, text.size() - 1) : text;
        double factor = 0;
        const bool is_right = CLI::detail::lexical_cast(number, factor) && factor >= kSlowestPlay &&
                              factor <= kFastestPlay;
        if (text != "max" && !is_right)
            return fmt::format("'{}' isn't a speed from 0.1x to 1000x, or max", printable(text));
        text = text == "max" ? "0" : number;
        return {};
    };
    app.add_option("--speed", speed,
                   "With -r: 1x plays at the pace of the recording, 10x ten times as fast, max as "
                   "fast as it can be read")
        ->transform(CLI::Validator(read, ""))
        ->type_name("SPEED")
        ->default_str("1x")
        ->needs(app.get_option("--read"));
}

} // namespace

Action define_top(CLI::App& app) {
    auto options = std::make_shared<TopCommand>();
    add_duration(app, "-i,--interval", options->interval,
                 "Time between two refreshes, at least 100ms")
        ->default_str("1s");
    app.add_option("--threshold", options->thresholds,
                   "When something is a finding; see 'tcpdwell report --help'")
        ->type_name("NAME=VALUE")
        ->delimiter(',')
        ->allow_extra_args(false);
    declare_colour(app, options->colour);
    options->run = RunOptions::declare(app);
    options->run->filters->declare_sample(app);
    options->run->declare_recordings(app);
    app.get_option("--force")->needs(app.get_option("--write"));
    // The terminal is the view's: no command can have it too, and nothing is said beside it.
    for (const char* other : {"--user", "--all", kCommandArgument, "--quiet"})
        app.remove_option(app.get_option(other));
    options->run->quiet = true;
    declare_speed(app, options->speed);
    app.footer(
        "Keys: ? shows all. Tab or 1 to 5 choose a table, < and > the column to order by, / "
        "filters, "
        "Enter opens a row, f the findings, space freezes, the left and right arrows seek in a "
        "recording, q quits.\n\n"
        "Examples:\n"
        "  tcpdwell top                                      this host, now\n"
        "  tcpdwell top --port 443 -i 5s                     one port, every five seconds\n"
        "  tcpdwell top -r incident.tdw --speed 10x          a recording, ten times as fast\n"
        "  tcpdwell top -r incident.tdw --speed max          its end\n\n"
        "States, rates and OPENS/S are of now; other counts, and findings, of the time since the "
        "beginning, or since the key z. Exit status: 0 fine, 1 failed, 2 bad usage, 3 can't "
        "trace, "
        "4 events lost (--strict).");
    return [options] { return run_top(*options); };
}

} // namespace tcpdwell::cli
