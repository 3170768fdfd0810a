// SPDX-License-Identifier: Apache-2.0
// The catalog of outputs of a report.
#include <algorithm>

#include "render/html.h"
#include "render/json_writer.h"
#include "render/report_output.h"

namespace tcpdwell::render {
namespace {

std::string json_line(const report::ReportSet& reports, const TextStyle&) {
    return report_json(reports) + '\n';
}

std::string page(const report::ReportSet& reports, const TextStyle&) {
    JsonWriter words;
    words.write(report::Value(reports.words));
    return report_page(report_json(reports), words.view());
}

constexpr ReportOutput kOutputs[] = {
    {"text", "tables and bars for people", report_text},
    {"json", "one object a line for programs", json_line},
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
