// SPDX-License-Identifier: Apache-2.0
// Takes a census, counts, and prints.
#include "cli/cmd_census.h"

#include <spdlog/spdlog.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "cli/census_print.h"
#include "cli/enum_words.h"
#include "cli/filter_options.h"
#include "cli/live_view.h"
#include "cli/option_values.h"
#include "cli/terminal.h"
#include "render/json_writer.h"
#include "render/timestamp.h"
#include "run/census.h"

namespace tcpdwell::cli {
namespace {

struct CensusOptions {
    std::shared_ptr<FilterOptions> filter;
    std::string format = "table";
    std::string by;
    std::string host_root;
};

std::optional<run::GroupBy> group_by_from_name(std::string_view name) {
    if (name == "process") return run::GroupBy::process;
    if (name == "port") return run::GroupBy::port;
    if (name == "remote") return run::GroupBy::remote;
    return std::nullopt;
}

/// What is missing from the result for lack of privileges.
void warn_about_gaps(const Census& census) {
    const std::string_view remedy = ::geteuid() == 0 ? "" : "; run it with sudo";
    if (census.closed_namespaces != 0)
        spdlog::warn("network namespaces that can't be entered and are left out: {}{}",
                     census.closed_namespaces, remedy);
    if (census.unreadable_processes != 0)
        spdlog::warn("some owners are unknown; processes that can't be inspected: {}{}",
                     census.unreadable_processes, remedy);
}

std::vector<render::MetaEntry> describe_run(const Census& census) {
    utsname host{};
    ::uname(&host);
    const render::Rfc3339 time = render::rfc3339(wall_now());
    return {{"version", render::json_string(TCPDWELL_VERSION)},
            {"host", render::json_string(host.nodename)},
            {"kernel", render::json_string(host.release)},
            {"time", render::json_string({time.data(), time.size()})},
            {"namespaces", std::to_string(census.namespaces)},
            {"namespaces_left_out", std::to_string(census.closed_namespaces)}};
}

Result<int> run_census(const CensusOptions& options) {
    start_logging(0);
    const auto filter = options.filter->resolve(FilterTarget::live);
    if (!filter) return tl::unexpected(filter.error());
    const auto by = group_by_from_name(options.by);
    const auto census = take_census(*filter, by == run::GroupBy::process, options.host_root);
    if (!census) return tl::unexpected(census.error());
    warn_about_gaps(*census);

    render::Output out(STDOUT_FILENO);
    CensusStyle style;
    style.format = *from_word<render::Format>(options.format);
    style.table.colour = stdout_takes_colour();
    style.show_netns = census->namespaces > 1;
    if (by)
        print_groups(out, style, describe_run(*census), *by, group_sockets(census->sockets, *by));
    else
        print_census(out, style, describe_run(*census), census->sockets);
    if (auto written = out.flush(); !written) return tl::unexpected(written.error());
    return 0;
}

} // namespace

Action define_census(CLI::App& app) {
    const auto options = std::make_shared<CensusOptions>();
    app.footer(
        "All network namespaces are examined. Whether a socket is the server's or the client's "
        "side is decided by "
        "whether something listens on its local port. A socket that several processes have open "
        "counts for the "
        "one with the lowest pid.\n\n"
        "Examples:\n"
        "  tcpdwell census                         all states; who leaves CLOSE_WAIT behind; "
        "accept queues\n"
        "  tcpdwell census --by port               which service has how many sockets in which "
        "state\n"
        "  tcpdwell census --by remote --port 443  which peers hold connections to port 443");
    add_choice(app, "-b,--by", options->by, {"process", "port", "remote"},
               "One row for each process, port of the server, or remote address");
    add_format(app, options->format, enum_words<render::Format>(),
               "counts have columns, and table shows them to people",
               "How to print it; csv has the counts only")
        ->capture_default_str();
    options->filter = FilterOptions::declare(app);
    add_host_root(app, options->host_root);
    return [options] { return run_census(*options); };
}

} // namespace tcpdwell::cli
