// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "render/wrap.h"

namespace tcpdwell::cli {
namespace {

constexpr std::size_t kColumn = 26; ///< where the texts begin

/// `name` and beside it `text`; below it if the name is too long.
std::string entry(const std::string& name, const std::string& text) {
    const std::string indent(kColumn, ' ');
    const std::string lines = render::wrap(text, HelpFormatter::kWidth, indent);
    const std::string head = "  " + name;
    if (lines.empty() || head.size() + 2 > kColumn) return head + "\n" + lines;
    return head + lines.substr(head.size());
}

/// An indented line, of an example or a table: what stands behind spaces goes below if the line is
/// too long.
std::string indented_line(const std::string& line) {
    constexpr std::string_view kGap = "  ";
    const std::size_t begin = line.find_first_not_of(' ');
    const std::size_t gap = begin == std::string::npos ? begin : line.find(kGap, begin);
    if (line.size() <= HelpFormatter::kWidth || gap == std::string::npos) return line + "\n";
    return line.substr(0, gap) + "\n" +
           render::wrap(line.substr(gap), HelpFormatter::kWidth, std::string(3 * begin, ' '));
}

/// Paragraphs are broken into lines; indented lines stay what they are, as far as they fit.
std::string paragraphs(const std::string& text) {
    std::string out;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = text.substr(begin, end - begin);
        if (line.empty())
            out += '\n';
        else
            out += line.front() == ' ' ? indented_line(line)
                                       : render::wrap(line, HelpFormatter::kWidth, "");
        begin = end + 1;
    }
    return out;
}

} // namespace

HelpFormatter::HelpFormatter() {
    label("SUBCOMMAND", "COMMAND");
    label("Subcommands", "Commands");
    label("Positionals", "Arguments");
}

/// The command to trace stands after --, which the library doesn't show.
std::string HelpFormatter::make_usage(const CLI::App* app, std::string name) const {
    std::string usage = Formatter::make_usage(app, std::move(name));
    for (const std::string_view positional : {" [CMD...]", " [CMD]"})
        if (const std::size_t at = usage.find(positional); at != std::string::npos)
            usage.replace(at, positional.size(), " [-- CMD...]");
    return usage;
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
    std::string name = make_option_name(option, is_positional);
    if (is_positional) {
        if (name == "CMD") name = "-- CMD...";
    } else if (option->get_type_size() != 0 && !option->get_type_name().empty()) {
        name += " " + option->get_type_name();
    }
    std::string text = option->get_description();
    const std::string preset = option->get_type_size() != 0 ? option->get_default_str() : "";
    if (!preset.empty()) text += fmt::format(" (default {})", preset);
    if (option->get_required()) text += " (required)";
    return entry(name, text);
}

std::string HelpFormatter::make_description(const CLI::App* app) const {
    return paragraphs(app->get_description());
}

std::string HelpFormatter::make_footer(const CLI::App* app) const {
    return paragraphs(app->get_footer());
}

std::string HelpFormatter::make_subcommand(const CLI::App* command) const {
    return entry(command->get_display_name(true), command->get_description());
}

} // namespace tcpdwell::cli
