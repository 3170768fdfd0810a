// SPDX-License-Identifier: Apache-2.0
#include "cli/explain_print.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"
#include "cli/metric_words.h"
#include "render/wrap.h"
#include "tcp/state.h"

namespace tcpdwell::cli {
namespace {

constexpr std::string_view kIndent = "  ";

std::string heading(std::string_view text, const ExplainStyle& style) {
    return style.bold_headings ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text);
}

/// "state; RFC 9293: TIME-WAIT"
std::string kind(const explain::Explanation& explanation) {
    if (explanation.topic == explain::Topic::state) {
        if (const auto state = from_word<tcp::State>(explanation.word))
            return fmt::format("state; RFC 9293: {}", rfc_name(*state));
    }
    return std::string(name(explanation.topic));
}

/// nullopt: it isn't read at all, so the value is unknown.
std::optional<std::string_view> value_here(std::string_view sysctl,
                                           std::span<const host::Sysctl> here) {
    const auto it = std::find_if(here.begin(), here.end(),
                                 [&](const host::Sysctl& s) { return s.name == sysctl; });
    if (it != here.end()) return it->value;
    const auto names = host::tcp_sysctl_names();
    if (std::find(names.begin(), names.end(), sysctl) == names.end()) return std::nullopt;
    return "not on this kernel, or not in this network namespace";
}

void append_values(std::string& out, const explain::Explanation& explanation,
                   std::span<const host::Sysctl> here) {
    constexpr std::string_view kTitle = "Here: ";
    bool first = true;
    for (const std::string_view sysctl : explanation.sysctls) {
        const auto value = value_here(sysctl, here);
        if (!value) continue;
        out += fmt::format("{}{:<{}}{} = {}\n", kIndent, first ? kTitle : "", kTitle.size(), sysctl,
                           printable(*value));
        first = false;
    }
}

std::string_view plural(explain::Topic topic) {
    switch (topic) {
    case explain::Topic::state: return "States";
    case explain::Topic::ending: return "Words for endings, roles and what was seen";
    case explain::Topic::finding: return "Findings of the report";
    case explain::Topic::sysctl: return "Sysctls";
    case explain::Topic::column: return "Columns and keys";
    case explain::Topic::metric: return "Metrics (tcpdwell_...)";
    case explain::Topic::myth: return "Myths";
    }
    return {};
}

/// A sysctl by its last part, a metric without what all begin with, which is enough to ask for it.
std::string_view short_word(const explain::Explanation& explanation) {
    if (explanation.topic == explain::Topic::metric)
        return explanation.word.substr(explanation.word.find('_') + 1);
    const std::size_t dot = explanation.word.rfind('.');
    return dot == std::string_view::npos ? explanation.word : explanation.word.substr(dot + 1);
}

} // namespace

void append_explanation(std::string& out, const explain::Explanation& explanation,
                        std::span<const host::Sysctl> here, const ExplainStyle& style) {
    const bool myth = explanation.topic == explain::Topic::myth;
    out += fmt::format("{} ({})\n", heading(myth ? explanation.summary : explanation.word, style),
                       kind(explanation));
    if (!myth) out += render::wrap(explanation.summary, style.width, kIndent);
    out += '\n';
    out += render::wrap(explanation.text, style.width, kIndent);
    out += '\n';
    append_values(out, explanation, here);
    out += render::wrap(fmt::format("Source: {}", explanation.source), style.width, kIndent);
}

void append_word_list(std::string& out, const ExplainStyle& style) {
    std::vector<explain::Explanation> all = explain::explanations();
    all.insert(all.end(), metric_explanations().begin(), metric_explanations().end());
    for (auto first = all.begin(); first != all.end();) {
        const auto last = std::find_if(
            first, all.end(), [&](const auto& each) { return each.topic != first->topic; });
        std::size_t widest = 0;
        for (auto each = first; each != last; ++each)
            widest = std::max(widest, short_word(*each).size());
        if (first != all.begin()) out += '\n';
        out += heading(plural(first->topic), style) + '\n';
        for (; first != last; ++first) {
            const std::string word = fmt::format("{}{:<{}}  ", kIndent, short_word(*first), widest);
            out += render::wrap(first->summary, style.width, std::string(word.size(), ' '))
                       .replace(0, word.size(), word);
        }
    }
}

} // namespace tcpdwell::cli
