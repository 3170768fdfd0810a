// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <unistd.h>

#include "base/similar.h"
#include "base/text.h"
#include "cli/help.h"
#include "cli/library_words.h"
#include "render/renderer.h"

namespace tcpdwell::cli {
namespace {

/// -h, --help, --port ... of `command`.
std::vector<std::string> option_names(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::Option* option : command.get_options()) {
        for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
        for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    }
    return names;
}

std::vector<std::string> command_names() {
    std::vector<std::string> names;
    for (const Command& command : commands()) names.emplace_back(command.name);
    return names;
}

bool is_command(const std::string& word) {
    return word == "help" ||
           std::ranges::find(commands(), word, &Command::name) != commands().end();
}

std::string did_you_mean(const std::vector<std::string>& words) {
    return words.empty() ? "" : fmt::format(" (did you mean {}?)", fmt::join(words, " or "));
}

/// Of the arguments: those after --.
std::span<const std::string> after_dashes(std::span<const std::string> arguments) {
    const auto dashes = std::ranges::find(arguments, "--");
    if (dashes == arguments.end()) return {};
    return arguments.subspan(static_cast<std::size_t>(dashes - arguments.begin()) + 1);
}

/// Only to a full disk can it not be written: not all of it would look like all.
Result<void> print(std::string text) {
    render::Output out(STDOUT_FILENO);
    out.buffer() = std::move(text);
    return out.flush();
}

/// --strict=3 would be --strict.
void let_flags_have_no_values(CLI::App& app) {
    for (CLI::Option* option : app.get_options())
        if (option->get_items_expected_max() == 0) option->disable_flag_override();
}

Error usage_error(std::string message) { return {ErrorCode::usage, std::move(message)}; }

} // namespace

CommandLine::CommandLine()
    : app_("tcpdwell: which TCP states connections pass, how long each lasts, who closes first, "
           "and why they end.\nTIME_WAIT and SYN_RECV are shown as the kernel really keeps them.",
           "tcpdwell") {
    app_.formatter(std::make_shared<HelpFormatter>());
    app_.set_version_flag("--version", "tcpdwell " TCPDWELL_VERSION, "Print the version and exit");
    app_.set_help_flag("-h,--help", "Print this help and exit");
    app_.require_subcommand(1);
    for (const Command& command : commands()) {
        CLI::App* sub = app_.add_subcommand(std::string(command.name), std::string(command.summary))
                            ->group("Commands");
        Action action = command.define(*sub);
        sub->callback([this, action = std::move(action)] { chosen_ = action; });
        let_flags_have_no_values(*sub);
    }
    let_flags_have_no_values(app_);
    auto* help = app_.add_subcommand("help", "Print the options of a command")->group("Commands");
    help->add_option("COMMAND", explained_, "A command; without it, list them")->type_name("");
    help->callback([this] {
        chosen_ = [this]() -> Result<int> {
            // Not help() of the program: that is of the command that has been chosen, this one.
            if (!explained_.empty() && !is_command(explained_))
                return tl::unexpected(unknown_command(explained_));
            const auto printed = print(
                explained_.empty()
                    ? app_.get_formatter()->make_help(&app_, "tcpdwell", CLI::AppFormatMode::Normal)
                    : help_of(explained_));
            if (!printed) return tl::unexpected(printed.error());
            return 0;
        };
    });
    app_.footer("'tcpdwell help COMMAND' lists the options of a command. Tracing needs root.");
}

Result<Action> CommandLine::read(const std::vector<std::string>& arguments) {
    try {
        app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0) return tl::unexpected(mistake(error, arguments));
        // --help, --version; not of a command that there isn't.
        if (const std::string& word = arguments.front();
            !word.starts_with('-') && !is_command(word))
            return tl::unexpected(unknown_command(word));
        std::ostringstream text;
        app_.exit(error, text, text);
        if (auto printed = print(text.str()); !printed) return tl::unexpected(printed.error());
        return Action();
    }
    if (auto missing = missing_command(arguments)) return tl::unexpected(std::move(*missing));
    if (auto misplaced = misplaced_command(arguments)) return tl::unexpected(std::move(*misplaced));
    return chosen_;
}

std::string CommandLine::help_of(const std::string& command) {
    const CLI::App* sub = app_.get_subcommand(command);
    return sub->help("tcpdwell");
}

Error CommandLine::mistake(const CLI::ParseError& error,
                           const std::vector<std::string>& arguments) {
    const auto chosen = app_.get_subcommands();
    if (auto rest = app_.remaining(); chosen.empty() && !rest.empty())
        return rest.front().starts_with('-') ? unknown_argument(rest.front(), app_)
                                             : unknown_command(rest.front());
    if (chosen.empty())
        return usage_error(fmt::format("a command is missing: {}; 'tcpdwell help' says what they "
                                       "do",
                                       fmt::join(command_names(), ", ")));
    const bool has_extras = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
    const auto rest = has_extras ? app_.remaining(true) : std::vector<std::string>();
    const bool has_option = !rest.empty() && rest.front().starts_with('-');
    if (auto misplaced = misplaced_command(arguments); misplaced && !has_option)
        return std::move(*misplaced);
    if (!rest.empty()) return unknown_argument(rest.front(), *chosen.front());
    return usage_error(fmt::format("{}; see 'tcpdwell help {}'", in_words(error.what()),
                                   chosen.front()->get_name()));
}

Error CommandLine::unknown_command(const std::string& word) {
    const auto alike = most_alike(word, command_names());
    if (!alike.empty())
        return usage_error(
            fmt::format("there is no command '{}'{}", printable(word), did_you_mean(alike)));
    return usage_error(fmt::format("there is no command '{}'; there are {}", printable(word),
                                   fmt::join(command_names(), ", ")));
}

Error CommandLine::unknown_argument(const std::string& word, const CLI::App& command) const {
    const std::string name = command.get_parent() ? command.get_name() : "";
    const std::string hint =
        name.empty() ? "'tcpdwell help'" : fmt::format("'tcpdwell help {}'", name);
    const auto names = option_names(command);
    if (!word.starts_with('-')) {
        const bool is_option = std::ranges::find(names, "--" + word) != names.end();
        return usage_error(fmt::format("'{}' isn't expected here{}; see {}", printable(word),
                                       is_option ? " (did you mean --" + word + "?)" : "", hint));
    }
    const std::string option = word.substr(0, word.find('='));
    return usage_error(
        fmt::format("{} has no option {}{}; see {}", name.empty() ? "tcpdwell" : "'" + name + "'",
                    printable(option),
                    // All of one letter are alike.
                    option.starts_with("--") ? did_you_mean(most_alike(option, names)) : "", hint));
}

/// "trace --" would trace the whole host, where a script's variable was to hold a command.
std::optional<Error> CommandLine::missing_command(const std::vector<std::string>& arguments) const {
    const auto chosen = app_.get_subcommands();
    const bool takes_one =
        !chosen.empty() && chosen.front()->get_option_no_throw(kCommandArgument) != nullptr;
    if (!takes_one || std::ranges::find(arguments, "--") == arguments.end() ||
        !after_dashes(arguments).empty())
        return std::nullopt;
    return usage_error("the command to run is missing after --");
}

/// Words before -- aren't a command to be run: mostly they are options without their dashes.
std::optional<Error>
CommandLine::misplaced_command(const std::vector<std::string>& arguments) const {
    const auto chosen = app_.get_subcommands();
    if (chosen.empty()) return std::nullopt;
    const CLI::App& command = *chosen.front();
    const CLI::Option* taken = command.get_option_no_throw(kCommandArgument);
    if (taken == nullptr) return std::nullopt;
    const std::vector<std::string>& words = taken->results();
    if (words.empty() || std::ranges::equal(words, after_dashes(arguments))) return std::nullopt;
    const std::string& word = words.front();
    const auto names = option_names(command);
    std::string meant;
    if (word == "help")
        meant = fmt::format(" (did you mean 'tcpdwell help {}'?)", command.get_name());
    else if (std::ranges::find(names, "--" + word) != names.end())
        meant = fmt::format(" (did you mean --{}?)", word);
    else if (std::error_code error; std::filesystem::exists(word, error))
        meant = fmt::format(" (did you mean -r {}?)", printable(word));
    return usage_error(fmt::format("'{}' isn't expected here{}; a command to run stands after --, "
                                   "as in 'tcpdwell {} -- {}'",
                                   printable(word), meant, command.get_name(),
                                   printable(fmt::format("{}", fmt::join(words, " ")))));
}

} // namespace tcpdwell::cli
