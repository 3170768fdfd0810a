// SPDX-License-Identifier: Apache-2.0
// What a filter selects, and how its texts are read.
//
// "Not known doesn't match" in particular: a port 0 is in no list; an endpoint without address and
// port (a listener has no peer) is in no network, not even ::/0; a process without a name matches
// no glob, not even "*".
#include "event/filter.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <charconv>

namespace tcpdwell::event {
namespace {

// PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h).
constexpr std::uint32_t kMaxPid = 4'194'304;

template <class T>
bool contains(const std::vector<T>& list, const T& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

bool in_networks(const std::vector<tcp::Cidr>& networks, const tcp::Endpoint& endpoint) {
    if (endpoint.port == 0 && endpoint.address.is_unspecified()) return false;
    return std::any_of(networks.begin(), networks.end(), [&](const tcp::Cidr& network) {
        return network.contains(endpoint.address);
    });
}

bool has_pid(const std::vector<std::uint32_t>& pids, const std::optional<Process>& process) {
    return process && contains(pids, process->pid);
}

bool has_ancestor(const std::vector<std::uint32_t>& roots, const ProcessTree* tree,
                  const std::optional<Process>& process) {
    if (!process || process->pid == 0) return false;
    return std::ranges::any_of(roots, [&](std::uint32_t root) {
        return tree ? tree->is_of(process->pid, root) : process->pid == root;
    });
}

bool has_name(const std::vector<std::string>& globs, const std::optional<Process>& process) {
    if (!process || process->comm().empty()) return false;
    const std::string comm(process->comm());
    const std::string thread(process->thread());
    return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
        return fnmatch(glob.c_str(), comm.c_str(), 0) == 0 ||
               (!thread.empty() && fnmatch(glob.c_str(), thread.c_str(), 0) == 0);
    });
}

/// By whole components: "/a/b" is under "/a" and under "/a/", "/ab" isn't. Everything is under "/".
bool is_under(std::string_view path, std::string_view ancestor) {
    while (ancestor.ends_with('/')) ancestor.remove_suffix(1);
    return path.starts_with(ancestor) &&
           (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

bool in_cgroups(const std::vector<std::string>& cgroups,
                const std::optional<std::string_view>& path) {
    return path && std::any_of(cgroups.begin(), cgroups.end(),
                               [&](const std::string& cgroup) { return is_under(*path, cgroup); });
}

template <class T>
std::optional<T> parse_number(std::string_view text, T most) {
    T value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < 1 || value > most) return std::nullopt;
    return value;
}

/// Reads every element of every comma-separated text; `wanted` says in the error what an element
/// is.
template <class T, class ParseOne>
Result<std::vector<T>> parse_list(std::string_view option, const std::vector<std::string>& texts,
                                  std::string_view wanted, ParseOne parse_one) {
    std::vector<T> list;
    for (std::string_view rest : texts) {
        for (bool more = true; more;) {
            const std::size_t comma = rest.find(',');
            const std::string_view element = rest.substr(0, comma);
            const std::optional<T> value = parse_one(element);
            if (!value) {
                return fail(
                    ErrorCode::usage,
                    fmt::format("{} {}: {}", option, element.empty() ? "''" : element, wanted));
            }
            list.push_back(*value);
            more = comma != std::string_view::npos;
            if (more) rest.remove_prefix(comma + 1);
        }
    }
    return list;
}

} // namespace

bool Filter::empty() const {
    return ports.empty() && local_ports.empty() && remote_ports.empty() && addresses.empty() &&
           pids.empty() && trees.empty() && comms.empty() && netns.empty() && cgroups.empty() &&
           connections.empty() && !family && !role;
}

bool Filter::matches(const FilterSubject& subject) const {
    const tcp::Endpoint& local = subject.tuple.local;
    const tcp::Endpoint& remote = subject.tuple.remote;
    return (ports.empty() || contains(ports, local.port) || contains(ports, remote.port)) &&
           (local_ports.empty() || contains(local_ports, local.port)) &&
           (remote_ports.empty() || contains(remote_ports, remote.port)) &&
           (addresses.empty() || in_networks(addresses, local) || in_networks(addresses, remote)) &&
           (!family || *family == subject.tuple.family) && (!role || *role == subject.role) &&
           (netns.empty() || contains(netns, subject.netns)) &&
           (pids.empty() || has_pid(pids, subject.process) || has_pid(pids, subject.closed_by)) &&
           (trees.empty() || has_ancestor(trees, subject.processes, subject.process) ||
            has_ancestor(trees, subject.processes, subject.closed_by)) &&
           (comms.empty() || has_name(comms, subject.process) ||
            has_name(comms, subject.closed_by)) &&
           (cgroups.empty() || in_cgroups(cgroups, subject.cgroup)) &&
           (connections.empty() || contains(connections, subject.connection));
}

Result<std::vector<tcp::Port>> parse_ports(std::string_view option,
                                           const std::vector<std::string>& texts) {
    return parse_list<tcp::Port>(
        option, texts, "a port is a number from 1 to 65535",
        [](std::string_view text) { return parse_number<tcp::Port>(text, 65535); });
}

Result<std::vector<tcp::Cidr>> parse_addresses(std::string_view option,
                                               const std::vector<std::string>& texts) {
    return parse_list<tcp::Cidr>(
        option, texts,
        "an address or a network is wanted, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32",
        tcp::Cidr::parse);
}

Result<std::vector<std::uint32_t>> parse_pids(std::string_view option,
                                              const std::vector<std::string>& texts) {
    return parse_list<std::uint32_t>(
        option, texts, fmt::format("a process id is a number from 1 to {}", kMaxPid),
        [](std::string_view text) { return parse_number<std::uint32_t>(text, kMaxPid); });
}

Result<std::vector<std::uint64_t>> parse_connections(std::string_view option,
                                                     const std::vector<std::string>& texts) {
    return parse_list<std::uint64_t>(
        option, texts, "an id of a connection is wanted, 16 hexadecimal digits as trace prints it",
        [](std::string_view text) -> std::optional<std::uint64_t> {
            std::uint64_t id = 0;
            const char* const end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, id, 16);
            if (text.size() != 16 || error != std::errc() || stop != end || id == 0)
                return std::nullopt;
            return id;
        });
}

Result<tcp::Role> parse_role(std::string_view text) {
    for (const tcp::Role role : {tcp::Role::client, tcp::Role::server}) {
        if (text == name(role)) return role;
    }
    return fail(ErrorCode::usage,
                fmt::format("--role {}: the role is client or server", text.empty() ? "''" : text));
}

} // namespace tcpdwell::event
