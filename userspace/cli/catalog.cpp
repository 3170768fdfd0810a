// SPDX-License-Identifier: Apache-2.0
// The subcommands.
#include <array>

#include "cli/cmd_census.h"
#include "cli/cmd_check.h"
#include "cli/cmd_copy.h"
#include "cli/cmd_explain.h"
#include "cli/cmd_export.h"
#include "cli/cmd_info.h"
#include "cli/cmd_record.h"
#include "cli/cmd_report.h"
#include "cli/cmd_serve.h"
#include "cli/cmd_top.h"
#include "cli/cmd_trace.h"
#include "cli/command.h"

namespace tcpdwell::cli {

std::span<const Command> commands() {
    static constexpr std::array kCommands{
        Command{"trace", "Print state transitions, or finished connections, as they happen",
                define_trace},
        Command{"report", "Report how long states last, who closes first, and what is wrong",
                define_report},
        Command{"top", "Show what goes on now, on a full screen, live or from a recording",
                define_top},
        Command{"record",
                "Write everything that is seen to a file, for trace and report to read later",
                define_record},
        Command{"serve", "Trace for ever, with metrics and the current report over HTTP",
                define_serve},
        Command{"export",
                "Send ended connections, sums and findings to ClickHouse or OpenTelemetry",
                define_export},
        Command{"info", "Describe a recording, and check whether it is whole", define_info},
        Command{"copy", "Copy a part of a recording, or one that can be given away", define_copy},
        Command{"census", "Count the sockets that exist now, by state, with owners", define_census},
        Command{"check", "Check whether this host can be traced, and with which probes",
                define_check},
        Command{"explain",
                "Print what a state, an ending, a finding or a sysctl means, and its value here",
                define_explain},
    };
    return kCommands;
}

} // namespace tcpdwell::cli
