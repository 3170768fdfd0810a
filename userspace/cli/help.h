// SPDX-License-Identifier: Apache-2.0
// The help of the program and of its commands.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>

namespace tcpdwell::cli {

/// Lines of at most 80 columns: an option with its kind of value, and beside it what it does and
/// what it is if it isn't given.
class HelpFormatter final : public CLI::Formatter {
public:
    static constexpr std::size_t kWidth = 80;

    HelpFormatter();
    std::string make_usage(const CLI::App* app, std::string name) const override;
    std::string make_option(const CLI::Option* option, bool is_positional) const override;
    std::string make_description(const CLI::App* app) const override;
    std::string make_footer(const CLI::App* app) const override;
    std::string make_subcommand(const CLI::App* command) const override;
};

} // namespace tcpdwell::cli
