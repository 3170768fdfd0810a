// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_record.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "cli/progress_line.h"
#include "cli/view_run.h"

namespace tcpdwell {
namespace {

/// Recording interprets nothing: a better tracker can read it anew.
class Onlooker final : public Consumer {
public:
    explicit Onlooker(bool shows_progress) : progress_(shows_progress) {}

    void watch(const Recorder* recorder) { recorder_ = recorder; }
    void begin(const Context&) override {}
    Result<bool> flush(const RunState& state) override {
        if (!begin_) begin_ = state.now;
        const recording::WriterTotals totals = recorder_->totals();
        progress_.show(std::max(state.now - *begin_, Nanoseconds(0)),
                       fmt::format("{} records, {} KB; Ctrl-C ends it", totals.records, totals.file_bytes / 1000));
        return true;
    }
    Result<void> finish() override {
        progress_.clear();
        return {};
    }
    void on_transition(const TransitionLine&) override {}
    void on_connection(const ConnectionLine&) override {}
    void on_lost(const LostLine&) override {}

private:
    ProgressLine progress_;
    const Recorder* recorder_ = nullptr;
    std::optional<MonoTime> begin_;
};

Result<int> run_record(const RunOptions& options) {
    auto run = ViewRun::prepare(options);
    if (!run) return tl::unexpected(run.error());
    Onlooker onlooker(!options.quiet && options.command.empty());
    onlooker.watch(run->recorder());
    const auto outcome = run->run(onlooker, false);
    if (!outcome) return tl::unexpected(outcome.error());
    const recording::WriterTotals totals = run->recorder()->totals();
    spdlog::info(
        "{} records in {} bytes, {:.1f} times as large in memory; {}", totals.records, totals.file_bytes,
        static_cast<double>(totals.raw_bytes) / static_cast<double>(std::max<std::uint64_t>(totals.file_bytes, 1)),
        run->recorder()->lost() == 0 ? "no event lost" : fmt::format("{} EVENTS LOST", run->recorder()->lost()));
    return run->exit_status(*outcome);
}

} // namespace

Action define_record(CLI::App& app) {
    auto options = RunOptions::declare(app);
    app.add_option("-o,--output", options->write, "File to write; - is standard output")->type_name("FILE")->required();
    app.footer(
        "Examples:\n"
        "  tcpdwell record -o incident.tdw                 until Ctrl-C\n"
        "  tcpdwell record -o run.tdw -- ./load-test       as long as the command runs\n"
        "  tcpdwell report -r incident.tdw                 anywhere, without root\n"
        "  tcpdwell trace -r incident.tdw --speed 1x       as it was\n"
        "  tcpdwell record -o - | ssh archive 'cat >host.tdw'\n"
        "\nWhat was written up to a second before a crash or SIGKILL can be read. The file holds addresses, ports and\n"
        "names of processes.");
    return [options] { return run_record(*options); };
}

} // namespace tcpdwell
