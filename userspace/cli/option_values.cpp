// SPDX-License-Identifier: Apache-2.0
#include "cli/option_values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>

#include "base/text.h"

namespace tcpdwell::cli {
namespace {

/// A validator without a description: that would become a part of the help.
CLI::Validator transformer(std::function<std::string(std::string&)> function) {
    return CLI::Validator(std::move(function), "");
}

/// Of the library's validator: whether `text` could be read, and is then a plain number.
bool reads(const CLI::Validator& library, std::string& text) {
    try {
        return library(text).empty();
    } catch (const CLI::Error&) {
        return false;
    }
}

std::string not_taken(const std::string& text, const std::string& wanted) {
    return fmt::format("'{}' isn't {}", printable(text), wanted);
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::string_view units[] = {"", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    while (bytes >= 1024 && bytes % 1024 == 0 && unit + 1 < std::size(units)) {
        bytes /= 1024;
        ++unit;
    }
    return fmt::format("{}{}", bytes, units[unit]);
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return value;
}

} // namespace

CLI::Option* add_duration(CLI::App& app, const std::string& names, double& seconds,
                          const std::string& help, Zero zero) {
    const auto read = [zero](std::string& text) -> std::string {
        static const CLI::AsNumberWithUnit units(std::map<std::string, double>{
            {"ms", 0.001}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}});
        // Fits into nanoseconds of 64 bits.
        constexpr int kMostDays = 106'000;
        std::string value = text;
        const double number = reads(units, value) ? std::strtod(value.c_str(), nullptr) : -1;
        if (!std::isfinite(number) || number < 0 || (number == 0 && zero == Zero::refused))
            return not_taken(text, fmt::format("a duration{}, such as 30, 500ms, 30s, 5m, 1h or 2d",
                                               zero == Zero::allowed ? "" : " of more than 0"));
        if (number > kMostDays * 86'400.0)
            return not_taken(text, fmt::format("a duration of at most {}d", kMostDays));
        text = value;
        return {};
    };
    return app.add_option(names, seconds, help)
        ->transform(transformer(read))
        ->type_name("DURATION");
}

CLI::Option* add_size(CLI::App& app, const std::string& names, std::uint64_t& bytes,
                      SizeRange range, const std::string& help) {
    const auto read = [range](std::string& text) -> std::string {
        static const CLI::AsSizeValue units(false);
        std::string value = text;
        const auto number = reads(units, value) ? whole_number(value) : std::nullopt;
        if (!number || *number < range.least || *number > range.most)
            return not_taken(text, fmt::format("a size from {} to {}, such as {}64MiB or 1G",
                                               size_text(range.least), size_text(range.most),
                                               range.least <= (500 << 10) ? "500K, " : ""));
        text = value;
        return {};
    };
    return app.add_option(names, bytes, help)->transform(transformer(read))->type_name("SIZE");
}

CLI::Option* add_number(CLI::App& app, const std::string& names, std::uint64_t& number,
                        std::uint64_t most, const std::string& help) {
    const auto read = [most](std::string& text) -> std::string {
        const auto value = whole_number(text);
        if (!value || *value < 1 || *value > most)
            return not_taken(text, fmt::format("a number from 1 to {}", most));
        return {};
    };
    return app.add_option(names, number, help)->transform(transformer(read))->type_name("N");
}

CLI::Option* add_speed(CLI::App& app, const std::string& names, double& factor,
                       const std::string& help) {
    const auto read = [](std::string& text) -> std::string {
        static const CLI::AsNumberWithUnit units(std::map<std::string, double>{{"x", 1.0}});
        std::string value = text;
        const double number = reads(units, value) ? std::strtod(value.c_str(), nullptr) : -1;
        if (!std::isfinite(number) || number <= 0)
            return not_taken(text, "a speed of more than 0, such as 1x, 10x or 0.5x");
        text = value;
        return {};
    };
    return app.add_option(names, factor, help)->transform(transformer(read))->type_name("SPEED");
}

CLI::Option* add_host_root(CLI::App& app, std::string& folder) {
    return app
        .add_option("--host-root", folder,
                    "Where the host's root directory is mounted, for the names of containers")
        ->type_name("FOLDER")
        ->check(CLI::Validator(
            [](const std::string& path) {
                std::error_code error;
                return std::filesystem::is_directory(path, error) ? "" : "there is no such folder";
            },
            ""));
}

CLI::Option* add_format(CLI::App& app, std::string& word, const std::vector<std::string>& words,
                        const std::string& why, const std::string& help) {
    static constexpr std::string_view kFormats[] = {"csv", "json", "jsonl", "table", "text"};
    const auto read = [words, why](std::string& text) -> std::string {
        if (std::ranges::find(words, text) != words.end()) return {};
        std::string error = not_taken(text, fmt::format("one of {}", fmt::join(words, ", ")));
        if (std::ranges::find(kFormats, text) != std::end(kFormats)) error += ": " + why;
        return error;
    };
    return app.add_option("-f,--format", word, help)
        ->transform(transformer(read))
        ->type_name(fmt::format("{}", fmt::join(words, "|")));
}

CLI::Option* add_choice(CLI::App& app, const std::string& names, std::string& word,
                        const std::vector<std::string>& words, const std::string& help) {
    const auto read = [words](std::string& text) -> std::string {
        if (std::ranges::find(words, text) != words.end()) return {};
        return not_taken(text, fmt::format("one of {}", fmt::join(words, ", ")));
    };
    return app.add_option(names, word, help)
        ->transform(transformer(read))
        ->type_name(fmt::format("{}", fmt::join(words, "|")));
}

} // namespace tcpdwell::cli
