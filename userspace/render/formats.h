// SPDX-License-Identifier: Apache-2.0
// The renderers behind make_renderer(). In all of them `out` must outlive the renderer.
#pragma once

#include <memory>

#include "render/renderer.h"

namespace tcpdwell::render {

/// One JSON object a line, "type" first, then the columns in order. Bytes that aren't UTF-8
/// become U+FFFD.
std::unique_ptr<Renderer> make_jsonl_renderer(Output& out);

/// The same objects as one JSON document, an array that is written as the rows come; finish() ends
/// it.
std::unique_ptr<Renderer> make_json_renderer(Output& out);

/// Comma-separated values with the quoting of RFC 4180 and lines that end in LF. A heading, then
/// rows of the main schema; rows of another schema don't fit in and are left out: the caller
/// reports them on stderr. Null is empty. Times are RFC 3339 UTC, durations integers in ns, a path
/// is "SYN_SENT:12345;ESTABLISHED:67". Control characters and bytes that aren't UTF-8 are written
/// \xNN, so that a row is one line.
std::unique_ptr<Renderer> make_csv_renderer(Output& out);

/// Aligned columns for people: local time of day, durations with a unit, "-" for null. Rows of
/// another schema than the main one are notices of one line: `-- lost: time 12:34:56.123456, events
/// 5 --`.
std::unique_ptr<Renderer> make_table_renderer(Output& out, TableStyle style);

} // namespace tcpdwell::render
