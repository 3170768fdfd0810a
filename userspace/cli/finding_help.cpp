// SPDX-License-Identifier: Apache-2.0
#include "cli/finding_help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>

#include "cli/explain_print.h"
#include "cli/terminal.h"
#include "explain/explain.h"
#include "host/sysctls.h"
#include "render/renderer.h"
#include "render/wrap.h"

namespace tcpdwell::cli {
namespace {

bool is_of(const analysis::ThresholdRow& row, std::string_view id) {
    return row.name.starts_with(id) && row.name.substr(id.size()).starts_with('.');
}

tl::unexpected<Error> no_such_finding(std::string_view word) {
    std::vector<std::string_view> ids;
    for (const explain::Explanation& each : explain::explanations())
        if (each.topic == explain::Topic::finding) ids.push_back(each.word);
    std::vector<std::string_view> similar = explain::similar_words(word);
    std::erase_if(similar,
                  [&](std::string_view each) { return std::ranges::find(ids, each) == ids.end(); });
    return fail(ErrorCode::usage,
                fmt::format("--explain {}: there is no such finding{}; there are: {}", word,
                            similar.empty()
                                ? ""
                                : fmt::format("; did you mean {}?", fmt::join(similar, ", ")),
                            fmt::join(ids, ", ")));
}

std::string thresholds_text(const report::FindingHelp& help, std::size_t width) {
    std::string text = "\n  Thresholds here (--threshold NAME=VALUE):\n";
    for (const report::FindingHelp::Threshold& each : help.thresholds)
        text += render::wrap(
            fmt::format("{} = {}{}: {}. {}: {}.", each.name, each.value,
                        each.preset.empty() ? "" : fmt::format(" (preset {})", each.preset),
                        each.help, each.preset.empty() ? "Why" : "Why the preset", each.why),
            width, "    ");
    return text;
}

} // namespace

std::string threshold_text(analysis::ThresholdRow::Unit unit, double value) {
    using Unit = analysis::ThresholdRow::Unit;
    return unit == Unit::share      ? fmt::format("{:g}%", value * 100)
           : unit == Unit::duration ? fmt::format("{:g}s", value)
                                    : fmt::format("{:g}", value);
}

std::vector<report::FindingHelp> finding_helps(const analysis::Thresholds& thresholds) {
    std::vector<report::FindingHelp> helps;
    for (const explain::Explanation& each : explain::explanations()) {
        if (each.topic != explain::Topic::finding) continue;
        report::FindingHelp& help = helps.emplace_back(
            report::FindingHelp{each.word, each.summary, each.text, each.source, {}});
        for (const analysis::ThresholdRow& row : analysis::Thresholds::rows()) {
            if (!is_of(row, each.word)) continue;
            const double value = thresholds.value(row.name);
            help.thresholds.push_back(
                {row.name, threshold_text(row.unit, value),
                 value == row.preset ? std::string() : threshold_text(row.unit, row.preset),
                 row.help, row.why});
        }
    }
    return helps;
}

Result<int> print_finding_help(std::string_view id, const analysis::Thresholds& thresholds) {
    constexpr std::size_t kWidest = 100; // longer lines are hard to read
    const ExplainStyle style{std::min(stdout_width(), kWidest), stdout_takes_colour()};
    const auto helps = finding_helps(thresholds);
    render::Output out(STDOUT_FILENO);
    for (const explain::Explanation* each : explain::explain(id)) {
        if (each->topic != explain::Topic::finding) continue;
        if (!out.buffer().empty()) out.buffer() += '\n';
        append_explanation(out.buffer(), *each, host::read_tcp_sysctls(), style);
        const auto help = std::ranges::find(helps, each->word, &report::FindingHelp::id);
        if (help != helps.end() && !help->thresholds.empty())
            out.buffer() += thresholds_text(*help, style.width);
    }
    if (out.buffer().empty()) return no_such_finding(id);
    if (auto written = out.flush(); !written) return tl::unexpected(written.error());
    return 0;
}

} // namespace tcpdwell::cli
