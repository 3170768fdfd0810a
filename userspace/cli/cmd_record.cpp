// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_record.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "base/counted.h"
#include "cli/flight_recorder_options.h"
#include "cli/output_file.h"
#include "cli/progress_line.h"
#include "render/loss_text.h"
#include "run/selection.h"
#include "run/signals.h"
#include "run/trigger_watch.h"

namespace tcpdwell::cli {
namespace {

struct RecordCommand {
    std::shared_ptr<RunOptions> run;
    FlightRecorderOptions recorder;
    std::vector<std::string> thresholds;
};

/// What counts as a finding for --trigger. ErrorCode::usage: a threshold can't be.
Result<analysis::ReportOptions> report_options(const RecordCommand& options) {
    analysis::ReportOptions report;
    for (const std::string& text : options.thresholds)
        if (auto set = report.thresholds.set(text); !set) return tl::unexpected(set.error());
    report.run.sample = options.run->filters->sample();
    return report;
}

/// Shows progress, and saves what is held when a signal or a trigger requests it. Interpreted data
/// is discarded: a later version of the tracker can process the recording again.
class RecordMonitor final : public run::Consumer {
public:
    RecordMonitor(run::Recorder& recorder, run::NotedSignal* signal, bool shows_progress)
        : recorder_(recorder), signal_(signal), progress_(shows_progress) {}

    void save(std::string_view reason) {
        progress_.clear();
        // What can't be saved now may be saved next time: the recording goes on.
        if (auto saved = recorder_.save(reason); !saved) spdlog::error("{}", saved.error().message);
    }

    void begin(const run::Context&) override {}
    Result<bool> flush(const run::RunState& state) override {
        if (!begin_) begin_ = state.now;
        if (signal_ != nullptr && signal_->take()) save("signal");
        const recording::WriterTotals totals = recorder_.totals();
        progress_.show(std::max(state.now - *begin_, Nanoseconds(0)),
                       fmt::format("{}, {} KB; Ctrl-C ends it", counted(totals.records, "record"),
                                   totals.file_bytes / 1000));
        return true;
    }
    Result<void> finish() override {
        progress_.clear();
        return {};
    }
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}

private:
    run::Recorder& recorder_;
    run::NotedSignal* signal_; ///< nullptr: none
    ProgressLine progress_;
    std::optional<MonoTime> begin_;
};

Result<int> run_record(const RecordCommand& options) {
    RunOptions& run_options = *options.run;
    auto triggers = options.recorder.apply_to(run_options);
    if (!triggers) return tl::unexpected(triggers.error());
    auto report = report_options(options);
    if (!report) return tl::unexpected(report.error());
    std::optional<run::NotedSignal> signal;
    if (const auto number = options.recorder.dump_signal()) signal.emplace(*number);

    auto run = ViewRun::prepare(run_options);
    if (!run) return tl::unexpected(run.error());
    RecordMonitor onlooker(*run->recorder(), signal ? &*signal : nullptr,
                           !run_options.quiet && run_options.command.empty());
    const bool interprets = !triggers->empty();
    run::TriggerWatch watch(
        std::move(*triggers), [&](const std::string& trigger) { onlooker.save(trigger); },
        std::move(*report), run->context(), onlooker);
    run::Selection selection(run->filter(), run->context(), watch);
    const auto outcome = run->run(selection.entrance(), interprets);
    if (!outcome && outcome.error().error_number == EPIPE && run_options.write == "-")
        return 0; // the reader has closed the pipe
    if (!outcome) return tl::unexpected(outcome.error());
    const recording::WriterTotals totals = run->recorder()->totals();
    spdlog::info("{} in {} bytes, {:.0f} % of their size in memory; {}",
                 counted(totals.records, "record"), totals.file_bytes,
                 100 * static_cast<double>(totals.file_bytes) /
                     static_cast<double>(std::max<std::uint64_t>(totals.raw_bytes, 1)),
                 render::loss_text(run->recorder()->lost(), 0, 0));
    return run->exit_status(*outcome);
}

} // namespace

Action define_record(CLI::App& app) {
    auto options = std::make_shared<RecordCommand>();
    options->run = RunOptions::declare(app);
    options->run->filters->declare_sample(app);
    options->run->all = true; // views can leave out, but not add
    app.add_option("-o,--output", options->run->write,
                   "File to write; - is standard output, and what CMD prints then goes to standard "
                   "error")
        ->type_name("FILE")
        ->required();
    declare_force(app, options->run->if_exists);
    options->run->declare_write_errors(app);
    options->recorder.declare(app, *options->run, {"SIGUSR1", "SIGUSR2", "SIGHUP"});
    app.add_option("--threshold", options->thresholds,
                   "When something is a finding; see 'tcpdwell report --help'")
        ->type_name("NAME=VALUE")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->needs(app.get_option("--trigger"));
    app.footer("Examples:\n"
               "  tcpdwell record -o incident.tdw                 until Ctrl-C\n"
               "  tcpdwell record -o run.tdw -- ./load-test       as long as the command runs, the "
               "whole host\n"
               "  tcpdwell report -r incident.tdw                 anywhere, without root\n"
               "  tcpdwell trace -r incident.tdw --speed 1x       at its own pace\n"
               "  tcpdwell record -o - | ssh archive 'cat >host.tdw'\n"
               "A flight recorder, which always holds the last half hour in at most 1 GB:\n"
               "  tcpdwell record -o /var/lib/tcpdwell --keep 30m --max-size 1G \\\n"
               "      --trigger 'time_wait>20000'\n"
               "  tcpdwell report -r /var/lib/tcpdwell/saved-*    what it saved\n"
               "Conditions: 'time_wait>20000' sockets in a state; 'reset_sent>100/s' connections "
               "that ended so, per s, m or "
               "h; 'close_wait_leak' a finding of a report on the last minute. Each may be given "
               "more than once. Segments that are only held are removed when they are too old or "
               "too many, what is saved when all that is saved is more than --max-saved.\n"
               "\nWhat was written up to a second before a crash or SIGKILL can be read. The file "
               "holds addresses, ports and names of processes.");
    return [options] { return run_record(*options); };
}

} // namespace tcpdwell::cli
