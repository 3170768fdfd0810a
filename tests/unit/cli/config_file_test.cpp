// SPDX-License-Identifier: Apache-2.0
// What is said of a configuration file that is no such file, or that lacks a part.
#include "cli/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "cli/command_line.h"
#include "cli/toml_check.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;

class ConfigFileTest : public testing::Test {
protected:
    /// What is said of it; "" if it can be used.
    std::string fault_of(const std::string& text) {
        const std::string path = folder_.path() / "serve.toml";
        std::ofstream(path) << text;
        cli::CommandLine line;
        CLI::App& serve = *line.app().get_subcommand("serve");
        const auto file = cli::ConfigFile::read(path, serve);
        if (!file) return file.error().message;
        const auto applied = file->apply_all(serve, {});
        return applied ? "" : applied.error().message;
    }

    TemporaryFolder folder_;
};

TEST_F(ConfigFileTest, a_folder_is_none) {
    cli::CommandLine line;
    const auto file =
        cli::ConfigFile::read(folder_.path().string(), *line.app().get_subcommand("serve"));
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, ErrorCode::usage);
    EXPECT_THAT(file.error().message, HasSubstr("it is a folder"));
}

TEST_F(ConfigFileTest, of_what_is_cut_off_the_line_is_named) {
    EXPECT_THAT(fault_of("window = \"5m\n"),
                HasSubstr("serve.toml, line 1: the text has no end: a \" is missing"));
    EXPECT_THAT(fault_of("quiet = true\nlisten = [\n"),
                HasSubstr("serve.toml, line 2: the list has no end: a ] is missing"));
    EXPECT_THAT(fault_of("listen = [\"127.0.0.1:1\",\n  \"127.0.0.1:2]\n"),
                HasSubstr("line 2: the text has no end"));
}

TEST_F(ConfigFileTest, an_option_is_there_once) {
    EXPECT_THAT(fault_of("window = \"5m\"\nwindow = \"6m\"\n"),
                HasSubstr("--window is given twice"));
    EXPECT_THAT(fault_of("window = \"5m\"\nquiet = true\nwindow = \"6m\"\n"),
                HasSubstr("--window is given twice"));
}

TEST_F(ConfigFileTest, what_is_whole_is_taken) {
    EXPECT_EQ(fault_of("# don't stop\nwindow = \"5m\" # it's short\nquiet = false\n"
                       "listen = [\"127.0.0.1:1\", # one [\n  '127.0.0.1:2'\n]\n"
                       "[serve]\nport = '!22'\ncomm = it's\n"),
              "");
}

TEST(TomlCheck, quotes_count_where_values_begin) {
    EXPECT_EQ(cli::cut_off_in_toml("a = \"b # c\"\nd = [[1, 2], ['x']]\n[[section\n"), "");
    EXPECT_EQ(cli::cut_off_in_toml("a = [\n1,\n[2\n]"),
              "line 1: the list has no end: a ] is missing");
}

} // namespace
} // namespace tcpdwell::test
