// SPDX-License-Identifier: Apache-2.0
#include "cli/view_run.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <filesystem>

#include "base/counted.h"
#include "base/log.h"
#include "cli/command_line.h"
#include "cli/live_view.h"
#include "cli/option_values.h"
#include "cli/output_file.h"
#include "cli/window_options.h"
#include "run/keeper.h"

namespace tcpdwell::cli {
namespace {

constexpr std::size_t kSmallestBuffer = 64 << 10;
constexpr std::size_t kLargestBuffer = 1 << 30;

} // namespace

Result<std::vector<std::string>> recording_files(const std::vector<std::string>& paths) {
    std::vector<std::string> files;
    for (const std::string& path : paths) {
        std::error_code error;
        if (path == "-" || !std::filesystem::is_directory(
                               path, error)) { // - is standard input, whatever is called so
            files.push_back(path);
            continue;
        }
        const auto found = recording::recordings_in(path);
        if (!found) return tl::unexpected(found.error());
        for (const auto& [left_out, why] : found->others)
            spdlog::warn("{} {}, and is left out", left_out, why);
        files.insert(files.end(), found->recordings.begin(), found->recordings.end());
    }
    return files;
}

std::shared_ptr<RunOptions> RunOptions::declare(CLI::App& app) {
    auto options = std::make_shared<RunOptions>();
    add_duration(app, "-d,--duration", options->duration, "Stop after this time: 30s, 5m, 1h");
    add_size(app, "--buffer-size", options->buffer_bytes, {kSmallestBuffer, kLargestBuffer},
             "Size of the buffer for events from the kernel; rounded up to a power of two")
        ->default_str("16MiB");
    declare_probes(app, options->probes);
    app.add_flag("--no-numbers", options->probes.no_numbers,
                 "Without bytes, segments, round-trip times and queues of the connections");
    add_number(app, "--max-connections", options->max_connections, std::uint64_t{1} << 32,
               "Connections followed at the same time; the longest idle are given up first")
        ->capture_default_str();
    add_host_root(app, options->host_root);
    app.add_flag("--strict", options->strict,
                 "Exit with status 4 if events were lost or the recording is damaged");
    app.add_flag("-q,--quiet", options->quiet, "No summary on stderr, only warnings");
    app.add_flag("-v,--verbose", options->verbose, "Print more on stderr");
    options->filters = FilterOptions::declare(app);
    auto* command = app.add_option(kCommandArgument, options->command,
                                   "A command to run; tracing lasts as long as it does, and "
                                   "shows (trace, report) what it and its children do")
                        ->type_name("");
    app.add_option("--user", options->user, "Run the command as this user, not as root")
        ->type_name("NAME")
        ->needs(command);
    return options;
}

void RunOptions::declare_recordings(CLI::App& app) {
    auto* read =
        app.add_option("-r,--read", recordings,
                       "Read recordings, or folders of them, instead of the running kernel")
            ->type_name("FILE...");
    add_speed(app, "--speed", speed,
              "With -r: 1x replays at the pace of the recording, 10x ten times as fast (default: "
              "as fast as it can be read)")
        ->needs(read);
    app.add_flag("--all", all,
                 "With CMD: the connections of the whole host, not only those of CMD "
                 "and of the processes that it starts")
        ->needs(app.get_option(kCommandArgument));
    declare_window(app, window);
    filters->declare_connections(app);
    for (const char* option : {"--since", "--until", "--conn"}) app.get_option(option)->needs(read);
    app.add_option("-w,--write", write,
                   "Also record what is seen to this file; see 'tcpdwell record'")
        ->check(CLI::Validator(
            [](const std::string& file) {
                return file == "-" ? "standard output has what this command prints; give a file"
                                   : "";
            },
            ""))
        ->type_name("FILE")
        ->excludes(read);
    declare_force(app, if_exists);
    declare_write_errors(app)->needs(app.get_option("--write"));
    for (const char* live_only : {"--duration", "--buffer-size", "--host-root", "--probes", "--btf",
                                  "--no-numbers", kCommandArgument, "--user"})
        app.get_option(live_only)->excludes(read);
}

CLI::Option* RunOptions::declare_write_errors(CLI::App& app) {
    return add_choice(
               app, "--on-error", on_write_error, {"stop", "continue"},
               "If the recording can't be written: stop, or continue and leave out what can't be "
               "written")
        ->capture_default_str();
}

ViewRun::ViewRun(const RunOptions& options, event::Filter filter)
    : options_(options), filter_(std::move(filter)), context_(std::make_unique<run::Context>()) {}

Result<ViewRun> ViewRun::prepare(const RunOptions& options) {
    start_logging(options.quiet ? -1 : options.verbose ? 1 : 0);
    const bool replay = !options.recordings.empty();
    auto filter = options.filters->resolve(replay ? FilterTarget::recording : FilterTarget::live);
    if (!filter) return tl::unexpected(filter.error());
    ViewRun run(options, std::move(*filter));
    if (auto opened = replay ? run.open_recordings() : run.open_kernel(); !opened)
        return tl::unexpected(opened.error());
    return run;
}

Result<std::vector<ViewRun>> ViewRun::prepare_each(const RunOptions& options) {
    std::vector<ViewRun> runs;
    if (options.recordings.empty()) {
        auto run = prepare(options);
        if (!run) return tl::unexpected(run.error());
        runs.push_back(std::move(*run));
        return runs;
    }
    start_logging(options.quiet ? -1 : options.verbose ? 1 : 0);
    auto filter = options.filters->resolve(FilterTarget::recording);
    if (!filter) return tl::unexpected(filter.error());
    const auto files = recording_files(options.recordings);
    if (!files) return tl::unexpected(files.error());
    auto sources = recording::RecordingSource::open_by_host(*files);
    if (!sources) return tl::unexpected(sources.error());
    for (auto& source : *sources) {
        if (sources->size() > 1 && source->head().boot_id.empty())
            spdlog::warn("{} doesn't say which boot of which host it is of, and is treated as "
                         "a separate host",
                         fmt::join(source->paths(), " "));
        RunOptions own = options;
        if (sources->size() > 1) own.recordings = source->paths();
        ViewRun& run = runs.emplace_back(ViewRun(own, *filter));
        if (auto opened = run.replay(std::move(source)); !opened)
            return tl::unexpected(sources->size() == 1 ? opened.error()
                                                       : opened.error().context(run.source_name()));
    }
    return runs;
}

Result<void> ViewRun::open_recordings() {
    const auto files = recording_files(options_.recordings);
    if (!files) return tl::unexpected(files.error());
    auto source = recording::RecordingSource::open(*files);
    if (!source) return tl::unexpected(source.error());
    return replay(std::move(*source));
}

Result<void> ViewRun::replay(std::unique_ptr<recording::RecordingSource> source) {
    auto window = options_.window.resolve({source->head().clock, source->end()}, wall_now());
    if (!window) return tl::unexpected(window.error());
    window_ = *window;
    const auto last =
        window_.until ? std::optional(shifted(*window_.until, options_.reads_on)) : std::nullopt;
    source->set_options({options_.speed, window_.since, last});
    replay_ = source.get();
    source_ = std::move(source);
    return {};
}

Result<void> ViewRun::open_kernel() {
    if (!options_.command.empty())
        if (auto prepared = prepare_command(); !prepared) return prepared;
    if (!options_.write.empty()) {
        auto recorder = run::Recorder::open(
            options_.write, {filter_text(), options_.roll, options_.on_write_error == "continue",
                             from_seconds(options_.save_after), filter_, options_.if_exists});
        if (!recorder) return tl::unexpected(recorder.error());
        recorder_ = std::move(*recorder);
    }
    if (command_ || options_.late_file != nullptr)
        if (auto started = start_keeper(); !started) return started;
    // A recorder makes segments in its user's folder as long as it runs.
    const bool keeps_user = options_.keeps_user || (recorder_ && options_.roll.rolls());
    auto source = open_live_source(std::bit_ceil(options_.buffer_bytes), filter_, options_.probes,
                                   keeps_user, options_.serves, options_.host_root);
    if (!source) return tl::unexpected(source.error());
    source_ = std::move(*source);
    const std::string of_all =
        filter_.sample > 1 ? fmt::format(" one connection in {}", filter_.sample) : "";
    if (!command_) spdlog::info("tracing{}; Ctrl-C ends it", of_all);
    return {};
}

Result<void> ViewRun::prepare_command() {
    std::optional<run::CommandUser> user;
    if (!options_.user.empty()) {
        auto found = run::find_command_user(options_.user);
        if (!found) return tl::unexpected(found.error());
        user = std::move(*found);
    }
    const auto output =
        options_.write == "-" ? run::CommandOutput::to_stderr : run::CommandOutput::inherited;
    auto prepared = run::ChildCommand::prepare(options_.command, user, output);
    if (!prepared) return tl::unexpected(prepared.error());
    command_.emplace(std::move(*prepared));
    if (!options_.all) filter_.trees = {static_cast<std::uint32_t>(command_->pid())};
    return {};
}

/// For what is done at the end, or in between, with rights that are given up before.
Result<void> ViewRun::start_keeper() {
    PendingFile* const file = options_.late_file;
    run::KeeperDuties duties;
    if (command_) duties.command = command_->pid();
    duties.file = file;
    duties.in_child = [&] {
        if (command_) command_->close_gate();
        keep_rights_for(command_.has_value(), file != nullptr && file->publishing_takes_rights());
    };
    auto keeper = run::Keeper::start(duties);
    if (!keeper) return tl::unexpected(keeper.error());
    if (command_)
        command_->signal_through([keeper = *keeper](int number) { keeper->signal(number); });
    if (file != nullptr) file->publish_through([keeper = *keeper] { return keeper->publish(); });
    return {};
}

std::string ViewRun::source_name() const {
    if (options_.recordings.empty()) return "live";
    std::string names;
    for (const std::string& file : options_.recordings) names += (names.empty() ? "" : " ") + file;
    return names;
}

std::vector<event::Filter> ViewRun::recorded_filters() const {
    return replay_ ? replay_->head().filters : std::vector<event::Filter>();
}

std::string ViewRun::filter_text() const {
    std::string own = options_.filters->text();
    // Its name only: arguments may be secrets, and this is written into recordings.
    if (!filter_.trees.empty())
        own += fmt::format("{}-- {}", own.empty() ? "" : " ", options_.command.front());
    const std::string recorded = replay_ ? replay_->head().filter : "";
    if (own.empty() || recorded.empty() || own == recorded) return own.empty() ? recorded : own;
    return fmt::format("{}, recorded with {}", own, recorded);
}

std::string ViewRun::host_name() const { return replay_ ? replay_->head().host : ""; }

std::string ViewRun::boot_id() const { return replay_ ? replay_->head().boot_id : ""; }

Result<run::PipelineOutcome> ViewRun::run(run::Consumer& consumer, bool interpret) {
    run::PipelineOptions pipeline;
    pipeline.tracker.max_connections = options_.max_connections;
    pipeline.tracker.lines_at_close = options_.lines_at_close;
    pipeline.recorder = recorder_.get();
    pipeline.interpret = interpret;
    pipeline.stops_at_once = replay_ != nullptr;
    if (options_.duration > 0) pipeline.duration = from_seconds(options_.duration);
    auto outcome =
        run_pipeline(*source_, *context_, consumer, pipeline, command_ ? &*command_ : nullptr);
    if (outcome) warn(*outcome);
    return outcome;
}

void ViewRun::warn(const run::PipelineOutcome& outcome) const {
    const std::uint64_t lost =
        recorder_ ? std::max(recorder_->lost(), outcome.totals.lost) : outcome.totals.lost;
    if (lost > 0 && !replay_)
        spdlog::warn("events were lost because the buffer was full: connections that may be "
                     "affected have \"seen\":\"gap\"; "
                     "--buffer-size {} makes it larger",
                     std::min(options_.buffer_bytes * 4, kLargestBuffer));
    if (recorder_ && recorder_->totals().dropped > 0)
        spdlog::warn("{} could not be written to {}: it has a hole there",
                     counted(recorder_->totals().dropped, "record"), recorder_->path());
    if (lost > 0 && replay_) spdlog::warn("events were lost when this was recorded");
    if (outcome.totals.evicted > 0)
        spdlog::warn("{} given up for want of room; --max-connections N allows more",
                     counted(outcome.totals.evicted, "connection"));
    if (outcome.quality.malformed + outcome.quality.unknown > 0)
        spdlog::warn("{} could not be understood",
                     counted(outcome.quality.malformed + outcome.quality.unknown, "record"));
    if (outcome.quality.dropped > 0)
        spdlog::warn("{} dropped for want of room: facts, paths of cgroups, or events of more than "
                     "{} network namespaces",
                     counted(outcome.quality.dropped, "record"), event::Decoder::kMostNamespaces);
    if (outcome.totals.holes > 0)
        spdlog::warn("the recording has {}, in which events are missing",
                     counted(outcome.totals.holes, "hole"));
    if (!replay_) return;
    const recording::Damage damage = replay_->damage();
    if (damage.any())
        spdlog::warn("the recording is damaged: {}; what is intact was read", describe(damage));
    else if (damage.cut_off)
        spdlog::warn(
            "the recording has no end: it is still being written, or its writer was killed");
}

int ViewRun::exit_status(const run::PipelineOutcome& outcome) const {
    if (outcome.command_status.value_or(0) != 0) return *outcome.command_status;
    const std::uint64_t missing = outcome.totals.lost + outcome.totals.holes +
                                  outcome.totals.unseen + outcome.quality.dropped;
    const bool is_lossy = missing > 0 || (replay_ && replay_->damage().any()) ||
                          (recorder_ && (recorder_->lost() > 0 || recorder_->totals().dropped > 0));
    return options_.strict && is_lossy ? 4 : 0;
}

} // namespace tcpdwell::cli
