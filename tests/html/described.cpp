// SPDX-License-Identifier: Apache-2.0
// What reports say of their own sections, as the analyses have it: of reports on nothing, which are
// described as others are.
#include "described.h"

#include "../unit/analysis/report_run.h"
#include "analysis/both_ends_report.h"
#include "render/report_formats.h"

namespace tcpdwell::test {
namespace {

Json sections_of(const Report& report) { return Json::parse(report_json(report))["sections"]; }

} // namespace

Json described(Json report) {
    report["sections"] = sections_of(ReportRun().report());
    return report;
}

Json described_hosts(Json reports, const std::vector<std::string>& names) {
    reports["both_ends"]["sections"] = sections_of(both_ends_report({}));
    ReportSet set(names.size());
    for (const std::string& name : names) set.hosts.push_back({name, {}});
    set.both_ends.emplace();
    reports["sections"] = Json::parse(report_json(set))["sections"];
    return reports;
}

} // namespace tcpdwell::test
