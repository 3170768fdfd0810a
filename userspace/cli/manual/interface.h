// SPDX-License-Identifier: Apache-2.0
// The command line as manual pages and completion show it, read from the same CLI11 objects that
// parse it and print --help.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace tcpdwell::cli {

/// What a shell completes the value of an option with.
enum class ValueKind : std::uint8_t {
    none,    ///< a flag, or a value that nothing is known about
    words,   ///< OptionPage::words
    file,    ///< files and folders
    command, ///< a command with its arguments
    netns,   ///< named network namespaces of this host
    pid,     ///< its processes
    comm,    ///< their names
    cgroup,  ///< its cgroups
    user,    ///< its users
};

struct OptionPage {
    std::vector<std::string> names; ///< "-f", "--format"; a positional argument has one, its own
    std::string group;              ///< heading, "Options" unless the command has another
    std::string value;              ///< how the value is called, "FILE"; "": a flag
    ValueKind kind = ValueKind::none;
    std::vector<std::string> words; ///< all values that there are; empty: any
    bool closed = false;            ///< whether `words` are the only valid values
    bool is_list = false;           ///< of values separated by commas
    bool repeats = false;           ///< takes several arguments in a row
    bool is_positional = false;
    bool is_required = false;
    std::string help;
    std::string preset; ///< "": none
    std::vector<std::string> needs;
    std::vector<std::string> excludes;
};

struct CommandPage {
    std::string name; ///< "" for the program itself
    std::string summary;
    std::string footer; ///< examples and remarks, as --help has them
    std::vector<OptionPage> options;
};

struct Interface {
    CommandPage program;
    std::vector<CommandPage> commands; ///< in the order of --help
};

/// `app` is that of a CommandLine.
Interface read_interface(const CLI::App& app);

} // namespace tcpdwell::cli
