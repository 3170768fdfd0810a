// SPDX-License-Identifier: Apache-2.0
#include "render/html.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <string>

#include "render/page_parts.h"
#include "tcp/state.h"

namespace tcpdwell::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// The data in the page, as a browser sees it: up to what ends the element.
std::string data_of(const std::string& page) {
    const std::string open = R"(<script type="application/json" id="report">)";
    const std::size_t begin = page.find(open);
    EXPECT_NE(begin, std::string::npos);
    const std::size_t from = begin + open.size();
    return page.substr(from, page.find("</script", from) - from);
}

TEST(ReportPage, HasEveryPartAndNoPlaceholder) {
    const std::string page = render::report_page("{}");
    EXPECT_THAT(page, Not(HasSubstr("{{")));
    for (const render::PagePart& part : render::page_parts()) {
        if (part.file == "report.html") continue;
        EXPECT_THAT(page, HasSubstr(std::string(part.text))) << part.file;
    }
    EXPECT_EQ(data_of(page), "{}");
}

std::string_view page_part(std::string_view file) {
    for (const render::PagePart& part : render::page_parts())
        if (part.file == file) return part.text;
    return {};
}

TEST(ReportPage, EveryStateHasItsColour) {
    for (const tcp::State state : kAllOf<tcp::State>)
        EXPECT_THAT(std::string(page_part("report.css")),
                    HasSubstr(".state-" + std::string(name(state)) + " "));
}

TEST(ReportPage, NoTextInTheDataCanEndTheScript) {
    const std::string evil =
        "</script><SCRIPT>alert(1)</SCRIPT><!-- <script> -- {{report}} {{no such part}} }}";
    const nlohmann::json report = {{"meta", {{"host", evil}}}};
    const std::string page = render::report_page(report.dump());
    EXPECT_EQ(nlohmann::json::parse(data_of(page)), report);
    EXPECT_THAT(page, Not(HasSubstr("alert(1)<")));
}

TEST(ReportPage, TakesNoReportForWhatItIs) { EXPECT_EQ(data_of(render::report_page("")), ""); }

/// A script or style sheet is markup's guest: what ends its element must not stand in it.
TEST(ReportPage, PartsDoNotEndTheirElements) {
    for (const render::PagePart& part : render::page_parts()) {
        if (part.file == "report.html") continue;
        EXPECT_THAT(std::string(part.text), Not(HasSubstr("</s"))) << part.file;
        EXPECT_THAT(std::string(part.text), Not(HasSubstr("<!--"))) << part.file;
    }
}

TEST(ReportPage, RefersToNothingOutside) {
    std::string page = render::report_page("{}");
    const std::string name_of_svg =
        "http://www.w3.org/2000/svg"; // a namespace, which nobody fetches
    if (const std::size_t at = page.find(name_of_svg); at != std::string::npos)
        page.erase(at, name_of_svg.size());
    for (const char* reference :
         {"http:", "https:", "src=", "url(", "@import", "<link", "fetch(", "XMLHttpRequest",
          "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("})
        EXPECT_THAT(page, Not(HasSubstr(reference)));
    EXPECT_THAT(page, HasSubstr("default-src 'none'"));
    EXPECT_THAT(page, Not(HasSubstr("unsafe-inline")));
}

} // namespace
} // namespace tcpdwell::test
