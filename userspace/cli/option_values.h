// SPDX-License-Identifier: Apache-2.0
// Options whose values are durations, sizes, numbers or one of a few words: how they are read, how
// they stand in the help, and what is said of a value that can't be taken.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace tcpdwell::cli {

/// Whether a duration may be none.
enum class Zero { refused, allowed };

/// DURATION, in seconds: 30, 30s, 500ms, 5m, 1h, 2d.
CLI::Option* add_duration(CLI::App& app, const std::string& names, double& seconds,
                          const std::string& help, Zero zero = Zero::refused);

/// SIZE, in bytes: 65536, 64K, 16MiB, 1G (of 1024). Of both bounds too.
struct SizeRange {
    std::uint64_t least = 1;
    std::uint64_t most = std::uint64_t{1} << 60;
};
CLI::Option* add_size(CLI::App& app, const std::string& names, std::uint64_t& bytes,
                      SizeRange range, const std::string& help);

/// N, from 1 to `most`.
CLI::Option* add_number(CLI::App& app, const std::string& names, std::uint64_t& number,
                        std::uint64_t most, const std::string& help);

/// SPEED, as a factor of more than 0: 10, 10x, 0.5x.
CLI::Option* add_speed(CLI::App& app, const std::string& names, double& factor,
                       const std::string& help);

/// --host-root, a folder that exists: see live::ContainerFiles.
CLI::Option* add_host_root(CLI::App& app, std::string& folder);

/// --format, one of `words`. `why`: of the words that stand for a format with other commands, why
/// they don't here; a sentence without its full stop.
CLI::Option* add_format(CLI::App& app, std::string& word, const std::vector<std::string>& words,
                        const std::string& why, const std::string& help);

/// One of `words`.
CLI::Option* add_choice(CLI::App& app, const std::string& names, std::string& word,
                        const std::vector<std::string>& words, const std::string& help);

} // namespace tcpdwell::cli
