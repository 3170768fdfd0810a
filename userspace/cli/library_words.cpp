// SPDX-License-Identifier: Apache-2.0
#include "cli/library_words.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

namespace tcpdwell::cli {
namespace {

/// What stands before and behind `between`; nothing if it isn't there.
std::optional<std::pair<std::string_view, std::string_view>> parted(std::string_view text,
                                                                    std::string_view between) {
    const std::size_t at = text.find(between);
    if (at == std::string_view::npos) return std::nullopt;
    return std::pair(text.substr(0, at), text.substr(at + between.size()));
}

} // namespace

std::string in_words(const std::string& text) {
    constexpr std::string_view kMissing = " missing";
    if (auto required = parted(text, ": 1 required ");
        required && required->second.ends_with(kMissing)) {
        required->second.remove_suffix(kMissing.size());
        return fmt::format("{} takes a value: {}", required->first, required->second);
    }
    if (const auto excludes = parted(text, " excludes "))
        return fmt::format("{} can't be given together with {}", excludes->first, excludes->second);
    if (const auto repeated = parted(text, ": At Most 1 required but received "))
        return repeated->second == "2"
                   ? fmt::format("{} is given twice", repeated->first)
                   : fmt::format("{} is given {} times", repeated->first, repeated->second);
    if (const auto flag = parted(text, " was given a disallowed flag override"))
        return fmt::format("--{} takes no value", flag->first);
    return text;
}

} // namespace tcpdwell::cli
