// SPDX-License-Identifier: Apache-2.0
#include "cli/cmd_check.h"

#include <memory>
#include <string>

#include "cli/live_view.h"
#include "cli/option_values.h"

namespace tcpdwell::cli {

Action define_check(CLI::App& app) {
    const auto format = std::make_shared<std::string>("text");
    const auto options = std::make_shared<ProbeTexts>();
    app.footer("Exit status: 0 if tracing is possible, 3 if it isn't.");
    add_format(app, *format, {"text", "table", "json", "jsonl", "csv"}, "",
               "How to print it; jsonl, csv and table: one line for each check")
        ->capture_default_str();
    declare_probes(app, *options);
    return [format, options] { return check_host(*format, *options); };
}

} // namespace tcpdwell::cli
