// SPDX-License-Identifier: Apache-2.0
// The command: what it says of recordings that miss something, and of files that it can't read.
#include "cli/cmd_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "../run/recorded_story.h"
#include "cli/cmd_copy.h"
#include "support/temporary_folder.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class CmdInfo : public testing::Test {
protected:
    void SetUp() override {
        synth::TrafficOptions options;
        options.stories = 2000;
        const std::string whole = contents_of(record_all(make_traffic(options).records).get());
        write("whole.tdw", whole);
        std::string damaged = whole;
        std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(damaged.size() / 2), 64, 'x');
        write("damaged.tdw", damaged);
    }
    std::string name(const std::string& file) const { return (folder_.path() / file).string(); }
    void write(const std::string& file, const std::string& text) const {
        std::ofstream(name(file), std::ios::binary) << text;
    }
    static Result<int> run(cli::Action (*define)(CLI::App&), std::vector<std::string> words) {
        CLI::App app;
        const cli::Action action = define(app);
        std::reverse(words.begin(), words.end());
        app.parse(std::move(words));
        return action();
    }
    /// What it prints; its status is in status_, -1 for an error.
    std::string info(const std::vector<std::string>& words) {
        testing::internal::CaptureStdout();
        const auto status = run(cli::define_info, words);
        status_ = status.value_or(-1);
        if (!status) error_ = status.error().message;
        return testing::internal::GetCapturedStdout();
    }

    TemporaryFolder folder_;
    int status_ = 0;
    std::string error_;
};

TEST_F(CmdInfo, a_copy_of_a_damaged_recording_has_its_hole) {
    const auto copied =
        run(cli::define_copy, {"-q", "-r", name("damaged.tdw"), "-o", name("copy.tdw")});
    ASSERT_TRUE(copied) << copied.error().message;
    EXPECT_THAT(info({name("copy.tdw")}), HasSubstr("whole; with 1 HOLE, in which events are"));
    EXPECT_THAT(info({name("copy.tdw"), "-f", "json"}), HasSubstr("\"holes\":1,"));
    EXPECT_THAT(info({name("whole.tdw")}), AllOf(HasSubstr("whole\n"), Not(HasSubstr("HOLE"))));
    EXPECT_THAT(info({name("whole.tdw"), "-f", "json"}), HasSubstr("\"holes\":0,"));
}

TEST_F(CmdInfo, strict_makes_what_is_missing_a_failure) {
    info({name("damaged.tdw")});
    EXPECT_EQ(status_, 0);
    info({name("damaged.tdw"), "--strict"});
    EXPECT_EQ(status_, 4);
    info({name("whole.tdw"), "--strict"});
    EXPECT_EQ(status_, 0);
    ASSERT_TRUE(run(cli::define_copy, {"-q", "-r", name("damaged.tdw"), "-o", name("copy.tdw")}));
    info({name("whole.tdw"), name("copy.tdw"), "--strict"});
    EXPECT_EQ(status_, 4);
}

TEST_F(CmdInfo, what_can_be_read_is_printed_beside_what_cannot) {
    for (const char* format : {"text", "table", "json", "jsonl", "csv"}) {
        EXPECT_THAT(info({name("missing.tdw"), name("whole.tdw"), "-f", format}),
                    HasSubstr("whole.tdw"))
            << format;
        EXPECT_EQ(status_, -1);
        EXPECT_THAT(error_, HasSubstr("missing.tdw"));
        EXPECT_EQ(info({name("missing.tdw"), "-f", format}), "") << format;
    }
}

} // namespace
} // namespace tcpdwell::test
