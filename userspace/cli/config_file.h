// SPDX-License-Identifier: Apache-2.0
// Options from a file, TOML or INI as CLI11 reads it, by the names of the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"

namespace tcpdwell::cli {

class ConfigFile {
public:
    using Items = std::map<std::string, std::vector<std::string>>; ///< by name, without "--"

    /// No file: nothing is set. ErrorCode::usage: it can't be read, or has what `app` has no option
    /// for.
    static Result<ConfigFile> read(const std::string& path, CLI::App& app);

    [[nodiscard]] const Items& items() const { return items_; }
    /// The value of the option, as if it stood on the command line; nothing where the file doesn't
    /// set it. ErrorCode::usage: the value is wrong.
    Result<void> apply(CLI::App& app, const std::string& name) const;
    /// All of them but those in `given`.
    Result<void> apply_all(CLI::App& app, const std::set<std::string>& given) const;

private:
    std::string path_;
    Items items_;
};

/// The options that the command line has set, without "--".
std::set<std::string> given_options(const CLI::App& app);

} // namespace tcpdwell::cli
