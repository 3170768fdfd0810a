// SPDX-License-Identifier: Apache-2.0
#include "cli/window_options.h"

namespace tcpdwell::cli {

void declare_window(CLI::App& app, run::WindowOptions& window) {
    // An empty shell variable is a mistake, not the whole recording.
    const auto is_given = CLI::Validator(
        [](const std::string& text) {
            return std::string(text.empty() ? "a time is missing" : "");
        },
        "");
    app.add_option("--since", window.since,
                   "Only what happened from then on: 18:04, '2026-11-21 18:04', yesterday, "
                   "'1 hour ago', 2026-11-21T18:04:17Z, +90s from the beginning of the recording, "
                   "-10m before its end")
        ->check(is_given)
        ->type_name("TIME");
    app.add_option("--until", window.until, "Only what happened until then; the same forms")
        ->check(is_given)
        ->type_name("TIME");
}

} // namespace tcpdwell::cli
