// SPDX-License-Identifier: Apache-2.0
// The catalog of outputs of a report.
#include <algorithm>

#include "render/html.h"
#include "render/json_writer.h"
#include "render/metrics_text.h"
#include "render/report_output.h"

namespace tcpdwell::render {
namespace {

std::string json_line(const report::ReportSet& reports, const TextStyle&) {
    return report_json(reports) + '\n';
}

bool has_finding(const report::Report& report, std::string_view id) {
    return std::ranges::any_of(report.sections, [&](const report::Section& section) {
        const auto* findings = std::get_if<report::Findings>(&section.body);
        return findings != nullptr &&
               std::ranges::find(findings->list, id, &report::Finding::id) != findings->list.end();
    });
}

void write_texts(JsonWriter& json,
                 std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
    json.begin_object();
    for (const auto& [key, text] : members) {
        json.key(key);
        json.write(report::Value(text));
    }
}

/// {ID: {"summary", "text", "source", "thresholds": [{"name", "value", "preset", "help", "why"}]}}
/// of the findings that there are.
void write_helps(JsonWriter& json, const report::ReportSet& reports) {
    json.begin_object();
    for (const report::FindingHelp& help : reports.helps) {
        if (std::ranges::none_of(reports.hosts, [&](const report::HostReport& host) {
                return has_finding(host.report, help.id);
            }))
            continue;
        json.key(help.id);
        write_texts(json,
                    {{"summary", help.summary}, {"text", help.text}, {"source", help.source}});
        json.key("thresholds");
        json.begin_array();
        for (const report::FindingHelp::Threshold& each : help.thresholds) {
            write_texts(json, {{"name", each.name},
                               {"value", each.value},
                               {"preset", each.preset},
                               {"help", each.help},
                               {"why", each.why}});
            json.end_object();
        }
        json.end_array();
        json.end_object();
    }
    json.end_object();
}

std::string page(const report::ReportSet& reports, const TextStyle&) {
    JsonWriter words;
    words.write(report::Value(reports.words));
    JsonWriter helps;
    write_helps(helps, reports);
    return report_page(report_json(reports), words.view(), helps.view());
}

std::string openmetrics(const report::ReportSet& reports, const TextStyle&) {
    return openmetrics_text(reports.hosts.front().metrics);
}

std::string prometheus(const report::ReportSet& reports, const TextStyle&) {
    return prometheus_text(reports.hosts.front().metrics);
}

constexpr ReportOutput kOutputs[] = {
    {"text", "tables and bars for people", report_text},
    {"json", "one object for programs; with -i one a line", json_line},
    {"jsonl", "the same, each on one line", json_line},
    {"openmetrics", "metrics as serve has them, OpenMetrics 1.0.0", openmetrics, true},
    {"prometheus", "the same in Prometheus's text format 0.0.4", prometheus, true},
};
constexpr ReportOutput kPage = {"html", "one self-contained page", page};

} // namespace

std::span<const ReportOutput> report_outputs() { return kOutputs; }

const ReportOutput* find_report_output(std::string_view name) {
    const auto it = std::ranges::find(kOutputs, name, &ReportOutput::name);
    return it == std::end(kOutputs) ? nullptr : &*it;
}

const ReportOutput& page_output() { return kPage; }

} // namespace tcpdwell::render
