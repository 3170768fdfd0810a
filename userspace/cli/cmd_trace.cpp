// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_trace.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <bit>

#include "base/log.h"
#include "cli/child_command.h"
#include "cli/filter_options.h"
#include "cli/terminal.h"
#include "cli/trace_printer.h"
#include "live/live_source.h"
#include "render/renderer.h"

namespace tcpdwell {
namespace {

constexpr std::size_t kSmallestBuffer = 64 << 10;
constexpr std::size_t kLargestBuffer = 1 << 30;

struct TraceOptions {
    bool connections = false;
    bool idle = false;
    std::string format = "table";
    std::string colour = "auto";
    std::size_t buffer_bytes = 16 << 20;
    double duration = 0;
    std::size_t max_connections = TrackerOptions{}.max_connections;
    bool strict = false;
    bool quiet = false;
    bool verbose = false;
    std::vector<std::string> command;
};

bool wants_colour(const std::string& word) { return word == "auto" ? stdout_takes_colour() : word == "always"; }

void print_summary(const PipelineOutcome& outcome, std::uint64_t printed, const TraceOptions& options) {
    const TrackerTotals& t = outcome.totals;
    spdlog::info("{} {} printed; {} transitions and {} connections seen; {}", printed,
                 options.connections ? "connections" : "transitions", t.transitions, t.connections,
                 t.lost == 0 ? "no event lost" : fmt::format("{} EVENTS LOST", t.lost));
    if (t.lost > 0)
        spdlog::warn(
            "events were lost because the buffer was full: connections that may be affected say \"seen\":\"gap\"; "
            "--buffer-size {} gives more room",
            std::min(options.buffer_bytes * 4, kLargestBuffer));
    if (t.evicted > 0) spdlog::warn("{} connections were given up for want of room; see --max-connections", t.evicted);
    if (outcome.quality.malformed + outcome.quality.unknown > 0)
        spdlog::warn("{} records could not be understood", outcome.quality.malformed + outcome.quality.unknown);
}

Result<int> run_trace(const TraceOptions& options, const FilterOptions& filter_options) {
    start_logging(options.quiet ? -1 : options.verbose ? 1 : 0);
    const auto filter = filter_options.resolve(FilterTarget::live);
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

    Output out(STDOUT_FILENO);
    Context context;
    TracePrinter printer(
        options.connections ? TracePrinter::What::connections : TracePrinter::What::transitions, options.idle, *filter,
        context, out, make_renderer(*format_from_name(options.format), out, TableStyle{wants_colour(options.colour)}));
    PipelineOptions pipeline;
    pipeline.tracker.max_connections = options.max_connections;
    if (options.duration > 0)
        pipeline.duration = std::chrono::nanoseconds(static_cast<std::int64_t>(options.duration * 1e9));
    const auto outcome = run_pipeline(**source, context, printer, pipeline, command ? &*command : nullptr);
    if (!outcome) return tl::unexpected(outcome.error());

    print_summary(*outcome, printer.printed(), options);
    if (outcome->command_status.value_or(0) != 0) return *outcome->command_status;
    return options.strict && outcome->totals.lost > 0 ? 4 : 0;
}

} // namespace

Action define_trace(CLI::App& app) {
    auto options = std::make_shared<TraceOptions>();
    app.add_flag("-c,--connections", options->connections,
                 "One line per connection, when its last trace has left the kernel");
    app.add_flag("--idle", options->idle, "With -c, also connections that nothing happened to: open before and after")
        ->needs("--connections");
    app.add_option("-f,--format", options->format, "table, jsonl or csv")
        ->check(CLI::IsMember({"table", "jsonl", "csv"}))
        ->capture_default_str();
    app.add_option("--color,--colour", options->colour,
                   "auto, always or never (auto: on a terminal, unless NO_COLOR is set)")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->capture_default_str();
    app.add_option("-d,--duration", options->duration, "Stop after this time: 30, 30s, 5m, 1h")
        ->transform(
            CLI::AsNumberWithUnit(std::map<std::string, double>{{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}}))
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
    auto filters = FilterOptions::declare(app);
    app.add_option("command", options->command, "After --: a command to run; tracing lasts as long as it does")
        ->type_name("CMD...");
    app.footer(
        "Examples:\n"
        "  tcpdwell trace                                    every transition on this host\n"
        "  tcpdwell trace -c --port 443                      finished connections of one port\n"
        "  tcpdwell trace -- curl -s http://127.0.0.1/       what one command does\n"
        "  tcpdwell trace -c -f jsonl --comm 'nginx*' | jq   for scripts\n"
        "\nTIME_WAIT is shown with its real length, so the line of a connection that this host closed first comes a "
        "minute\n"
        "after its last packet. Exit status: 0 fine, 1 failed, 2 bad usage, 3 can't trace, 4 events lost (--strict);\n"
        "with CMD, its status.");
    return [options, filters] { return run_trace(*options, *filters); };
}

} // namespace tcpdwell
