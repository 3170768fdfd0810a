// SPDX-License-Identifier: Apache-2.0
// Lists the sockets of all namespaces, finds their owners, filters, and hands them to the counting.
#include "cli/cmd_census.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "cli/census_print.h"
#include "cli/filter_options.h"
#include "cli/terminal.h"
#include "host/cgroup_paths.h"
#include "live/process_owners.h"
#include "live/socket_table.h"
#include "render/json_writer.h"
#include "render/timestamp.h"
#include "run/census.h"

namespace tcpdwell {
namespace {

struct CensusOptions {
    std::shared_ptr<FilterOptions> filter;
    std::string format = "table";
    std::string by;
};

/// What has been listed, and what the filter needs to know about it.
struct Census {
    std::vector<CensusSocket> sockets;
    std::size_t namespaces = 0;
    std::size_t closed_namespaces = 0;
    std::size_t unreadable_processes = 0; ///< if that is why an owner isn't known
};

std::optional<GroupBy> group_by_from_name(std::string_view name) {
    if (name == "process") return GroupBy::process;
    if (name == "port") return GroupBy::port;
    if (name == "remote") return GroupBy::remote;
    return std::nullopt;
}

CensusSocket describe(const DiagSocket& socket, std::uint32_t netns) {
    CensusSocket result;
    result.state = socket.state;
    result.netns = netns;
    result.tuple = socket.tuple;
    result.has_file = socket.inode != 0;
    if (socket.state == TcpState::LISTEN) {
        result.queued = socket.receive_queue;
        result.queue_limit = socket.send_queue;
    }
    return result;
}

/// The inodes whose owners will be printed or filtered by.
std::unordered_set<std::uint64_t> wanted_inodes(const SocketTable& table, bool of_all) {
    std::unordered_set<std::uint64_t> wanted;
    for (const NamespaceSockets& each : table.namespaces)
        for (const DiagSocket& socket : each.sockets)
            if (socket.inode != 0 &&
                (of_all || socket.state == TcpState::CLOSE_WAIT || socket.state == TcpState::LISTEN))
                wanted.insert(socket.inode);
    return wanted;
}

/// Whether the filter lets a socket pass as that of one of its holders, who then becomes its process.
bool passes(const Filter& filter, CensusSocket& socket, const std::vector<Process>* holders,
            std::optional<std::string_view> cgroup) {
    const std::optional<Process> nobody;
    const auto matches = [&] {
        return filter.matches({socket.tuple, socket.netns, socket.role, socket.process, nobody, cgroup});
    };
    if (!holders) return matches();
    for (const Process& holder : *holders) {
        socket.process = holder;
        if (matches()) return true;
    }
    return false;
}

Result<Census> take_census(const Filter& filter, bool owners_of_all) {
    auto table = list_sockets(filter.netns);
    if (!table) return tl::unexpected(table.error());
    std::optional<CgroupPaths> cgroups;
    if (!filter.cgroups.empty()) {
        auto opened = CgroupPaths::open();
        if (!opened) return tl::unexpected(opened.error());
        cgroups = std::move(*opened);
    }
    const auto wanted = wanted_inodes(*table, owners_of_all || !filter.pids.empty() || !filter.comms.empty());
    const SocketOwners owners = find_socket_owners(&wanted);

    Census census;
    census.namespaces = table->namespaces.size();
    census.closed_namespaces = table->closed_namespaces;
    for (const NamespaceSockets& each : table->namespaces) {
        std::vector<CensusSocket> described;
        described.reserve(each.sockets.size());
        for (const DiagSocket& socket : each.sockets) described.push_back(describe(socket, each.netns));
        assign_roles(described);
        for (std::size_t i = 0; i < described.size(); ++i) {
            const DiagSocket& socket = each.sockets[i];
            const auto holders = owners.by_inode.find(socket.inode);
            const bool known = holders != owners.by_inode.end();
            if (!passes(filter, described[i], known ? &holders->second : nullptr,
                        cgroups ? cgroups->lookup(socket.cgroup) : std::nullopt))
                continue;
            census.sockets.push_back(described[i]);
            if (!known && wanted.contains(socket.inode)) census.unreadable_processes = owners.unreadable;
        }
    }
    return census;
}

/// What the answer can't tell for want of rights.
void warn_about_gaps(const Census& census) {
    const std::string_view remedy = ::geteuid() == 0 ? "" : "; run it with sudo";
    if (census.closed_namespaces != 0)
        fmt::print(stderr, "network namespaces that can't be entered and are left out: {}{}\n",
                   census.closed_namespaces, remedy);
    if (census.unreadable_processes != 0)
        fmt::print(stderr, "some owners aren't known; processes that can't be looked into: {}{}\n",
                   census.unreadable_processes, remedy);
}

std::vector<MetaEntry> describe_run(const Census& census) {
    utsname host{};
    ::uname(&host);
    const Rfc3339 time = rfc3339(std::chrono::time_point_cast<Nanoseconds>(std::chrono::system_clock::now()));
    return {{"version", json_string(TCPDWELL_VERSION)},
            {"host", json_string(host.nodename)},
            {"kernel", json_string(host.release)},
            {"time", json_string({time.data(), time.size()})},
            {"namespaces", std::to_string(census.namespaces)},
            {"namespaces_left_out", std::to_string(census.closed_namespaces)}};
}

Result<int> run_census(const CensusOptions& options) {
    const auto filter = options.filter->resolve(FilterTarget::live);
    if (!filter) return tl::unexpected(filter.error());
    const auto by = group_by_from_name(options.by);
    const auto census = take_census(*filter, by == GroupBy::process);
    if (!census) return tl::unexpected(census.error());
    warn_about_gaps(*census);

    Output out(STDOUT_FILENO);
    CensusStyle style;
    style.format = format_from_name(options.format).value_or(Format::table);
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
        "All network namespaces are looked into. Whether a socket is the server's or the client's side is told by\n"
        "whether something listens on its local port. A socket that several processes have open counts for the\n"
        "one with the lowest pid.\n\n"
        "Examples:\n"
        "  tcpdwell census                         all states; who leaves CLOSE_WAIT behind; accept queues\n"
        "  tcpdwell census --by port               which service has how many sockets in which state\n"
        "  tcpdwell census --by remote --port 443  which peers hold connections to port 443");
    app.add_option("--by", options->by, "One row for each process, port of the server, or remote address")
        ->type_name("process|port|remote")
        ->check(CLI::IsMember({"process", "port", "remote"}).description(""));
    app.add_option("--format", options->format, "How to print it; csv has the counts only")
        ->type_name("table|jsonl|csv")
        ->check(CLI::IsMember({"table", "jsonl", "csv"}).description(""));
    options->filter = FilterOptions::declare(app);
    return [options] { return run_census(*options); };
}

} // namespace tcpdwell
