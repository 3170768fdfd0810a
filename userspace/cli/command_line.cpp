// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/similar.h"
#include "base/text.h"
#include "cli/help.h"

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

std::string did_you_mean(const std::vector<std::string>& words) {
    return words.empty() ? "" : fmt::format(" (did you mean {}?)", fmt::join(words, " or "));
}

/// The library's sentences in the words of this program.
std::string in_words(const std::string& text) {
    constexpr std::string_view kRequired = ": 1 required ";
    constexpr std::string_view kMissing = " missing";
    constexpr std::string_view kExcludes = " excludes ";
    const std::string_view all = text;
    const std::size_t required = all.find(kRequired);
    if (required != std::string_view::npos && all.ends_with(kMissing)) {
        std::string_view value = all.substr(required + kRequired.size());
        value.remove_suffix(kMissing.size());
        return fmt::format("{} takes a value: {}", all.substr(0, required), value);
    }
    if (const std::size_t at = all.find(kExcludes); at != std::string_view::npos)
        return fmt::format("{} can't be given together with {}", all.substr(0, at),
                           all.substr(at + kExcludes.size()));
    return text;
}

/// Of the arguments: those after --.
std::span<const std::string> after_dashes(std::span<const std::string> arguments) {
    const auto dashes = std::ranges::find(arguments, "--");
    if (dashes == arguments.end()) return {};
    return arguments.subspan(static_cast<std::size_t>(dashes - arguments.begin()) + 1);
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
    }
    auto* help = app_.add_subcommand("help", "Print the options of a command")->group("Commands");
    help->add_option("COMMAND", explained_, "A command; without it, list them")->type_name("");
    help->callback([this] {
        chosen_ = [this]() -> Result<int> {
            if (explained_.size() > 1) return tl::unexpected(usage_error("help takes one command"));
            if (explained_.empty()) {
                // Not help(): that is of the command that has been chosen, this one.
                const auto format = app_.get_formatter();
                std::fputs(format->make_help(&app_, "tcpdwell", CLI::AppFormatMode::Normal).c_str(),
                           stdout);
                return 0;
            }
            auto known = command_names();
            known.emplace_back("help");
            if (std::ranges::find(known, explained_.front()) == known.end())
                return tl::unexpected(unknown_command(explained_.front()));
            std::fputs(help_of(explained_.front()).c_str(), stdout);
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
        app_.exit(error); // --help, --version
        return Action();
    }
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
    return usage_error(fmt::format("{} has no option {}{}; see {}",
                                   name.empty() ? "tcpdwell" : "'" + name + "'", printable(option),
                                   did_you_mean(most_alike(option, names)), hint));
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
