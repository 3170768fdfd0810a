// SPDX-License-Identifier: Apache-2.0
// Which format a client gets, and what each path answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "serve/site.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PrefersOpenmetrics, only_where_it_is_accepted_and_not_less_than_text) {
    // What Prometheus 2.42 sends.
    EXPECT_TRUE(serve::prefers_openmetrics(
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
    EXPECT_TRUE(serve::prefers_openmetrics("application/openmetrics-text"));
    EXPECT_TRUE(serve::prefers_openmetrics("Application/OpenMetrics-Text ; q=0.5, text/html"));
    for (const char* other :
         {"", "*/*", "text/plain", "text/html,application/xhtml+xml", ",,;;,",
          "application/openmetrics-text;q=0", "application/openmetrics-text;q=-1",
          "application/openmetrics-text;q=x", "application/openmetrics-text;q=0.5, text/plain",
          "application/openmetrics-textual", ";application/openmetrics-text", "q=1;q=1"})
        EXPECT_FALSE(serve::prefers_openmetrics(other)) << other;
}

class Site : public testing::Test {
protected:
    Site() {
        content_.prometheus = [] { return std::make_shared<const std::string>("x 1\n"); };
        content_.openmetrics = [] { return std::make_shared<const std::string>("x 1\n# EOF\n"); };
        content_.report_page = [] { return std::make_shared<const std::string>("<html>"); };
        content_.report_json = [] { return std::make_shared<const std::string>("{}\n"); };
        content_.why_not_tracing = [this] { return why_not_; };
        content_.why_not_recording = [this] { return why_not_recording_; };
    }
    serve::HttpResponse get(std::string_view path, std::string_view accept = "") {
        return serve::respond(content_, {path, accept});
    }

    serve::SiteContent content_;
    std::optional<std::string> why_not_;
    std::string why_not_recording_;
};

TEST_F(Site, answers_each_path_with_its_type) {
    EXPECT_EQ(*get("/metrics").body, "x 1\n");
    EXPECT_EQ(get("/metrics").content_type, "text/plain; version=0.0.4; charset=utf-8");
    const auto strict = get("/metrics", "application/openmetrics-text");
    EXPECT_EQ(*strict.body, "x 1\n# EOF\n");
    EXPECT_EQ(strict.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    EXPECT_EQ(*get("/report").body, "<html>");
    EXPECT_STREQ(get("/report").headers.at(0).first, "Refresh");
    EXPECT_EQ(get("/report.json").content_type, "application/json");
    EXPECT_THAT(*get("/").body, HasSubstr("href=\"/report\""));
    EXPECT_THAT(*get("/").body, Not(HasSubstr("/recordings")));
}

TEST_F(Site, is_healthy_only_while_it_traces) {
    EXPECT_EQ(get("/healthz").status, 200);
    why_not_recording_ = "no space";
    EXPECT_EQ(get("/healthz").status, 200);
    EXPECT_EQ(*get("/healthz").body, "tracing; not recorded: no space\n");
    why_not_ = "tracing has stopped";
    EXPECT_EQ(get("/healthz").status, 503);
    EXPECT_EQ(*get("/healthz").body, "tracing has stopped\n");
}

TEST_F(Site, knows_no_other_path) {
    for (const char* path : {"", "//", "/metrics/", "/../etc/passwd", "/report.html", "metrics",
                             "/recordings", "/recordings/", "/recordings/a/b", "/recordingsx"})
        EXPECT_EQ(get(path).status, 404) << path;
}

TEST_F(Site, has_saved_recordings_and_nothing_beside_them) {
    TemporaryFolder folder;
    const std::filesystem::path parent = std::filesystem::path(folder.path()) / "held";
    const std::string segment = "tcpdwell-20261129T153851.798Z.tdw";
    std::filesystem::create_directories(parent / "saved-a");
    std::filesystem::permissions(parent, std::filesystem::perms::owner_all);
    std::filesystem::permissions(parent / "saved-a", std::filesystem::perms::owner_all);
    std::ofstream(parent / "saved-a" / segment) << "segment";
    std::ofstream(parent / "saved-a" / "other") << "other";
    std::ofstream(parent / segment) << "held";
    std::filesystem::create_symlink("/etc/passwd", parent / "saved-a" / ("tcpdwell-9.tdw"));
    const serve::SavedRecordings saved(*recording::OwnFolder::open(parent));
    content_.recordings = &saved;

    const auto found = get("/recordings/saved-a/" + segment);
    ASSERT_EQ(found.status, 200);
    EXPECT_EQ(found.file_size, 7U);
    EXPECT_TRUE(found.file);
    EXPECT_THAT(*get("/recordings").body, HasSubstr("href=\"/recordings/saved-a/" + segment));
    EXPECT_THAT(*get("/recordings").body, Not(HasSubstr("other")));
    for (const std::string& path :
         {std::string("saved-a/other"), std::string("saved-a/tcpdwell-9.tdw"),
          "saved-a/../" + segment, "./" + segment, segment, std::string("saved-a/"),
          std::string("saved-a"), "saved-a//" + segment, parent.string() + "/" + segment})
        EXPECT_EQ(get("/recordings/" + path).status, 404) << path;
}

} // namespace
} // namespace tcpdwell::test
