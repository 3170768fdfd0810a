// SPDX-License-Identifier: Apache-2.0
// The findings in full, and the help.
#include <fmt/format.h>

#include "base/text.h"
#include "screen/layout_parts.h"
#include "screen/text_fit.h"

namespace tcpdwell::screen {
namespace {

struct HelpLine {
    std::string_view keys;
    std::string_view what;
};

constexpr HelpLine kKeys[] = {
    {"1 ... 5, Tab, Shift-Tab", "services, programs, remotes, ports, connections"},
    {"Up, Down, PgUp, PgDn", "select a row (also k, j, Home, End)"},
    {"Enter", "open the selected row; Esc goes back"},
    {"<  >, s", "order by the column on the left, on the right"},
    {"r", "the other way round"},
    {"/", "only rows that have these words in them; Esc shows all again"},
    {"f", "the findings in full, with what to do"},
    {"space", "freeze the screen; a recording is paused"},
    {"Left, Right", "10 seconds back or forth in a recording"},
    {"+  -", "a recording twice as fast, or half as fast"},
    {"z", "counts and findings begin anew; sockets stay"},
    {"Ctrl-L", "draw everything again"},
    {"q, Ctrl-C", "quit"},
};

constexpr std::string_view kMeaning =
    "Rates are of the last whole second, with those before it beside them. opens: handshakes "
    "completed; closes: connections that left ESTABLISHED; resets: ended by an RST; failed: "
    "connects and handshakes that failed; retrans: segments, as the kernel counts them in each "
    "network namespace, whatever the filter says of ports and programs; it is asked every 10 s.\n\n"
    "What is said of states, and OPENS/S, is of now. All other counts, and the findings, are of "
    "the time since the beginning, or since z, as `tcpdwell report` would print them. A finding "
    "that hasn't changed for a minute says when it last did.\n\n"
    "Latencies of an opened row are of its connections that are open, and of those that ended "
    "among the last 5000 of all.\n\nThe columns of this table:";

} // namespace

Lines findings_page(const ScreenData& data, const ScreenStyle& style) {
    const std::size_t width = style.size.width;
    Lines lines;
    const auto write = [&](std::string_view text, Tone tone = Tone::plain) {
        for (std::string& line :
             wrapped_text(steady_text(printable(text), style.unicode), width, style.unicode))
            lines.push_back({{std::move(line), tone}});
    };
    if (data.findings.empty()) write("No findings so far");
    for (const FindingRow& row : data.findings) {
        const report::Finding& finding = *row.finding;
        if (!lines.empty()) lines.emplace_back();
        write(fmt::format("{}: {}", name(finding.severity), finding.id), Tone::title);
        write(finding.what);
        if (finding.because)
            write(fmt::format("Because of {}: {}", finding.because->id, finding.because->subject));
        for (const std::string_view advice : finding.advice)
            write(fmt::format("- {}", advice), Tone::info);
    }
    return lines;
}

Lines help_page(const ScreenData&, const ViewState& view, const ScreenStyle& style) {
    constexpr std::size_t kKeyWidth = 25;
    const std::size_t width = style.size.width;
    const auto& fit = [&](std::string_view text, std::size_t columns) {
        return fitted_text(text, columns, report::Align::left, style.unicode);
    };
    Lines lines;
    const auto pair = [&](std::string_view left, std::string_view right, std::size_t left_width) {
        bool is_first = true;
        for (const std::string& line : wrapped_text(right, width - left_width, style.unicode)) {
            lines.push_back({{fit(is_first ? left : "", left_width), Tone::title}, {line}});
            is_first = false;
        }
    };
    const std::size_t key_width = std::min(kKeyWidth, width * 5 / 8);
    for (const HelpLine& line : kKeys) pair(line.keys, line.what, key_width);
    lines.emplace_back();
    for (const std::string& line : wrapped_text(kMeaning, width, style.unicode))
        lines.push_back({{line}});
    for (const TableColumn& column : ScreenTable::columns(view.table))
        pair(column.title, column.help, 11);
    return lines;
}

} // namespace tcpdwell::screen
