// SPDX-License-Identifier: Apache-2.0
// The report as a page for browsers.
#pragma once

#include <string>
#include <string_view>

namespace tcpdwell::render {

/// One self-contained HTML page: it loads nothing from the network. `report_json` (a report as
/// `report --format json` prints it: UTF-8) is embedded as data, escaped so that no text in it can
/// be taken for markup; the page's scripts draw it. `words` (a JSON object: word -> meaning) are
/// those that it can explain in place, `helps` (another: id of a finding -> {"summary", "text",
/// "source", "thresholds"}) what its findings mean.
std::string report_page(std::string_view report_json, std::string_view words = "{}",
                        std::string_view helps = "{}");

} // namespace tcpdwell::render
