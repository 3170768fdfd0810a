// SPDX-License-Identifier: Apache-2.0
#include "cli/flight_recorder_options.h"

#include <fmt/format.h>
#include <signal.h>

#include <map>

#include "cli/option_values.h"

namespace tcpdwell::cli {

void FlightRecorderOptions::declare(CLI::App& app, RunOptions& run,
                                    const std::vector<std::string>& dump_signals) {
    constexpr std::uint64_t least_bytes = 1 << 20;
    add_duration(app, "--keep", keep, "Hold the last 30m, 2h ..., in a folder of segments");
    add_size(app, "--max-size", max_bytes, {.least = least_bytes},
             "Hold at most 500M, 1G ..., in a folder too");
    of_saving_.push_back(add_size(app, "--max-saved", max_saved, {.least = least_bytes},
                                  "What is saved may take so much besides; the oldest goes")
                             ->default_str("4 times --max-size, or 4G"));
    add_choice(app, "--dump-on", dump_on, dump_signals, "Save what is held when this signal comes");
    app.add_option("--trigger", triggers, "Save what is held when this becomes true; see below")
        ->type_name("CONDITION")
        ->allow_extra_args(false);
    run.save_after = 60;
    of_saving_.push_back(add_duration(app, "--after", run.save_after,
                                      "How much of what follows is saved as well", Zero::allowed)
                             ->default_str("1m"));
}

Result<std::vector<run::Trigger>> FlightRecorderOptions::apply_to(RunOptions& run) const {
    if (keep > 0) run.roll.keep = from_seconds(keep);
    if (max_bytes > 0) run.roll.max_bytes = max_bytes;
    if (max_saved > 0) run.roll.max_saved = max_saved;
    if (saves() && !rolls())
        return fail(
            ErrorCode::usage,
            "--dump-on and --trigger save what is held: set the amount with --keep or --max-size");
    for (const CLI::Option* option : of_saving_)
        if (!saves() && option->count() > 0)
            return fail(ErrorCode::usage,
                        fmt::format("{} is of what is saved: add --trigger or --dump-on",
                                    option->get_name()));
    std::vector<run::Trigger> parsed;
    for (const std::string& text : triggers) {
        auto trigger = run::Trigger::parse(text);
        if (!trigger) return tl::unexpected(trigger.error());
        parsed.push_back(std::move(*trigger));
    }
    return parsed;
}

std::optional<int> FlightRecorderOptions::dump_signal() const {
    static const std::map<std::string, int> numbers{
        {"SIGUSR1", SIGUSR1}, {"SIGUSR2", SIGUSR2}, {"SIGHUP", SIGHUP}};
    return dump_on.empty() ? std::nullopt : std::optional(numbers.at(dump_on));
}

} // namespace tcpdwell::cli
