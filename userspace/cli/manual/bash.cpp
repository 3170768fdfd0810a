// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/manual/pages.h"
#include "cli/manual/shell_text.h"

namespace tcpdwell::cli {
namespace {

// clang-format off: the scripts are no C++
constexpr std::string_view kBashHead = R"sh(# SPDX-License-Identifier: Apache-2.0
# Completion of tcpdwell's command line; generated from the options themselves.

# Takes those of the candidates on stdin that fit. compgen -W would evaluate them.
_tcpdwell_take() { # PREFIX
    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        [[ $candidate == "$cur"* ]] && COMPREPLY+=("$1$(printf %q "$candidate")")
    done
    [[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace
    return 0
}
_tcpdwell_one() { _tcpdwell_take ''; }
_tcpdwell_list() { # of values separated by commas
    local prefix=''
    if [[ $cur == *,* ]]; then
        prefix=${cur%,*},
        cur=${cur##*,}
    fi
    _tcpdwell_take "$prefix"
    compopt -o nospace
}
)sh";

constexpr std::string_view kBashBody = R"sh(
_tcpdwell() {
    local cur prev words cword split command='' option i last
    _init_completion -s -n : || return
    for ((i = 1; i < cword; i++)); do
        [[ ${words[i]} == -* ]] && continue
        command=${words[i]}
        break
    done
    if [[ ! $command ]]; then
        _tcpdwell_one < <(_tcpdwell_commands; _tcpdwell_options '')
        return
    fi
    for ((last = i, i++; i < cword; i++)); do
        if [[ ${words[i]} == -- ]]; then
            _command_offset $((i + 1))
            return
        fi
        [[ ${words[i]} == -* ]] && last=$i
    done
    option=$prev
    # An option such as -r takes all that follows, up to the next one.
    if ((last < cword - 1)) && _tcpdwell_repeats "$command ${words[last]}"; then option=${words[last]}; fi
    _tcpdwell_value "$command $option" && return
    if [[ $cur == -* ]]; then
        _tcpdwell_one < <(_tcpdwell_options "$command")
    else
        _tcpdwell_value "$command"
    fi
}
complete -F _tcpdwell tcpdwell
)sh";
// clang-format on

std::string lines_command(const std::vector<std::string>& words) {
    std::string text = "printf '%s\\n'";
    for (const std::string& word : words) text += ' ' + single_quoted(word);
    return text;
}

/// What fills COMPREPLY with values of the option.
std::string action(const OptionPage& option) {
    const std::string_view take = option.is_list ? "_tcpdwell_list" : "_tcpdwell_one";
    if (const HostValues* host = host_values(option.kind); host != nullptr)
        return fmt::format("{} < <({})", take, host->command);
    switch (option.kind) {
    case ValueKind::words: return fmt::format("{} < <({})", take, lines_command(option.words));
    case ValueKind::file: return "_filedir";
    default: return ":"; // any value; nothing to offer
    }
}

std::string patterns(std::string_view command, const OptionPage& option) {
    std::string text;
    for (const std::string& name : option.names)
        text += fmt::format("{}{}", text.empty() ? "" : " | ",
                            single_quoted(fmt::format("{} {}", command, name)));
    return text;
}

std::string value_cases(const CommandPage& command) {
    std::string text;
    for (const OptionPage& option : command.options) {
        if (option.value.empty() || option.kind == ValueKind::command) continue;
        const std::string pattern =
            option.is_positional ? single_quoted(command.name) : patterns(command.name, option);
        text += fmt::format("    {}) {} ;;\n", pattern, action(option));
    }
    return text;
}

std::string repeat_cases(const CommandPage& command) {
    std::string text;
    for (const OptionPage& option : command.options)
        if (option.repeats && !option.is_positional)
            text += fmt::format("    {}) ;;\n", patterns(command.name, option));
    return text;
}

std::string option_case(const CommandPage& command) {
    std::vector<std::string> names;
    for (const OptionPage& option : command.options)
        if (!option.is_positional)
            names.insert(names.end(), option.names.begin(), option.names.end());
    return fmt::format("    {}) {} ;;\n", single_quoted(command.name), lines_command(names));
}

/// A shell function with a case of $1 for each command.
template <class Make>
std::string by_command(std::string_view function, const Interface& interface,
                       std::string_view otherwise, Make make) {
    std::string text = fmt::format("{}() {{\n    case $1 in\n", function);
    text += make(interface.program);
    for (const CommandPage& command : interface.commands) text += make(command);
    return text + fmt::format("    *) {} ;;\n    esac\n}}\n", otherwise);
}

} // namespace

std::string bash_completion(const Interface& interface) {
    std::vector<std::string> names;
    for (const CommandPage& command : interface.commands) names.push_back(command.name);
    std::string text(kBashHead);
    text += fmt::format("_tcpdwell_commands() {{ {}; }}\n", lines_command(names));
    text += by_command("_tcpdwell_options", interface, ":", option_case);
    text += by_command("_tcpdwell_value", interface, "return 1", value_cases);
    text += by_command("_tcpdwell_repeats", interface, "return 1", repeat_cases);
    return text + std::string(kBashBody);
}

} // namespace tcpdwell::cli
