// SPDX-License-Identifier: Apache-2.0
#include "event/filter_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>

namespace tcpdwell::event {
namespace {

/// Before an option and before its value: the value is excluded. Versions that don't know it pass
/// over both words, and so show more; in front of a value it also keeps them from reading the value
/// as an option.
constexpr char kNot = '!';

constexpr std::string_view kOptions[] = {
    "--port", "--local-port", "--remote-port", "--addr",   "--pid",
    "--comm", "--netns",      "--cgroup",      "--role",   "-4",
    "-6",     "--tree",       "--container",   "--sample", "--sampled"};

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

std::string text_of_range(const PortRange& range) {
    return range.first == range.last ? std::to_string(range.first)
                                     : fmt::format("{}-{}", range.first, range.last);
}

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end) return std::nullopt;
    return value;
}

/// The values of each option, kNot in front of the option if they are excluded.
using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

/// The wanted and the excluded values of an option, each as `read` reads them; none of the list if
/// one of it can't be read: without that one, it would select less.
template <class T, class Read>
FilterList<T> read_list(Values& values, std::string_view option, const Read& read) {
    FilterList<T> list;
    const auto take = [&](std::vector<T>& place, const std::string& key) {
        for (const std::string& text : values[key]) {
            std::optional<T> value = read(text);
            if (!value) {
                place.clear();
                return;
            }
            place.push_back(std::move(*value));
        }
    };
    take(list.wanted, std::string(option));
    take(list.excluded, kNot + std::string(option));
    return list;
}

/// One element by a reader of lists.
template <class T, class Parse>
std::optional<T> read_one(const std::string& text, Parse parse) {
    auto list = parse("", std::vector{text});
    if (!list || list->wanted.size() != 1 || !list->excluded.empty()) return std::nullopt;
    return std::move(list->wanted.front());
}

/// 1, which is all, if it can't be read.
std::uint32_t read_sample(const std::vector<std::string>& texts) {
    if (texts.size() != 1) return 1;
    const auto sample = number(texts.front());
    return sample && *sample >= 1 && *sample <= kMostSample ? *sample : 1;
}

Filter filter_of(Values values) {
    Filter filter;
    const auto port = [](const std::string& text) {
        return read_one<PortRange>(
            text, [](auto option, const auto& texts) { return parse_ports(option, texts); });
    };
    const auto pid = [](const std::string& text) {
        return read_one<std::uint32_t>(text, parse_pids);
    };
    const auto itself = [](const std::string& text) { return std::optional(text); };
    filter.ports = read_list<PortRange>(values, "--port", port);
    filter.local_ports = read_list<PortRange>(values, "--local-port", port);
    filter.remote_ports = read_list<PortRange>(values, "--remote-port", port);
    filter.addresses = read_list<tcp::Cidr>(values, "--addr", tcp::Cidr::parse);
    filter.pids = read_list<std::uint32_t>(values, "--pid", pid);
    filter.trees = read_list<std::uint32_t>(values, "--tree", pid);
    filter.comms = read_list<std::string>(values, "--comm", itself);
    filter.netns = read_list<std::uint32_t>(values, "--netns", number);
    filter.cgroups = read_list<std::string>(values, "--cgroup", itself);
    filter.containers = read_list<std::string>(values, "--container", itself);
    if (const auto& roles = values["--role"]; roles.size() == 1) {
        const auto role = parse_role(roles.front());
        if (role) filter.role = *role;
    }
    filter.sample = read_sample(values["--sample"]);
    filter.sampled = read_sample(values["--sampled"]);
    const bool ipv4 = values.contains("-4");
    if (ipv4 != values.contains("-6")) filter.family = ipv4 ? tcp::Family::ipv4 : tcp::Family::ipv6;
    return filter;
}

} // namespace

std::vector<std::string> filter_words(const Filter& filter) {
    std::vector<std::string> words;
    const auto add = [&words](std::string_view option, const auto& list, const auto& text) {
        for (const auto& value : list.wanted) {
            words.emplace_back(option);
            words.push_back(escaped(text(value)));
        }
        for (const auto& value : list.excluded) {
            words.push_back(kNot + std::string(option));
            words.push_back(kNot + escaped(text(value)));
        }
    };
    const auto decimal = [](std::uint32_t value) { return std::to_string(value); };
    add("--port", filter.ports, text_of_range);
    add("--local-port", filter.local_ports, text_of_range);
    add("--remote-port", filter.remote_ports, text_of_range);
    add("--addr", filter.addresses, text_of);
    add("--pid", filter.pids, decimal);
    add("--tree", filter.trees, decimal);
    add("--comm", filter.comms, std::identity());
    add("--netns", filter.netns, decimal);
    add("--cgroup", filter.cgroups, std::identity());
    add("--container", filter.containers, std::identity());
    if (filter.role) {
        words.emplace_back("--role");
        words.emplace_back(name(*filter.role));
    }
    for (const auto& [option, sample] :
         {std::pair("--sample", filter.sample), std::pair("--sampled", filter.sampled)}) {
        if (sample <= 1) continue;
        words.emplace_back(option);
        words.push_back(decimal(sample));
    }
    if (filter.family) words.emplace_back(*filter.family == tcp::Family::ipv4 ? "-4" : "-6");
    return words;
}

std::string filter_as_given(const Filter& filter) {
    std::string all;
    bool is_value = false;
    for (std::string_view word : filter_words(filter)) {
        if (!is_value && word.starts_with(kNot)) word.remove_prefix(1);
        if (!all.empty()) all += ' ';
        all += word;
        is_value = !is_value && !is_flag(word);
    }
    return all;
}

Filter filter_from_words(std::span<const std::string> words) {
    Values values;
    std::vector<std::string> unreadable;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& key = words[i];
        std::string_view option = key;
        const bool excludes = option.starts_with(kNot);
        if (excludes) option.remove_prefix(1);
        if (!is_option(option) || (excludes && is_flag(option))) continue;
        std::vector<std::string>& list = values[key];
        if (is_flag(option)) continue;
        std::string_view value = ++i < words.size() ? std::string_view(words[i]) : "";
        const bool is_whole = i < words.size() && value.starts_with(kNot) >= excludes;
        if (is_whole && excludes) value.remove_prefix(1);
        auto read = is_whole ? unescaped(value) : std::nullopt;
        if (read)
            list.push_back(std::move(*read));
        else
            unreadable.push_back(key);
    }
    for (const std::string& key : unreadable) values.erase(key);
    return filter_of(std::move(values));
}

} // namespace tcpdwell::event
