// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/manual/pages.h"
#include "cli/manual/shell_text.h"

namespace tcpdwell::cli {
namespace {

/// As a part of an argument of _arguments: what has a meaning there is escaped.
std::string zsh_part(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\' || c == '(' || c == ')') result += '\\';
        result += c;
    }
    return result;
}

std::string zsh_action(const OptionPage& option) {
    const std::string_view sequence = option.is_list ? "_sequence " : "";
    if (const HostValues* host = host_values(option.kind); host != nullptr)
        return fmt::format("{}_tcpdwell_{}", sequence, host->name);
    switch (option.kind) {
    case ValueKind::words: {
        std::string words;
        for (const std::string& word : option.words)
            words += (words.empty() ? "" : " ") + zsh_part(word);
        return option.is_list ? "_sequence compadd - " + words : '(' + words + ')';
    }
    case ValueKind::file: return "_files";
    case ValueKind::command: return "_normal";
    default: return " "; // any value; nothing to offer
    }
}

std::string zsh_option(const OptionPage& option) {
    const std::string value = zsh_part(option.closed ? "value" : option.value);
    if (option.is_positional) {
        const std::string_view place = option.kind == ValueKind::command ? "*::"
                                       : option.repeats                  ? "*:"
                                                                         : "1:";
        return single_quoted(fmt::format("{}{}:{}", place, value, zsh_action(option)));
    }
    // Lists may be given again, other options once.
    std::string prefix = option.is_list || option.repeats ? "*" : "";
    if (prefix.empty() && option.names.size() > 1)
        prefix = fmt::format("({})", fmt::join(option.names, " "));
    const std::string names = option.names.size() > 1
                                  ? fmt::format("{{{}}}", fmt::join(option.names, ","))
                                  : option.names.front();
    std::string rest = fmt::format("[{}]", zsh_part(option.help));
    if (!option.value.empty())
        rest += fmt::format("{}{}:{}", option.repeats ? ":*-*:" : ":", value, zsh_action(option));
    return fmt::format("{}{}{}", prefix.empty() ? "" : single_quoted(prefix), names,
                       single_quoted(rest));
}

std::string zsh_arguments(const CommandPage& command, std::string_view indent) {
    std::string text;
    for (const OptionPage& option : command.options)
        text += fmt::format(" \\\n{}{}", indent, zsh_option(option));
    return text;
}

} // namespace

std::string zsh_completion(const Interface& interface) {
    std::string text = "#compdef tcpdwell\n# SPDX-License-Identifier: Apache-2.0\n"
                       "# Completion of tcpdwell's command line; generated from the options "
                       "themselves.\n\n";
    for (const HostValues& host : kHostValues)
        text += fmt::format("_tcpdwell_{}() {{ compadd \"$@\" -- ${{(f)\"$({})\"}} }}\n", host.name,
                            host.command);
    text += "\n_tcpdwell() {\n    local curcontext=$curcontext state line\n"
            "    typeset -A opt_args\n    local -a commands=(\n";
    for (const CommandPage& command : interface.commands)
        text += fmt::format("        {}\n", single_quoted(fmt::format("{}:{}", command.name,
                                                                      zsh_part(command.summary))));
    text += "    )\n    _arguments -C -s" + zsh_arguments(interface.program, "        ") +
            " \\\n        '1:command:->command' '*::argument:->argument'\n"
            "    case $state in\n    command) _describe command commands ;;\n    argument)\n"
            "        case $words[1] in\n";
    for (const CommandPage& command : interface.commands)
        text += fmt::format("        {})\n            _arguments -s{}\n            ;;\n",
                            command.name, zsh_arguments(command, "                "));
    return text + "        esac\n        ;;\n    esac\n}\n\n_tcpdwell \"$@\"\n";
}

} // namespace tcpdwell::cli
