// SPDX-License-Identifier: Apache-2.0
#include "cli/heading_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "analysis/report_maker.h"
#include "report/schemas.h"
#include "screen/table.h"

namespace tcpdwell::cli {
namespace {

/// By title and help: the tables.
using Headings = std::map<std::pair<std::string, std::string>, std::set<std::string>>;

struct Nobody final : track::TrackerListener {
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}
};

/// A report on nothing has the tables, without rows.
void add_report_headings(Headings& headings) {
    Nobody nobody;
    const track::Tracker tracker(nobody, {});
    analysis::ReportMaker maker({}, MonoTime{});
    const report::Report report = maker.make(tracker, {}, {}, {}, {}, MonoTime{});
    for (const report::Section& section : report.sections) {
        const auto* const table = std::get_if<report::Table>(&section.body);
        if (!table) continue;
        for (const report::TableView& each : table->whole_view()) {
            if (each.title.empty()) continue;
            headings[{std::string(each.title), std::string(each.help)}].insert(fmt::format(
                "{} in reports (JSON: {} of {})", section.title, each.path, section.id));
        }
    }
}

void add_trace_headings(Headings& headings) {
    for (const report::Schema* schema :
         {&report::transition_schema(), &report::connection_schema()})
        for (const report::Column& each : schema->columns)
            headings[{std::string(each.title), std::string(each.help)}].insert(
                fmt::format("{}s in trace (JSON: {})", schema->type, each.id));
}

void add_screen_headings(Headings& headings) {
    for (std::size_t i = 0; i < screen::kTables; ++i) {
        const auto kind = static_cast<screen::TableKind>(i);
        for (const screen::TableColumn& each : screen::ScreenTable::columns(kind))
            headings[{std::string(each.title), std::string(each.help)}].insert(
                fmt::format("{} in top", screen::ScreenTable::title(kind)));
    }
}

std::string places_text(const std::set<std::string>& places) {
    return fmt::format("In tables: {}.", fmt::join(places, "; "));
}

char folded(char c) {
    if (c == '-' || c == '_') return ' ';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

const std::vector<explain::Explanation>& heading_explanations() {
    static std::deque<std::string> texts;
    static const std::vector<explain::Explanation> all = [] {
        Headings headings;
        add_report_headings(headings);
        add_trace_headings(headings);
        add_screen_headings(headings);
        std::vector<explain::Explanation> list;
        for (const auto& [heading, places] : headings)
            list.push_back({texts.emplace_back(heading.first),
                            explain::Topic::column,
                            texts.emplace_back(heading.second),
                            texts.emplace_back(places_text(places)),
                            {},
                            "the tables of tcpdwell trace, report and top"});
        return list;
    }();
    return all;
}

std::vector<const explain::Explanation*> explain_heading(std::string_view word) {
    std::vector<const explain::Explanation*> found;
    for (const explain::Explanation& each : heading_explanations())
        if (std::ranges::equal(each.word, word, {}, folded, folded)) found.push_back(&each);
    return found;
}

} // namespace tcpdwell::cli
