// SPDX-License-Identifier: Apache-2.0
#include "analysis/host_facts.h"

#include <charconv>

namespace tcpdwell::analysis {
namespace {

std::optional<std::uint64_t> leading_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc()) return std::nullopt;
    return value;
}

} // namespace

void HostFacts::on_fact(const event::Fact& fact) {
    values_.insert_or_assign({fact.netns, fact.key}, fact.value);
}

std::optional<std::string_view> HostFacts::about_host(std::string_view key) const {
    const auto it = values_.find(std::pair(std::uint32_t{0}, std::string(key)));
    if (it == values_.end()) return std::nullopt;
    return it->second;
}

std::optional<std::string_view> HostFacts::sysctl(std::uint32_t netns,
                                                  std::string_view name) const {
    const auto it = values_.find(std::pair(netns, std::string(name)));
    if (it != values_.end()) return it->second;
    return netns == 0 ? std::nullopt : about_host(name);
}

std::optional<std::uint64_t> HostFacts::sysctl_number(std::uint32_t netns,
                                                      std::string_view name) const {
    const auto text = sysctl(netns, name);
    return text ? leading_number(*text) : std::nullopt;
}

std::optional<std::pair<std::uint32_t, std::uint32_t>>
HostFacts::port_range(std::uint32_t netns) const {
    const auto text = sysctl(netns, "net.ipv4.ip_local_port_range");
    if (!text) return std::nullopt;
    const std::size_t gap = text->find_first_of(" \t");
    const std::size_t second = text->find_first_not_of(" \t", gap);
    if (second == std::string_view::npos) return std::nullopt;
    const auto first = leading_number(*text);
    const auto last = leading_number(text->substr(second));
    if (!first || !last || *first > *last || *last > 65535) return std::nullopt;
    return std::pair(static_cast<std::uint32_t>(*first), static_cast<std::uint32_t>(*last));
}

std::vector<std::pair<std::string_view, std::string_view>> HostFacts::own_sysctls() const {
    std::vector<std::pair<std::string_view, std::string_view>> all;
    for (const auto& [key, value] : values_)
        if (key.first == 0 && key.second.find('.') != std::string::npos)
            all.emplace_back(key.second, value);
    return all;
}

} // namespace tcpdwell::analysis
