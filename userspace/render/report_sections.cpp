// SPDX-License-Identifier: Apache-2.0
#include "render/report_sections.h"

#include <algorithm>
#include <string>
#include <vector>

#include "report/evidence.h"

namespace tcpdwell::render {
namespace {

void write_member(JsonWriter& json, std::string_view key, std::string_view text) {
    json.key(key);
    json.write(report::Value(text));
}

void write_titles(JsonWriter& json, std::string_view key, const auto& list) {
    json.key(key);
    json.begin_array();
    for (const auto& each : list) {
        json.begin_object();
        write_member(json, "id", each.id);
        write_member(json, "title", each.title);
        json.end_object();
    }
    json.end_array();
}

/// "socket seconds" of the path "time_wait.socket_seconds".
std::string part_title(std::string_view path) {
    std::string title(path.substr(path.find('.') + 1));
    std::ranges::replace(title, '_', ' ');
    return title;
}

void write_column(JsonWriter& json, const report::Table& table, const report::TableView& view) {
    const report::Column* column = table.column_of(view.path);
    const bool is_part = view.path.find('.') != std::string_view::npos;
    json.begin_object();
    write_member(json, "path", view.path);
    write_member(json, "title",
                 is_part  ? part_title(view.path)
                 : column ? column->title
                          : view.title);
    write_member(json, "group", is_part && column ? column->title : std::string_view{});
    write_member(json, "help", view.help);
    write_member(json, "align", view.align == report::Align::left ? "left" : "right");
    json.key("below");
    json.write(report::Value(view.is_below));
    json.key("minor");
    json.write(report::Value(view.is_minor));
    json.end_object();
}

void write_head(JsonWriter& json, std::string_view id, std::string_view title,
                std::string_view help, std::string_view kind) {
    write_member(json, "id", id);
    write_member(json, "title", title);
    write_member(json, "help", help);
    write_member(json, "kind", kind);
}

/// What a kind has beside id, title and help.
struct ByKind {
    JsonWriter& json;

    void operator()(const report::Facts& facts) const { write_titles(json, "lines", facts.lines); }
    void operator()(const report::Distributions& all) const {
        std::span<const report::Distribution> members;
        if (all.split_by.empty() && !all.groups.empty()) members = all.groups.front().members;
        write_titles(json, "members", members);
    }
    void operator()(const report::Table& table) const {
        json.key("columns");
        json.begin_array();
        for (const report::TableView& view : table.whole_view()) write_column(json, table, view);
        json.end_array();
    }
    void operator()(const report::StateDiagram&) const {}
    void operator()(const report::Timeline&) const {}
    void operator()(const report::Findings& findings) const {
        std::vector<const report::EvidenceWords*> all;
        for (const report::Finding& finding : findings.list)
            for (const report::FactLine& line : finding.evidence)
                if (const auto* words = report::words_of_evidence(line.id, finding.id);
                    words != nullptr && std::ranges::find(all, words) == all.end())
                    all.push_back(words);
        json.key("evidence");
        json.begin_array();
        for (const report::EvidenceWords* words : all) {
            json.begin_object();
            write_member(json, "id", words->key);
            write_member(json, "title", words->label);
            write_member(json, "unit", name(words->unit));
            write_member(json, "finding", words->finding);
            json.end_object();
        }
        json.end_array();
    }
};

} // namespace

void write_sections(JsonWriter& json, const report::Report& report) {
    json.begin_array();
    for (const report::Section* section : report.in_reading_order()) {
        if (section->id.empty()) continue;
        json.begin_object();
        write_head(json, section->id, section->title, section->help, kind(section->body));
        std::visit(ByKind{json}, section->body);
        json.end_object();
    }
    json.end_array();
}

void write_sections(JsonWriter& json, const report::ReportSet& reports) {
    json.begin_array();
    json.begin_object();
    write_head(json, "hosts", {}, {}, "reports");
    json.key("names");
    json.begin_array();
    for (const report::HostReport& host : reports.hosts)
        json.write(report::Value(std::string_view(host.name)));
    json.end_array();
    json.end_object();
    json.begin_object();
    write_head(json, "both_ends", report::ReportSet::kBothEndsTitle, {}, "report");
    json.end_object();
    json.end_array();
}

} // namespace tcpdwell::render
