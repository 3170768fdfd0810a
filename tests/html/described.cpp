// SPDX-License-Identifier: Apache-2.0
// What reports say of their own sections, as the analyses have it: of reports on nothing, which are
// described as others are.
#include "described.h"

#include "../unit/analysis/tracked_report.h"
#include "analysis/both_ends_report.h"
#include "render/report_formats.h"

namespace tcpdwell::test {
namespace {

Json sections_of(const report::Report& report) {
    return Json::parse(render::report_json(report))["sections"];
}

} // namespace

Json described(Json report) {
    report::Report like = TrackedReport().report();
    for (report::Section& section : like.sections)
        if (auto* findings = std::get_if<report::Findings>(&section.body))
            for (const Json& each : report["findings"]) {
                report::Finding& finding = findings->list.emplace_back();
                finding.id = each["id"].get_ref<const std::string&>();
                for (const auto& [key, value] : each["evidence"].items())
                    finding.evidence.push_back({like.keep(key), {}, {}});
            }
    report["sections"] = sections_of(like);
    return report;
}

Json described_hosts(Json reports, const std::vector<std::string>& names) {
    reports["both_ends"]["sections"] = sections_of(analysis::both_ends_report({}, 1));
    report::ReportSet set(names.size());
    for (const std::string& name : names) set.hosts.push_back({name, {}});
    set.both_ends.emplace();
    reports["sections"] = Json::parse(render::report_json(set))["sections"];
    return reports;
}

} // namespace tcpdwell::test
