// SPDX-License-Identifier: Apache-2.0
// Puts the page together: report.html, in which {{FILE}} stands for another file, {{report}},
// {{words}} and {{helps}} for data, and {{hashes of .EXTENSION}} for what a policy says of such
// files.
#include "render/html.h"

#include <algorithm>
#include <stdexcept>

#include "render/page_parts.h"

namespace tcpdwell::render {
namespace {

std::string_view part(std::string_view file) {
    const auto parts = page_parts();
    const auto found =
        std::find_if(parts.begin(), parts.end(), [&](const PagePart& p) { return p.file == file; });
    if (found == parts.end()) throw std::logic_error("the page has no part " + std::string(file));
    return found->text;
}

/// JSON has '<' in strings only, and \u003c means the same there. Without it nothing can end the
/// <script> or begin a comment in it (HTML, section 4.12.1.3, restrictions for contents of script
/// elements).
void append_script_data(std::string& page, std::string_view json) {
    for (std::size_t at = 0; (at = json.find('<')) != std::string_view::npos;
         json.remove_prefix(at + 1)) {
        page += json.substr(0, at);
        page += "\\u003c";
    }
    page += json;
}

/// Each script and style sheet is allowed by its hash (CSP level 3, section 8.4), so that none that
/// got into the page in another way is run.
void append_hashes(std::string& page, std::string_view extension) {
    std::string_view separator;
    for (const PagePart& each : page_parts()) {
        if (!each.file.ends_with(extension)) continue;
        page.append(separator).append("'sha256-").append(each.sha256).append("'");
        separator = " ";
    }
}

} // namespace

std::string report_page(std::string_view report_json, std::string_view words,
                        std::string_view helps) {
    constexpr std::string_view kOpen = "{{";
    constexpr std::string_view kClose = "}}";
    constexpr std::string_view kHashes = "hashes of ";
    std::size_t size = report_json.size() + report_json.size() / 16 + words.size() + helps.size();
    for (const PagePart& each : page_parts()) size += each.text.size();
    std::string page;
    page.reserve(size);
    std::string_view rest = part("report.html");
    for (std::size_t open = 0; (open = rest.find(kOpen)) != std::string_view::npos;) {
        const std::size_t close = rest.find(kClose, open);
        if (close == std::string_view::npos) break;
        page += rest.substr(0, open);
        const std::string_view what = rest.substr(open + kOpen.size(), close - open - kOpen.size());
        if (what == "report") {
            append_script_data(page, report_json);
        } else if (what == "words") {
            append_script_data(page, words);
        } else if (what == "helps") {
            append_script_data(page, helps);
        } else if (what.starts_with(kHashes)) {
            append_hashes(page, what.substr(kHashes.size()));
        } else {
            page += part(what);
        }
        rest.remove_prefix(close + kClose.size());
    }
    page += rest;
    return page;
}

} // namespace tcpdwell::render
