// SPDX-License-Identifier: Apache-2.0
#include "cli/program.h"

#include <string>
#include <utility>

namespace tcpdwell::cli {

void define_program(CLI::App& app, Action& chosen) {
    app.description("tcpdwell: which TCP states connections pass, how long each lasts, who closes "
                    "first, and why they end.\n"
                    "TIME_WAIT and SYN_RECV are shown as the kernel really keeps them.");
    app.set_version_flag("--version", "tcpdwell " TCPDWELL_VERSION);
    app.require_subcommand(1);
    app.get_formatter()->column_width(34);
    for (const Command& command : commands()) {
        CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
        Action action = command.define(*sub);
        sub->callback([&chosen, action = std::move(action)] { chosen = action; });
    }
    app.footer("tcpdwell COMMAND --help lists the options of a command. Tracing needs root.");
}

} // namespace tcpdwell::cli
