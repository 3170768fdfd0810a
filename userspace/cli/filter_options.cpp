// SPDX-License-Identifier: Apache-2.0
// Options are stored as text; resolve() reports errors in them, with the messages of the modules
// that parse them.
#include "cli/filter_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "cli/option_values.h"
#include "host/cgroup_paths.h"
#include "host/netns.h"
#include "host/services.h"

namespace tcpdwell::cli {
namespace {

constexpr const char* group = "Filters";

void add_list(CLI::App& app, const char* name, std::vector<std::string>& texts, const char* value,
              const char* help) {
    app.add_option(name, texts, help)->type_name(value)->allow_extra_args(false)->group(group);
}

Result<std::uint32_t> recorded_netns(std::string_view text) {
    std::uint32_t inode = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), inode);
    if (error == std::errc{} && end == text.data() + text.size()) return inode;
    return fail(
        ErrorCode::usage,
        fmt::format("--netns {}: recordings know network namespaces by their inode only, a number",
                    text));
}

Result<event::FilterList<std::uint32_t>> netns_list(const std::vector<std::string>& texts,
                                                    FilterTarget target) {
    auto names = event::parse_texts("--netns", texts);
    if (!names) return tl::unexpected(std::move(names.error()));
    event::FilterList<std::uint32_t> list;
    for (const auto& [from, to] :
         {std::pair(&names->wanted, &list.wanted), std::pair(&names->excluded, &list.excluded)}) {
        for (const std::string& text : *from) {
            const auto inode =
                target == FilterTarget::live ? host::resolve_netns(text) : recorded_netns(text);
            if (!inode) return tl::unexpected(inode.error());
            to->push_back(*inode);
        }
    }
    return list;
}

Result<void> find_cgroups(std::vector<std::string>& texts, const host::CgroupPaths& cgroups) {
    const host::CgroupMount& mount = cgroups.mount();
    for (std::string& text : texts) {
        std::string path = normal_cgroup_path(text, mount.mount_point, mount.root);
        if (!cgroups.id_of(path))
            return fail(ErrorCode::usage, fmt::format("--cgroup {}: no such cgroup below {}", text,
                                                      mount.mount_point));
        text = std::move(path);
    }
    return {};
}

Result<event::FilterList<std::string>> cgroup_list(const std::vector<std::string>& texts,
                                                   FilterTarget target) {
    auto list = event::parse_texts("--cgroup", texts);
    if (!list || list->empty()) return list;
    if (target == FilterTarget::recording) {
        for (auto* part : {&list->wanted, &list->excluded})
            for (std::string& text : *part) text = normal_cgroup_path(text);
        return list;
    }
    const auto cgroups = host::CgroupPaths::open();
    if (!cgroups) return tl::unexpected(cgroups.error().context("--cgroup"));
    for (auto* part : {&list->wanted, &list->excluded})
        if (auto found = find_cgroups(*part, *cgroups); !found)
            return tl::unexpected(std::move(found.error()));
    return list;
}

std::string with_single_slashes(std::string_view text) {
    std::string path = "/";
    for (const char c : text)
        if (c != '/' || path.back() != '/') path += c;
    if (path.size() > 1 && path.back() == '/') path.pop_back();
    return path;
}

} // namespace

std::shared_ptr<FilterOptions> FilterOptions::declare(CLI::App& app) {
    auto options = std::make_shared<FilterOptions>();
    add_list(app, "--port", options->ports_, "PORT[,...]",
             "Local or remote port: 443, https, 8000-8100; '!22' for all but 22");
    add_list(app, "--local-port", options->local_ports_, "PORT[,...]", "Local port");
    add_list(app, "--remote-port", options->remote_ports_, "PORT[,...]", "Remote port");
    add_list(app, "--addr", options->addresses_, "CIDR[,...]",
             "Local or remote address or network: 10.0.0.0/8, '!::1'");
    add_list(app, "--pid", options->pids_, "PID[,...]", "Process that owns or closed the socket");
    add_list(app, "--comm", options->comms_, "GLOB[,...]",
             "Name of that process: nginx, 'php-fpm*', '!ssh*'");
    add_list(app, "--netns", options->netns_, "NETNS[,...]",
             "Network namespace: its inode, a name from 'ip netns', or a process in it");
    add_list(app, "--cgroup", options->cgroups_, "PATH[,...]",
             "cgroup v2 and those below it: /system.slice/nginx.service");
    add_list(app, "--container", options->containers_, "GLOB[,...]",
             "Container, pod, machine or systemd unit: web-1, 'shop/*', nginx.service");
    app.add_flag("-4", options->ipv4_, "Only IPv4 sockets")->group(group);
    app.add_flag("-6", options->ipv6_, "Only IPv6 sockets, those that talk to IPv4 peers included")
        ->group(group);
    app.add_option("--role", options->role_, "Who opened the connection: client or server")
        ->type_name("client|server")
        ->group(group);
    return options;
}

void FilterOptions::declare_connections(CLI::App& app) {
    add_list(app, "--conn", connections_, "ID[,...]",
             "With -r: the connection of that id, as trace and findings print it");
}

void FilterOptions::declare_sample(CLI::App& app) {
    add_number(
        app, "--sample", sample_, event::kMostSample,
        "One connection in N, the same ones on all hosts (by a hash of addresses and ports); "
        "reports and metrics multiply what they count of connections by N")
        ->group(group);
}

Result<event::Filter> FilterOptions::resolve(FilterTarget target) const {
    event::Filter filter;
    // Puts a value in its place, or hands on the error.
    std::optional<Error> wrong;
    const auto take = [&wrong](auto& place, auto&& result) {
        if (wrong) return;
        if (result)
            place = std::move(*result);
        else
            wrong = std::move(result.error());
    };
    const auto ports = [](std::string_view option, const std::vector<std::string>& texts) {
        return event::parse_ports(option, texts, host::tcp_port_of_service);
    };
    take(filter.ports, ports("--port", ports_));
    take(filter.local_ports, ports("--local-port", local_ports_));
    take(filter.remote_ports, ports("--remote-port", remote_ports_));
    take(filter.addresses, event::parse_addresses("--addr", addresses_));
    take(filter.pids, event::parse_pids("--pid", pids_));
    take(filter.comms, event::parse_texts("--comm", comms_));
    take(filter.netns, netns_list(netns_, target));
    take(filter.cgroups, cgroup_list(cgroups_, target));
    take(filter.containers, event::parse_texts("--container", containers_));
    take(filter.connections, event::parse_connections("--conn", connections_));
    if (!role_.empty()) take(filter.role, event::parse_role(role_));
    if (ipv4_ && ipv6_)
        wrong = Error{ErrorCode::usage, "-4 and -6 exclude each other; leave both out to see both"};
    if (ipv4_ != ipv6_) filter.family = ipv4_ ? tcp::Family::ipv4 : tcp::Family::ipv6;
    filter.sample = static_cast<std::uint32_t>(sample_);
    if (wrong) return tl::unexpected(std::move(*wrong));
    return filter;
}

bool FilterOptions::empty() const {
    return ports_.empty() && local_ports_.empty() && remote_ports_.empty() && addresses_.empty() &&
           pids_.empty() && comms_.empty() && netns_.empty() && cgroups_.empty() &&
           containers_.empty() && connections_.empty() && !ipv4_ && !ipv6_ && role_.empty() &&
           sample_ == 1;
}

std::string FilterOptions::text() const {
    std::string all;
    const auto add = [&all](std::string_view option, const std::vector<std::string>& texts) {
        for (const std::string& text : texts)
            all += fmt::format("{}{} {}", all.empty() ? "" : " ", option, text);
    };
    add("--port", ports_);
    add("--local-port", local_ports_);
    add("--remote-port", remote_ports_);
    add("--addr", addresses_);
    add("--pid", pids_);
    add("--comm", comms_);
    add("--netns", netns_);
    add("--cgroup", cgroups_);
    add("--container", containers_);
    add("--conn", connections_);
    if (!role_.empty()) add("--role", {role_});
    if (sample_ > 1) add("--sample", {std::to_string(sample_)});
    if (ipv4_) all += all.empty() ? "-4" : " -4";
    if (ipv6_) all += all.empty() ? "-6" : " -6";
    return all;
}

std::string normal_cgroup_path(std::string_view text, std::string_view mount_point,
                               std::string_view root) {
    std::string path = with_single_slashes(text);
    // The longest first: on a hybrid host v2 is mounted inside the other.
    for (const std::string_view prefix : {mount_point, std::string_view("/sys/fs/cgroup/unified"),
                                          std::string_view("/sys/fs/cgroup")}) {
        const bool inside = !prefix.empty() && path.starts_with(prefix) &&
                            (path.size() == prefix.size() || path[prefix.size()] == '/');
        if (!inside) continue;
        path.replace(0, prefix.size(), root == "/" ? "" : root);
        break;
    }
    return path.empty() ? "/" : path;
}

} // namespace tcpdwell::cli
