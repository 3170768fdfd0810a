// SPDX-License-Identifier: Apache-2.0
#include "cli/manual/interface.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "analysis/thresholds.h"
#include "cli/command.h"
#include "explain/explain.h"
#include "report/schemas.h"

namespace tcpdwell::cli {
namespace {

using Words = std::vector<std::string>;

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    });
    return result;
}

Words split_at(std::string_view text, char separator) {
    Words parts;
    while (true) {
        const std::size_t end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

void add_words(Words& words, explain::Topic topic) {
    for (const explain::Explanation& each : explain::explanations())
        if (each.topic == topic) words.emplace_back(each.word);
}

Words all_explained_words() {
    Words words;
    for (const explain::Explanation& each : explain::explanations()) words.emplace_back(each.word);
    for (const explain::Explanation& each : explain::explanations())
        words.push_back(fmt::format("{}s", name(each.topic)));
    return words;
}

Words command_words() {
    Words words;
    for (const Command& command : commands()) words.emplace_back(command.name);
    return words;
}

Words finding_words() {
    Words words;
    add_words(words, explain::Topic::finding);
    return words;
}

Words trigger_words() {
    Words words;
    add_words(words, explain::Topic::state);
    add_words(words, explain::Topic::ending);
    std::ranges::transform(words, words.begin(), [](const std::string& w) { return lower(w); });
    add_words(words, explain::Topic::finding);
    return words;
}

Words threshold_words() {
    Words words;
    for (const analysis::ThresholdRow& row : analysis::Thresholds::rows())
        words.push_back(fmt::format("{}=", row.name));
    return words;
}

/// Of both kinds of lines: which of them come is another option's business.
Words column_words() {
    Words words;
    for (const auto* schema : {&report::transition_schema(), &report::connection_schema()})
        for (const report::Column& column : schema->columns) words.emplace_back(column.id);
    return words;
}

/// What CLI11 doesn't know about the values of an option.
struct Source {
    std::string_view option;
    ValueKind kind;
    Words (*words)(); ///< nullptr: none
};

constexpr std::array kSources{
    Source{"--netns", ValueKind::netns, nullptr},
    Source{"--pid", ValueKind::pid, nullptr},
    Source{"--comm", ValueKind::comm, nullptr},
    Source{"--cgroup", ValueKind::cgroup, nullptr},
    Source{"--user", ValueKind::user, nullptr},
    Source{"--columns", ValueKind::words, column_words},
    Source{"--explain", ValueKind::words, finding_words},
    Source{"--trigger", ValueKind::words, trigger_words},
    Source{"--threshold", ValueKind::words, threshold_words},
    Source{"COMMAND", ValueKind::words, command_words},
    Source{"WORD", ValueKind::words, all_explained_words},
};

/// Names that CLI11 itself gives to types.
std::string value_name(std::string_view type) {
    if (type.find("SIZE [") != std::string_view::npos) return "SIZE";
    const std::string_view first = type.substr(0, type.find(':'));
    if (first == "FLOAT" || first == "INT" || first == "UINT") return "NUMBER";
    return std::string(first);
}

/// "TEXT:{table,csv}" as CLI::IsMember describes itself, or "table|csv".
Words choices(std::string_view type) {
    const std::size_t open = type.find('{');
    const std::size_t close = type.find('}');
    if (open != std::string_view::npos && close != std::string_view::npos && open < close)
        return split_at(type.substr(open + 1, close - open - 1), ',');
    return type.find('|') == std::string_view::npos ? Words{} : split_at(type, '|');
}

void read_value(OptionPage& page, std::string type) {
    constexpr std::string_view list = "[,...]";
    if (type.ends_with(list)) {
        page.is_list = true;
        type.resize(type.size() - list.size());
    }
    page.words = choices(type);
    page.closed = !page.words.empty();
    page.value = page.closed ? fmt::format("{}", fmt::join(page.words, "|")) : value_name(type);
    if (page.value.empty()) page.value = page.names.front();
    if (page.closed)
        page.kind = ValueKind::words;
    else if (page.value.starts_with("FILE") || page.value.starts_with("FOLDER"))
        page.kind = ValueKind::file;
    else if (page.value.starts_with("CMD"))
        page.kind = ValueKind::command;
    while (page.value.ends_with('.')) page.value.pop_back();
    for (const Source& source : kSources) {
        if (page.closed || std::ranges::find(page.names, source.option) == page.names.end())
            continue;
        page.kind = source.kind;
        if (source.words != nullptr) page.words = source.words();
    }
    std::ranges::sort(page.words);
    page.words.erase(std::unique(page.words.begin(), page.words.end()), page.words.end());
}

/// As help speaks of it: an argument by its value, an option by its long name.
std::string called(const CLI::Option& option) {
    return option.get_positional() && !option.get_type_name().empty() ? option.get_type_name()
                                                                      : option.get_name();
}

OptionPage read_option(const CLI::Option& option) {
    OptionPage page;
    page.is_positional = option.get_positional();
    if (page.is_positional) page.names.push_back(option.get_name(true));
    for (const std::string& name : option.get_snames()) page.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) page.names.push_back("--" + name);
    page.group = option.get_group();
    page.help = option.get_description();
    page.is_required = option.get_required();
    page.repeats = option.get_allow_extra_args() &&
                   option.get_expected_max() >= CLI::detail::expected_max_vector_size;
    if (option.get_items_expected_max() != 0) { // else a flag
        page.preset = option.get_default_str();
        read_value(page, option.get_type_name());
    }
    for (const CLI::Option* other : option.get_needs()) page.needs.push_back(called(*other));
    for (const CLI::Option* other : option.get_excludes()) page.excludes.push_back(called(*other));
    // CLI11 keeps them in the order of addresses.
    std::ranges::sort(page.needs);
    std::ranges::sort(page.excludes);
    return page;
}

CommandPage read_command(const CLI::App& app) {
    CommandPage page;
    page.summary = app.get_description();
    page.footer = app.get_footer();
    for (const CLI::Option* option : app.get_options())
        if (!option->get_group().empty()) page.options.push_back(read_option(*option));
    return page;
}

} // namespace

Interface read_interface(const CLI::App& app) {
    Interface interface;
    interface.program = read_command(app);
    for (const CLI::App* sub : app.get_subcommands({})) {
        if (sub->get_group().empty()) continue; // hidden
        interface.commands.push_back(read_command(*sub));
        interface.commands.back().name = sub->get_name();
    }
    return interface;
}

} // namespace tcpdwell::cli
