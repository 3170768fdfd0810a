// SPDX-License-Identifier: Apache-2.0
// What stands in a finished report, for tests that ask for one thing of it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "report/report.h"

namespace tcpdwell::test {

/// How GoogleTest shows states, endings and the like.
template <class E>
requires(std::is_enum_v<E>&& requires(E e) {
    std::string(name(e));
}) void PrintTo(const E& value, std::ostream* out) {
    *out << name(value);
}

template <class Body>
const Body& section(const report::Report& report, std::string_view id) {
    const report::Section* found = report.find(id);
    if (!found) throw std::invalid_argument("no section " + std::string(id));
    return std::get<Body>(found->body);
}

/// The cell of a Facts section, or of a finding's evidence.
inline const report::Value& fact(const std::vector<report::FactLine>& lines, std::string_view id) {
    for (const report::FactLine& line : lines)
        if (line.id == id) return line.value;
    throw std::invalid_argument("no fact " + std::string(id));
}

inline bool has_fact(const std::vector<report::FactLine>& lines, std::string_view id) {
    return std::ranges::find(lines, id, &report::FactLine::id) != lines.end();
}

inline std::int64_t number(const report::Value& value) { return std::get<std::int64_t>(value); }

/// A number of `quality`.
inline std::int64_t quality(const report::Report& report, std::string_view id) {
    return number(fact(section<report::Facts>(report, "quality").lines, id));
}

inline const report::Value& cell(const report::Table& table, std::size_t row, std::string_view id) {
    for (std::size_t i = 0; i < table.columns.size(); ++i)
        if (table.columns[i].id == id) return table.rows.at(row).at(i);
    throw std::invalid_argument("no column " + std::string(id));
}

/// One number of a cell that has several; 0 if it isn't reported.
inline std::int64_t part(const report::Value& value, std::string_view name) {
    for (const report::NumberPart& p : std::get<std::span<const report::NumberPart>>(value))
        if (p.name == name) return std::get<std::int64_t>(p.number);
    return 0;
}

/// Of a column of numbers, or ("closed_first.local") of parts.
inline std::int64_t sum(const report::Table& table, std::string_view path) {
    const std::size_t dot = path.find('.');
    std::int64_t total = 0;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
        const report::Value& value = cell(table, row, path.substr(0, dot));
        total += dot == std::string_view::npos ? number(value) : part(value, path.substr(dot + 1));
    }
    return total;
}

inline const report::Distribution& distribution(const report::Report& report,
                                                std::string_view section_id, std::string_view id) {
    for (const report::Distribution& d :
         section<report::Distributions>(report, section_id).groups.front().members)
        if (d.id == id) return d;
    throw std::invalid_argument("no distribution " + std::string(id));
}

inline std::vector<const report::Finding*> findings(const report::Report& report,
                                                    std::string_view id) {
    std::vector<const report::Finding*> found;
    for (const report::Finding& finding : section<report::Findings>(report, "findings").list)
        if (finding.id == id) found.push_back(&finding);
    return found;
}

/// The only finding of its kind, nullptr if there is none.
inline const report::Finding* finding(const report::Report& report, std::string_view id) {
    const auto found = findings(report, id);
    EXPECT_LE(found.size(), 1u) << id;
    return found.empty() ? nullptr : found.front();
}

inline std::int64_t evidence(const report::Finding& finding, std::string_view id) {
    return number(fact(finding.evidence, id));
}

/// All sentences, for searching in them.
inline std::string advice(const report::Finding& finding) {
    std::string text;
    for (const std::string_view sentence : finding.advice) text.append(sentence) += '\n';
    return text;
}

} // namespace tcpdwell::test
