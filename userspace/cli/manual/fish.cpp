// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/manual/pages.h"
#include "cli/manual/shell_text.h"

namespace tcpdwell::cli {
namespace {

std::string fish_quoted(std::string_view text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') result += '\\';
        result += c;
    }
    return result + '\'';
}

/// How the value is completed; "" for a flag.
std::string fish_values(const OptionPage& option) {
    if (option.value.empty()) return "";
    if (const HostValues* host = host_values(option.kind); host != nullptr)
        return fmt::format(" -x -a '({}__tcpdwell_{})'",
                           option.is_list ? "__fish_complete_list , " : "", host->name);
    switch (option.kind) {
    case ValueKind::words: {
        std::string words = fmt::format("{}", fmt::join(option.words, " "));
        if (option.is_list)
            words = fmt::format("(__fish_complete_list , \"string join \\n {}\")", words);
        return " -x -a " + fish_quoted(words);
    }
    case ValueKind::file: return " -r -F";
    case ValueKind::command: return " -a '(__fish_complete_command)'";
    default: return " -x";
    }
}

std::string fish_option(std::string_view condition, const OptionPage& option) {
    std::string text = fmt::format("complete -c tcpdwell -n {}", fish_quoted(condition));
    if (!option.is_positional)
        for (const std::string& name : option.names)
            text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    text += fish_values(option);
    if (!option.is_positional) text += fmt::format(" -d {}", fish_quoted(option.help));
    return text + '\n';
}

} // namespace

std::string fish_completion(const Interface& interface) {
    std::string text = "# SPDX-License-Identifier: Apache-2.0\n"
                       "# Completion of tcpdwell's command line; generated from the options "
                       "themselves.\n\n";
    for (const HostValues& host : kHostValues)
        text += fmt::format("function __tcpdwell_{}\n    {}\nend\n", host.name, host.command);
    std::string names;
    for (const CommandPage& command : interface.commands) names += ' ' + command.name;
    const std::string first = "not __fish_seen_subcommand_from" + names;
    text += "\ncomplete -c tcpdwell -f\n";
    for (const OptionPage& option : interface.program.options) text += fish_option(first, option);
    for (const CommandPage& command : interface.commands)
        text += fmt::format("complete -c tcpdwell -n {} -a {} -d {}\n", fish_quoted(first),
                            command.name, fish_quoted(command.summary));
    for (const CommandPage& command : interface.commands)
        for (const OptionPage& option : command.options)
            text += fish_option("__fish_seen_subcommand_from " + command.name, option);
    return text;
}

} // namespace tcpdwell::cli
