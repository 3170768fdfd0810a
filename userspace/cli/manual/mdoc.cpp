// SPDX-License-Identifier: Apache-2.0
// Manual pages in mdoc(7).
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cli/manual/pages.h"

namespace tcpdwell::cli {
namespace {

/// Text in which roff finds nothing to interpret; what is typed or printed keeps its ASCII.
std::string escaped(std::string_view text, bool is_literal) {
    std::string result;
    char before = ' ';
    for (const char c : text) {
        switch (c) {
        case '\\': result += "\\e"; break;
        case '`': result += "\\(ga"; break;
        case '^': result += "\\(ha"; break;
        case '~': result += "\\(ti"; break;
        case '\'': result += "\\(aq"; break;
        case '"': result += "\\(dq"; break;
        case '-':
            // An option, not a hyphen.
            result += is_literal || before == ' ' || before == '-' || before == '(' ? "\\-" : "-";
            break;
        default: result += c;
        }
        before = c;
    }
    if (result.starts_with('.')) result.insert(0, "\\&");
    return result;
}

bool ends_sentence(std::string_view text, std::size_t at) {
    const auto is_lower = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return (text[at] == '.' || text[at] == '?') && at > 0 &&
           (is_lower(text[at - 1]) || text[at - 1] == ')') && at + 2 < text.size() &&
           text[at + 1] == ' ' && text[at + 2] >= 'A' && text[at + 2] <= 'Z';
}

/// Broken into lines; roff doesn't see where.
std::string filled(const std::string& text) {
    constexpr std::size_t width = 76;
    std::string result;
    std::size_t column = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const bool breaks = column > 0 && column + 1 + end - at > width;
        // A line must not begin like a request.
        if (column > 0) result += breaks && text[at] != '.' ? '\n' : ' ';
        column = breaks ? 0 : column + 1;
        result.append(text, at, end - at);
        column += end - at;
        at = end + 1;
    }
    return result + '\n';
}

/// A sentence a line, as mdoc wants it.
std::string prose(std::string_view raw) {
    std::string text(raw);
    const auto both_spaces = [](char a, char b) { return a == ' ' && b == ' '; };
    text.erase(std::unique(text.begin(), text.end(), both_spaces), text.end());
    std::string result;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (!ends_sentence(text, at)) continue;
        result += filled(escaped(std::string_view(text).substr(begin, at + 1 - begin), false));
        begin = at + 2;
    }
    return result + filled(escaped(std::string_view(text).substr(begin), false));
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

/// Paragraphs and indented lines of a footer of --help; its examples come under a heading.
class FooterText {
public:
    std::string convert(std::string_view footer) {
        for (const std::string_view line : lines_of(footer)) take(line);
        end_paragraph();
        end_literal();
        std::string all = text_;
        if (!examples_.empty()) all += ".Sh EXAMPLES\n" + examples_;
        return all;
    }

private:
    void take(std::string_view line) {
        if (line.starts_with("  ")) {
            end_paragraph();
            begin_literal();
            place() += escaped(line.substr(2), true) + '\n';
            return;
        }
        end_literal();
        if (line.empty()) {
            end_paragraph();
            in_examples_ = false;
        } else if (line == "Examples:") {
            end_paragraph();
            in_examples_ = true;
        } else {
            paragraph_ += paragraph_.empty() ? "" : " ";
            paragraph_ += line;
        }
    }
    void end_paragraph() {
        if (paragraph_.empty()) return;
        if (!place().empty() || !in_examples_) place() += ".Pp\n";
        place() += prose(paragraph_);
        paragraph_.clear();
    }
    void begin_literal() {
        if (in_literal_) return;
        place() += ".Bd -literal -offset 2n\n";
        in_literal_ = true;
    }
    void end_literal() {
        if (in_literal_) place() += ".Ed\n";
        in_literal_ = false;
    }
    std::string& place() { return in_examples_ ? examples_ : text_; }

    std::string text_;
    std::string examples_;
    std::string paragraph_;
    bool in_examples_ = false;
    bool in_literal_ = false;
};

std::string upper(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return result;
}

std::string heading(std::string_view page, std::string_view summary, std::string_view date) {
    std::string text =
        fmt::format(".\\\" SPDX-License-Identifier: Apache-2.0\n.\\\" Generated from "
                    "the texts of --help.\n.Dd {}\n.Dt {} 8\n.Os\n.Sh NAME\n.Nm {}\n"
                    ".Nd ",
                    date, upper(page), page);
    const std::string first = escaped(summary.substr(0, summary.find('\n')), false);
    return text + std::string(first, 0, first.find_last_not_of('.') + 1) + '\n';
}

std::string value_text(const OptionPage& option) {
    if (option.value.empty()) return "";
    return fmt::format("{}{}", escaped(option.value, true),
                       option.repeats   ? " ..."
                       : option.is_list ? "[,...]"
                                        : "");
}

std::string item(const OptionPage& option) {
    std::string head = option.kind == ValueKind::command ? ".It \\-\\-" : ".It";
    for (const std::string& option_name : option.names) {
        if (option_name != option.names.front()) head += " ,";
        head += option.is_positional ? fmt::format(" Ar {}", escaped(option.value, true))
                                     : fmt::format(" Fl {}", escaped(option_name.substr(1), true));
    }
    if (option.is_positional && option.repeats)
        head += " ...";
    else if (!option.is_positional && !option.value.empty())
        head += " Ar " + value_text(option);
    return head + '\n';
}

std::string names_sentence(std::string_view beginning, const std::vector<std::string>& names) {
    if (names.empty()) return "";
    return prose(fmt::format("{} {}.", beginning, fmt::join(names, ", ")));
}

std::string with_full_stop(std::string_view text) {
    return fmt::format("{}{}", text, text.empty() || text.ends_with('.') ? "" : ".");
}

std::string body(const OptionPage& option) {
    std::string text = prose(with_full_stop(option.help));
    if (!option.preset.empty())
        text += fmt::format("Default: {}.\n", escaped(option.preset, false));
    if (option.is_required) text += "Required.\n";
    text += names_sentence("Only together with", option.needs);
    return text + names_sentence("Not together with", option.excludes);
}

std::string option_lists(const CommandPage& command) {
    std::vector<std::string> groups;
    for (const OptionPage& option : command.options)
        if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
    std::string text = ".Sh OPTIONS\n";
    for (const std::string& group : groups) {
        if (group != groups.front()) text += fmt::format(".Ss {}\n", escaped(group, false));
        text += ".Bl -tag -width 4n\n";
        for (const OptionPage& option : command.options)
            if (option.group == group) text += item(option) + body(option);
        text += ".El\n";
    }
    return text;
}

std::string synopsis(const CommandPage& command) {
    std::string text = fmt::format(".Sh SYNOPSIS\n.Nm tcpdwell {}\n", command.name);
    for (const OptionPage& option : command.options)
        if (!option.is_positional && option.is_required)
            text += fmt::format(".Fl {} Ar {}\n", escaped(option.names.front().substr(1), true),
                                value_text(option));
    text += ".Op Ar option ...\n";
    for (const OptionPage& option : command.options) {
        if (!option.is_positional) continue;
        const std::string_view dashes = option.kind == ValueKind::command ? "\\-\\- Ar " : "Ar ";
        text += fmt::format("{}{}{}{}\n", option.is_required ? "." : ".Op ", dashes,
                            escaped(option.value, true), option.repeats ? " ..." : "");
    }
    return text;
}

std::string see_also(const Interface& interface, std::string_view except) {
    std::vector<std::string> pages{"ss"};
    if (!except.empty()) pages.emplace_back("tcpdwell");
    for (const CommandPage& command : interface.commands)
        if (command.name != except) pages.push_back("tcpdwell-" + command.name);
    std::ranges::sort(pages);
    std::string text = ".Sh SEE ALSO\n.Xr tcpdwell-recording 5 ,\n.Xr tcp 7";
    for (const std::string& page : pages) text += fmt::format(" ,\n.Xr {} 8", page);
    return text + '\n';
}

} // namespace

std::string command_page(const Interface& interface, const CommandPage& command,
                         std::string_view date) {
    const std::string page = fmt::format("tcpdwell-{}", command.name);
    std::string text = heading(page, command.summary, date) + synopsis(command);
    text += ".Sh DESCRIPTION\n" + prose(with_full_stop(command.summary));
    const std::string footer = FooterText().convert(command.footer);
    const std::size_t examples = std::min(footer.find(".Sh EXAMPLES\n"), footer.size());
    text += footer.substr(0, examples) + option_lists(command) + footer.substr(examples);
    return text + see_also(interface, command.name);
}

std::string program_page(const Interface& interface, std::string_view date) {
    const std::string& summary = interface.program.summary;
    const std::size_t colon = summary.find(": ");
    std::string text =
        heading("tcpdwell", colon == std::string::npos ? summary : summary.substr(colon + 2), date);
    text += ".Sh SYNOPSIS\n.Nm\n.Ar command\n.Op Ar option ...\n.Sh DESCRIPTION\n";
    std::string paragraph = summary;
    std::ranges::replace(paragraph, '\n', ' ');
    text += prose(paragraph) + FooterText().convert(interface.program.footer);
    text += ".Ss Commands\n.Bl -tag -width 4n\n";
    for (const CommandPage& command : interface.commands)
        text += fmt::format(".It Xr tcpdwell-{} 8\n{}", command.name,
                            prose(with_full_stop(command.summary)));
    return text + ".El\n" + option_lists(interface.program) + see_also(interface, "");
}

} // namespace tcpdwell::cli
