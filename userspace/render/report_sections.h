// SPDX-License-Identifier: Apache-2.0
// Describes the sections of a report for programs that show them: the page learns of the sections
// only from this description.
#pragma once

#include "render/json_writer.h"
#include "report/report_set.h"

namespace tcpdwell::render {

/// An array with an object for each section that has a key in the JSON, in the order in which
/// people read them:
/// {"id", "title", "help": text or null, "kind"}, and by its kind
/// - facts: "lines": [{"id", "title": text or null}];
/// - distributions: "members": [{"id", "title": text or null}], empty where they are split into
/// groups;
/// - table: "columns": [{"path", "title", "group", "help", "align": "left"|"right", "below",
/// "minor"}]. `path` is a key
///   of the rows, or "key.part" of a cell that is an object; `group` is the title of that cell,
///   null for a whole one. `below`: long, better under the row than in it. `minor`: only for
///   wide outputs;
/// - findings: "evidence": [{"id", "title", "unit", "finding"}], of each key of their evidence what
///   people read in its place, in which unit it is, and in which finding alone it has this title,
///   or null.
void write_sections(JsonWriter& json, const report::Report& report);

/// The same of reports on several hosts, whose members are reports: "hosts" of the kind "reports",
/// with the "names" of the hosts, and "both_ends" of the kind "report".
void write_sections(JsonWriter& json, const report::ReportSet& reports);

} // namespace tcpdwell::render
