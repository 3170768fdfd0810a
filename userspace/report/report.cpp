// SPDX-License-Identifier: Apache-2.0
#include "report/report.h"

#include <algorithm>

namespace tcpdwell::report {

std::string_view name(Severity severity) {
    switch (severity) {
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::critical: return "critical";
    }
    return {};
}

std::string_view kind(const SectionBody& body) {
    struct Word {
        std::string_view operator()(const Facts&) const { return "facts"; }
        std::string_view operator()(const Distributions&) const { return "distributions"; }
        std::string_view operator()(const Table&) const { return "table"; }
        std::string_view operator()(const StateDiagram&) const { return "diagram"; }
        std::string_view operator()(const Timeline&) const { return "timeline"; }
        std::string_view operator()(const Findings&) const { return "findings"; }
    };
    return std::visit(Word{}, body);
}

const Column* Table::column_of(std::string_view path) const {
    const std::string_view id = path.substr(0, path.find('.'));
    const auto it = std::ranges::find(columns, id, &Column::id);
    return it == columns.end() ? nullptr : &*it;
}

std::vector<TableView> Table::whole_view() const {
    std::vector<TableView> all(view.begin(), view.end());
    for (const Column& column : columns) {
        const auto shows = [&](const TableView& each) { return column_of(each.path) == &column; };
        if (std::ranges::any_of(view, shows)) continue;
        all.push_back({.path = column.id,
                       .title = column.title,
                       .help = column.help,
                       .width = column.width,
                       .align = column.align,
                       .is_minor = !view.empty()});
    }
    return all;
}

std::vector<const Section*> Report::in_reading_order() const {
    std::vector<const Section*> order;
    for (const Section& section : sections) order.push_back(&section);
    std::ranges::stable_sort(order, {}, &Section::place);
    return order;
}

const Section* Report::find(std::string_view id) const {
    const auto it = std::find_if(sections.begin(), sections.end(),
                                 [id](const Section& s) { return s.id == id; });
    return it == sections.end() ? nullptr : &*it;
}

} // namespace tcpdwell::report
