// SPDX-License-Identifier: Apache-2.0
#include "cli/live_run.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>

#include "base/log.h"
#include "live/live_source.h"

namespace tcpdwell {
namespace {

constexpr std::size_t kSmallestBuffer = 64 << 10;
constexpr std::size_t kLargestBuffer = 1 << 30;

void warn(const PipelineOutcome& outcome, const LiveRunOptions& options) {
    if (outcome.totals.lost > 0)
        spdlog::warn(
            "events were lost because the buffer was full: connections that may be affected say \"seen\":\"gap\"; "
            "--buffer-size {} gives more room",
            std::min(options.buffer_bytes * 4, kLargestBuffer));
    if (outcome.totals.evicted > 0)
        spdlog::warn("{} connections were given up for want of room; see --max-connections", outcome.totals.evicted);
    if (outcome.quality.malformed + outcome.quality.unknown > 0)
        spdlog::warn("{} records could not be understood", outcome.quality.malformed + outcome.quality.unknown);
}

} // namespace

CLI::AsNumberWithUnit time_with_unit() {
    return CLI::AsNumberWithUnit(std::map<std::string, double>{{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}});
}

std::shared_ptr<LiveRunOptions> LiveRunOptions::declare(CLI::App& app) {
    auto options = std::make_shared<LiveRunOptions>();
    app.add_option("-d,--duration", options->duration, "Stop after this time: 30, 30s, 5m, 1h")
        ->transform(time_with_unit())
        ->check(CLI::PositiveNumber);
    app.add_option("--buffer-size", options->buffer_bytes,
                   "Room for events on their way from the kernel; rounded up to a power of two")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::Range(kSmallestBuffer, kLargestBuffer))
        ->default_str("16MiB");
    app.add_option("--max-connections", options->max_connections,
                   "Connections followed at the same time; the longest idle are given up first")
        ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 32))
        ->capture_default_str();
    app.add_flag("--strict", options->strict, "Exit with status 4 if events were lost");
    app.add_flag("-q,--quiet", options->quiet, "No summary on stderr, only warnings");
    app.add_flag("-v,--verbose", options->verbose, "Say more on stderr");
    options->filters = FilterOptions::declare(app);
    app.add_option("command", options->command, "After --: a command to run; tracing lasts as long as it does")
        ->type_name("CMD...");
    return options;
}

LiveRun::LiveRun(const LiveRunOptions& options, Filter filter, std::optional<ChildCommand> command,
                 std::unique_ptr<EventSource> source)
    : options_(options), filter_(std::move(filter)), command_(std::move(command)), source_(std::move(source)),
      context_(std::make_unique<Context>()) {}

Result<LiveRun> LiveRun::prepare(const LiveRunOptions& options) {
    start_logging(options.quiet ? -1 : options.verbose ? 1 : 0);
    auto filter = options.filters->resolve(FilterTarget::live);
    if (!filter) return tl::unexpected(filter.error());
    std::optional<ChildCommand> command;
    if (!options.command.empty()) {
        auto prepared = ChildCommand::prepare(options.command);
        if (!prepared) return tl::unexpected(prepared.error());
        command.emplace(std::move(*prepared));
    }
    auto source = LiveSource::open(LiveOptions{std::bit_ceil(options.buffer_bytes), *filter});
    if (!source) return tl::unexpected(source.error());
    if (!command) spdlog::info("tracing; Ctrl-C ends it");
    return LiveRun(options, std::move(*filter), std::move(command), std::move(*source));
}

Result<PipelineOutcome> LiveRun::run(Consumer& consumer) {
    PipelineOptions pipeline;
    pipeline.tracker.max_connections = options_.max_connections;
    if (options_.duration > 0)
        pipeline.duration = std::chrono::nanoseconds(static_cast<std::int64_t>(options_.duration * 1e9));
    auto outcome = run_pipeline(*source_, *context_, consumer, pipeline, command_ ? &*command_ : nullptr);
    if (outcome) warn(*outcome, options_);
    return outcome;
}

int LiveRun::exit_status(const PipelineOutcome& outcome) const {
    if (outcome.command_status.value_or(0) != 0) return *outcome.command_status;
    return options_.strict && outcome.totals.lost > 0 ? 4 : 0;
}

} // namespace tcpdwell
