// SPDX-License-Identifier: Apache-2.0
#include "event/filter_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

namespace tcpdwell::event {
namespace {

constexpr std::string_view kOptions[] = {
    "--port",  "--local-port", "--remote-port", "--addr", "--pid", "--comm",
    "--netns", "--cgroup",     "--role",        "-4",     "-6",    "--tree"};

bool is_option(std::string_view word) {
    return std::find(std::begin(kOptions), std::end(kOptions), word) != std::end(kOptions);
}

bool is_flag(std::string_view option) { return option == "-4" || option == "-6"; }

std::string escaped(std::string_view bytes) {
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte > 0x7e || c == '%')
            out += fmt::format("%{:02X}", byte);
        else
            out += c;
    }
    return out;
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        unsigned char byte = static_cast<unsigned char>(text.front());
        std::size_t size = 1;
        if (byte == '%') {
            if (text.size() < 3) return std::nullopt;
            const char* const end = text.data() + 3;
            const auto [stop, error] = std::from_chars(text.data() + 1, end, byte, 16);
            if (error != std::errc() || stop != end) return std::nullopt;
            size = 3;
        }
        out += static_cast<char>(byte);
        text.remove_prefix(size);
    }
    return out;
}

std::string text_of(const tcp::Cidr& cidr) {
    const bool is_v4 = cidr.network.is_v4() && cidr.prefix >= 96;
    return fmt::format("{}/{}", cidr.network.text(is_v4 ? tcp::Family::ipv4 : tcp::Family::ipv6),
                       is_v4 ? cidr.prefix - 96 : cidr.prefix);
}

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end) return std::nullopt;
    return value;
}

/// The values of each option.
using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

/// Empty if one can't be read: a list without it would select less.
std::vector<std::uint32_t> read_netns(const std::vector<std::string>& texts) {
    std::vector<std::uint32_t> inodes;
    for (const std::string& text : texts) {
        const auto inode = number(text);
        if (!inode) return {};
        inodes.push_back(*inode);
    }
    return inodes;
}

Filter filter_of(Values values) {
    Filter filter;
    const auto take = [](auto& place, auto&& read) {
        if (read) place = std::move(*read);
    };
    take(filter.ports, parse_ports("--port", values["--port"]));
    take(filter.local_ports, parse_ports("--local-port", values["--local-port"]));
    take(filter.remote_ports, parse_ports("--remote-port", values["--remote-port"]));
    take(filter.addresses, parse_addresses("--addr", values["--addr"]));
    take(filter.pids, parse_pids("--pid", values["--pid"]));
    take(filter.trees, parse_pids("--tree", values["--tree"]));
    filter.comms = values["--comm"];
    filter.netns = read_netns(values["--netns"]);
    filter.cgroups = values["--cgroup"];
    if (const auto& roles = values["--role"]; roles.size() == 1) {
        const auto role = parse_role(roles.front());
        if (role) filter.role = *role;
    }
    const bool ipv4 = values.contains("-4");
    if (ipv4 != values.contains("-6")) filter.family = ipv4 ? tcp::Family::ipv4 : tcp::Family::ipv6;
    return filter;
}

} // namespace

std::vector<std::string> filter_words(const Filter& filter) {
    std::vector<std::string> words;
    const auto add = [&words](std::string_view option, std::string_view value) {
        words.emplace_back(option);
        words.push_back(escaped(value));
    };
    for (const tcp::Port port : filter.ports) add("--port", std::to_string(port));
    for (const tcp::Port port : filter.local_ports) add("--local-port", std::to_string(port));
    for (const tcp::Port port : filter.remote_ports) add("--remote-port", std::to_string(port));
    for (const tcp::Cidr& cidr : filter.addresses) add("--addr", text_of(cidr));
    for (const std::uint32_t pid : filter.pids) add("--pid", std::to_string(pid));
    for (const std::uint32_t pid : filter.trees) add("--tree", std::to_string(pid));
    for (const std::string& comm : filter.comms) add("--comm", comm);
    for (const std::uint32_t netns : filter.netns) add("--netns", std::to_string(netns));
    for (const std::string& cgroup : filter.cgroups) add("--cgroup", cgroup);
    if (filter.role) add("--role", name(*filter.role));
    if (filter.family) words.emplace_back(*filter.family == tcp::Family::ipv4 ? "-4" : "-6");
    return words;
}

Filter filter_from_words(std::span<const std::string> words) {
    Values values;
    std::vector<std::string> unreadable;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& option = words[i];
        if (!is_option(option)) continue;
        std::vector<std::string>& list = values[option];
        if (is_flag(option)) continue;
        const auto value = ++i < words.size() ? unescaped(words[i]) : std::nullopt;
        if (value)
            list.push_back(*value);
        else
            unreadable.push_back(option);
    }
    for (const std::string& option : unreadable) values.erase(option);
    return filter_of(std::move(values));
}

} // namespace tcpdwell::event
