// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace tcpdwell::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// What is said of a command line that is a mistake; "" if it isn't one.
std::string mistake_in(const std::vector<std::string>& arguments) {
    cli::CommandLine line;
    const auto chosen = line.read(arguments);
    if (chosen) return "";
    EXPECT_EQ(chosen.error().code, ErrorCode::usage);
    return chosen.error().message;
}

TEST(CommandLine, ACommandThatIsNotKnown) {
    EXPECT_THAT(mistake_in({"trce", "--port", "80"}),
                AllOf(HasSubstr("no command 'trce'"), HasSubstr("did you mean trace?")));
    EXPECT_THAT(mistake_in({"quux"}), AllOf(HasSubstr("no command 'quux'"), HasSubstr("census")));
    EXPECT_THAT(mistake_in({}), HasSubstr("a command is missing: trace, report"));
    EXPECT_THAT(mistake_in({"--port", "80"}), HasSubstr("tcpdwell has no option --port"));
    EXPECT_THAT(mistake_in({"diff", "--help"}), HasSubstr("there is no command 'diff'"));
    EXPECT_THAT(mistake_in({"help", "trace", "report"}), HasSubstr("'report' isn't expected here"));
}

TEST(CommandLine, AnOptionThatIsNotKnown) {
    EXPECT_THAT(mistake_in({"trace", "--prt", "80"}),
                AllOf(HasSubstr("'trace' has no option --prt (did you mean --port"),
                      HasSubstr("tcpdwell help trace")));
    EXPECT_THAT(mistake_in({"report", "--foramt=json"}), HasSubstr("did you mean --format?"));
    EXPECT_THAT(mistake_in({"record", "-o", "x", "-r", "y"}),
                AllOf(HasSubstr("'record' has no option -r;"), Not(HasSubstr("did you mean"))));
    EXPECT_THAT(mistake_in({"census", "port", "80"}),
                HasSubstr("'port' isn't expected here (did you mean --port?"));
}

TEST(CommandLine, ACommandToRunStandsAfterTheDashes) {
    EXPECT_THAT(mistake_in({"trace", "port", "80"}),
                AllOf(HasSubstr("'port' isn't expected here (did you mean --port?"),
                      HasSubstr("tcpdwell trace -- port 80")));
    EXPECT_THAT(mistake_in({"trace", "help"}), HasSubstr("did you mean 'tcpdwell help trace'?"));
    EXPECT_THAT(mistake_in({"record", "-o", "x", "curl"}), HasSubstr("record -- curl"));
    EXPECT_THAT(mistake_in({"record", "curl"}), HasSubstr("'curl' isn't expected here"));
    EXPECT_THAT(mistake_in({"trace", "x", "--", "curl"}), HasSubstr("'x' isn't expected here"));
    EXPECT_EQ(mistake_in({"trace", "--", "curl", "--", "x"}), "");
    EXPECT_EQ(mistake_in({"trace", "-c", "--", "port", "80"}), "");
    EXPECT_EQ(mistake_in({"trace", "--", "help"}), "");
    EXPECT_THAT(mistake_in({"trace", "--"}), HasSubstr("the command to run is missing after --"));
}

TEST(CommandLine, OptionsThatWouldHaveNoEffect) {
    EXPECT_THAT(mistake_in({"trace", "--force"}), HasSubstr("--force requires --write"));
    EXPECT_THAT(mistake_in({"top", "--force"}), HasSubstr("--force requires --write"));
    EXPECT_THAT(mistake_in({"report", "--on-error", "stop"}), HasSubstr("requires --write"));
    EXPECT_THAT(mistake_in({"trace", "--strict=3"}), HasSubstr("--strict takes no value"));
    EXPECT_THAT(mistake_in({"serve", "--zone", "x"}), HasSubstr("--zone requires --export"));
    EXPECT_THAT(mistake_in({"export", "--schema", "-r", "x"}),
                HasSubstr("can't be given together with"));
    EXPECT_THAT(mistake_in({"record", "-o", "x", "--threshold", "close_wait_leak.age=1s"}),
                HasSubstr("--threshold requires --trigger"));
    EXPECT_EQ(mistake_in({"trace", "--force", "-w", "x"}), "");
}

TEST(CommandLine, StandardOutputHasOneThing) {
    for (const char* view : {"trace", "report", "top"})
        EXPECT_THAT(
            mistake_in({view, "-w", "-"}),
            HasSubstr("--write: standard output has what this command prints; give a file"));
    EXPECT_EQ(mistake_in({"record", "-o", "-"}), "");
}

TEST(CommandLine, ValuesThatCannotBeTaken) {
    EXPECT_THAT(
        mistake_in({"trace", "-d", "0"}),
        AllOf(HasSubstr("--duration: '0' isn't a duration of more than 0"), HasSubstr("5m")));
    for (const char* const bad : {"x", "-1", "5q", "inf", "nan", "1e300", ""})
        EXPECT_THAT(mistake_in({"report", "-i", bad}), HasSubstr("--interval")) << bad;
    EXPECT_THAT(mistake_in({"trace", "--buffer-size", "3"}), HasSubstr("from 64KiB to 1GiB"));
    EXPECT_THAT(mistake_in({"trace", "--buffer-size", "-1"}), HasSubstr("from 64KiB to 1GiB"));
    EXPECT_THAT(mistake_in({"trace", "--max-connections", "0"}),
                HasSubstr("a number from 1 to 4294967296"));
    EXPECT_THAT(mistake_in({"trace", "-f", "xml"}),
                HasSubstr("--format: 'xml' isn't one of table, json, jsonl, csv"));
    EXPECT_THAT(mistake_in({"trace", "-r", "f", "--speed", "0"}), HasSubstr("a speed"));
    EXPECT_THAT(mistake_in({"trace", "--port"}), HasSubstr("--port takes a value: PORT"));
    EXPECT_THAT(mistake_in({"trace", "-r", "f", "-d", "1s"}),
                HasSubstr("can't be given together with"));
    EXPECT_THAT(mistake_in({"record"}), HasSubstr("--output is required"));
    EXPECT_THAT(mistake_in({"trace", "-d", "99999999999h"}),
                HasSubstr("isn't a duration of at most 106000d"));
    EXPECT_EQ(mistake_in({"trace", "-d", "106000d"}), "");
    EXPECT_THAT(mistake_in({"record", "-o", "x", "--max-size", "1"}),
                AllOf(HasSubstr("a size from 1MiB"), Not(HasSubstr("500K"))));
    EXPECT_THAT(mistake_in({"trace", "-r", "f", "--since", "+1s", "--since", "+2s"}),
                HasSubstr("--since is given twice"));
    for (const char* const bad : {"", "x", "-1s"})
        EXPECT_THAT(mistake_in({"record", "-o", "x", "--after", bad}), HasSubstr("--after")) << bad;
}

TEST(CommandLine, ValuesThatCanBeTaken) {
    for (const char* const good : {"30", "30s", "500ms", "5m", "5min", "1h", "2d", "1.5s"})
        EXPECT_EQ(mistake_in({"trace", "-d", good}), "") << good;
    for (const char* const good : {"65536", "64K", "16MiB", "16mb", "1G"})
        EXPECT_EQ(mistake_in({"trace", "--buffer-size", good}), "") << good;
    for (const char* const good : {"1", "1x", "0.5x", "100x"})
        EXPECT_EQ(mistake_in({"trace", "-r", "f", "--speed", good}), "") << good;
    EXPECT_EQ(mistake_in({"record", "-o", "x", "--after", "0"}), "");
}

TEST(CommandLine, HostileWordsDoNotReachTheTerminal) {
    EXPECT_THAT(mistake_in({"\x1b]0;x\a"}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(mistake_in({"trace", "--\x1b[31m"}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(mistake_in({"trace", "\x1b[31m"}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(mistake_in({"trace", "-d", "\x1b[31m"}), Not(HasSubstr("\x1b")));
}

/// Lines fit beside a terminal's edge, and kinds of values are words of this program.
TEST(CommandLine, HelpOfEachCommand) {
    cli::CommandLine line;
    std::vector<CLI::App*> apps{&line.app()};
    for (CLI::App* command : line.app().get_subcommands({})) apps.push_back(command);
    ASSERT_EQ(apps.size(), cli::commands().size() + 2); // and the program and `help`
    for (CLI::App* app : apps) {
        std::istringstream text(app->help(app->get_parent() ? "tcpdwell" : ""));
        for (std::string printed; std::getline(text, printed);) {
            EXPECT_LE(printed.size(), 80U) << printed;
            for (const char* kind : {"TEXT", "UINT", "FLOAT", " INT ", "Excludes:", "Needs:"})
                EXPECT_THAT(printed, Not(HasSubstr(kind)));
        }
        EXPECT_THAT(app->help("tcpdwell"), Not(HasSubstr("SUBCOMMAND")));
    }
    EXPECT_THAT(line.app().get_subcommand("help")->help("tcpdwell"), HasSubstr("[COMMAND]\n"));
    EXPECT_THAT(line.app().get_subcommand("trace")->help("tcpdwell"),
                HasSubstr("Usage: tcpdwell trace [OPTIONS] [-- CMD...]"));
}

} // namespace
} // namespace tcpdwell::test
