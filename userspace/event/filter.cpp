// SPDX-License-Identifier: Apache-2.0
// What a filter selects, and how its texts are read.
//
// "Not known" in particular: a port 0 is in no range; an endpoint without address and port (a
// listener has no peer) is in no network, not even ::/0; a process without a name matches no glob,
// not even "*".
#include "event/filter.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <numeric>

#include "event/container_path.h"
#include "tcp/flow.h"

namespace tcpdwell::event {
namespace {

// PID_MAX_LIMIT of 64-bit kernels (include/linux/threads.h).
constexpr std::uint32_t kMaxPid = 4'194'304;

bool in_network(const tcp::Cidr& network, const tcp::Endpoint& endpoint) {
    return !(endpoint.port == 0 && endpoint.address.is_unspecified()) &&
           network.contains(endpoint.address);
}

bool has_pid(const std::optional<Process>& process, std::uint32_t pid) {
    return process && process->pid == pid;
}

bool has_ancestor(const std::optional<Process>& process, std::uint32_t root,
                  const ProcessTree* tree) {
    if (!process || process->pid == 0) return false;
    return tree ? tree->is_of(process->pid, root) : process->pid == root;
}

bool has_name(const std::optional<Process>& process, const std::string& glob) {
    if (!process || process->comm().empty()) return false;
    const std::string comm(process->comm());
    const std::string thread(process->thread());
    return fnmatch(glob.c_str(), comm.c_str(), 0) == 0 ||
           (!thread.empty() && fnmatch(glob.c_str(), thread.c_str(), 0) == 0);
}

/// By whole components: "/a/b" is under "/a" and under "/a/", "/ab" isn't. Everything is under "/".
bool is_under(std::string_view path, std::string_view ancestor) {
    while (ancestor.ends_with('/')) ancestor.remove_suffix(1);
    return path.starts_with(ancestor) &&
           (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

bool is_container(std::string_view text, const std::string& glob) {
    const ContainerWords words = container_words(text);
    return std::ranges::any_of(std::array{text, words.name, words.pod}, [&](std::string_view each) {
        return !each.empty() && fnmatch(glob.c_str(), std::string(each).c_str(), 0) == 0;
    });
}

/// Whether `judge(list, is)` is true of every list; `is(element)`: whether an element of the list
/// is known to apply to the subject.
template <class Judge>
bool all_lists(const Filter& filter, const FilterSubject& subject, const Judge& judge) {
    const tcp::Endpoint& local = subject.tuple.local;
    const tcp::Endpoint& remote = subject.tuple.remote;
    return judge(filter.ports,
                 [&](const PortRange& range) {
                     return range.contains(local.port) || range.contains(remote.port);
                 }) &&
           judge(filter.local_ports,
                 [&](const PortRange& range) { return range.contains(local.port); }) &&
           judge(filter.remote_ports,
                 [&](const PortRange& range) { return range.contains(remote.port); }) &&
           judge(filter.addresses,
                 [&](const tcp::Cidr& network) {
                     return in_network(network, local) || in_network(network, remote);
                 }) &&
           judge(filter.netns, [&](std::uint32_t netns) { return netns == subject.netns; }) &&
           judge(filter.pids,
                 [&](std::uint32_t pid) {
                     return has_pid(subject.process, pid) || has_pid(subject.closed_by, pid);
                 }) &&
           judge(filter.trees,
                 [&](std::uint32_t root) {
                     return has_ancestor(subject.process, root, subject.processes) ||
                            has_ancestor(subject.closed_by, root, subject.processes);
                 }) &&
           judge(filter.comms,
                 [&](const std::string& glob) {
                     return has_name(subject.process, glob) || has_name(subject.closed_by, glob);
                 }) &&
           judge(filter.cgroups,
                 [&](const std::string& cgroup) {
                     return subject.cgroup && is_under(*subject.cgroup, cgroup);
                 }) &&
           judge(filter.containers, [&](const std::string& glob) {
               return subject.container && is_container(*subject.container, glob);
           });
}

template <class T>
std::optional<T> parse_number(std::string_view text, T most) {
    T value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < 1 || value > most) return std::nullopt;
    return value;
}

/// "80" and "8000-8100".
std::optional<PortRange> parse_range(std::string_view text) {
    const std::size_t dash = text.find('-');
    const auto first = parse_number<tcp::Port>(text.substr(0, dash), 65535);
    if (dash == std::string_view::npos || !first)
        return first ? std::optional(PortRange(*first)) : std::nullopt;
    const auto last = parse_number<tcp::Port>(text.substr(dash + 1), 65535);
    if (!last || *last < *first) return std::nullopt;
    return PortRange(*first, *last);
}

/// A name that could be one: without a letter it is a number gone wrong.
bool may_be_name(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

/// Each text of a list as what `parse_one` makes of it, an optional; `wanted` says in
/// the error what an element is.
template <class T, class ParseOne>
Result<FilterList<T>> parse_list(std::string_view option, const std::vector<std::string>& texts,
                                 std::string_view wanted, ParseOne parse_one) {
    auto elements = parse_texts(option, texts);
    if (!elements) return tl::unexpected(std::move(elements.error()));
    FilterList<T> list;
    for (const auto& [from, to] : {std::pair(&elements->wanted, &list.wanted),
                                   std::pair(&elements->excluded, &list.excluded)}) {
        for (const std::string& element : *from) {
            const auto value = parse_one(element);
            if (!value)
                return fail(ErrorCode::usage, fmt::format("{} {}: {}", option, element, wanted));
            to->push_back(*value);
        }
    }
    return list;
}

} // namespace

bool is_in_sample(const tcp::FourTuple& tuple, std::uint64_t sample) {
    if (sample <= 1 || tuple.remote.port == 0) return true;
    return tuple.local.port != 0 && tcp::flow_of(tuple) % sample == 0;
}

namespace {

std::uint64_t product(std::uint64_t one, std::uint64_t other) {
    constexpr std::uint64_t most = kMostWeight;
    return other > most / one ? most : one * other;
}

/// Whether it may be one that was in the sample: what had no local port is in none.
bool has_flow(const tcp::FourTuple& tuple) {
    return tuple.remote.port == 0 || tuple.local.port != 0;
}

} // namespace

std::uint64_t sample_of_both(std::uint64_t one, std::uint64_t other) {
    return product(one, other / std::gcd(one, other));
}

std::uint64_t sample_of(const Filter& filter, const std::vector<Filter>& any_of) {
    const auto of_one = [&filter](const Filter& each) {
        return product(sample_of_both(filter.sample, each.sample), each.sampled);
    };
    std::uint64_t sample = of_one(any_of.empty() ? Filter{} : any_of.front());
    for (const Filter& each : any_of) sample = std::min(sample, of_one(each));
    return sample;
}

bool Filter::empty() const {
    return ports.empty() && local_ports.empty() && remote_ports.empty() && addresses.empty() &&
           pids.empty() && trees.empty() && comms.empty() && netns.empty() && cgroups.empty() &&
           containers.empty() && connections.empty() && !family && !role && sample <= 1 &&
           sampled <= 1;
}

bool Filter::matches(const FilterSubject& subject) const {
    return (!family || *family == subject.tuple.family) && (!role || *role == subject.role) &&
           all_lists(*this, subject,
                     [](const auto& list, const auto& is) { return list.selects(is); }) &&
           (connections.empty() || std::find(connections.begin(), connections.end(),
                                             subject.connection) != connections.end()) &&
           is_in_sample(subject.tuple, sample) && (sampled <= 1 || has_flow(subject.tuple));
}

bool Filter::excludes(const FilterSubject& subject) const {
    return !all_lists(*this, subject,
                      [](const auto& list, const auto& is) { return !list.excludes(is); });
}

Result<FilterList<std::string>> parse_texts(std::string_view option,
                                            const std::vector<std::string>& texts) {
    FilterList<std::string> list;
    for (const std::string& text : texts) {
        for (std::size_t begin = 0; begin <= text.size();) {
            const std::size_t end = std::min(text.find(',', begin), text.size());
            std::string element = text.substr(begin, end - begin);
            begin = end + 1;
            if (element.empty())
                return fail(ErrorCode::usage,
                            fmt::format("{} '{}': there is an empty entry", option, text));
            const bool excludes = element.front() == '!';
            if (excludes) element.erase(0, 1);
            if (element.empty())
                return fail(ErrorCode::usage,
                            fmt::format("{} '{}': '!' stands before what it excludes, as in "
                                        "{} '!VALUE'",
                                        option, text, option));
            (excludes ? list.excluded : list.wanted).push_back(std::move(element));
        }
    }
    return list;
}

Result<FilterList<PortRange>>
parse_ports(std::string_view option, const std::vector<std::string>& texts, PortByName by_name) {
    std::optional<Error> unknown;
    auto list = parse_list<PortRange>(
        option, texts,
        by_name ? "a port is a number from 1 to 65535, a range such as 8000-8100, or the name of "
                  "a service"
                : "a port is a number from 1 to 65535 or a range such as 8000-8100",
        [&](std::string_view text) -> std::optional<PortRange> {
            const auto range = parse_range(text);
            if (range || !by_name || !may_be_name(text)) return range;
            const auto port = by_name(text);
            if (port) return PortRange(*port);
            unknown = port.error().context(fmt::format("{} {}", option, text));
            return std::nullopt;
        });
    if (unknown) return tl::unexpected(std::move(*unknown));
    return list;
}

Result<FilterList<tcp::Cidr>> parse_addresses(std::string_view option,
                                              const std::vector<std::string>& texts) {
    return parse_list<tcp::Cidr>(
        option, texts,
        "an address or a network is wanted, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32",
        tcp::Cidr::parse);
}

Result<FilterList<std::uint32_t>> parse_pids(std::string_view option,
                                             const std::vector<std::string>& texts) {
    return parse_list<std::uint32_t>(
        option, texts, fmt::format("a process id is a number from 1 to {}", kMaxPid),
        [](std::string_view text) { return parse_number<std::uint32_t>(text, kMaxPid); });
}

Result<std::vector<std::uint64_t>> parse_connections(std::string_view option,
                                                     const std::vector<std::string>& texts) {
    auto ids = parse_list<std::uint64_t>(
        option, texts, "an id of a connection is wanted, 16 hexadecimal digits as trace prints it",
        [](std::string_view text) -> std::optional<std::uint64_t> {
            std::uint64_t id = 0;
            const char* const end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, id, 16);
            if (text.size() != 16 || error != std::errc() || stop != end || id == 0)
                return std::nullopt;
            return id;
        });
    if (!ids) return tl::unexpected(std::move(ids.error()));
    if (!ids->excluded.empty())
        return fail(ErrorCode::usage,
                    fmt::format("{}: a connection can't be excluded by '!'", option));
    return std::move(ids->wanted);
}

Result<tcp::Role> parse_role(std::string_view text) {
    for (const tcp::Role role : {tcp::Role::client, tcp::Role::server}) {
        if (text == name(role)) return role;
    }
    return fail(ErrorCode::usage,
                fmt::format("--role {}: the role is client or server", text.empty() ? "''" : text));
}

} // namespace tcpdwell::event
