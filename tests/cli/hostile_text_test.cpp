// SPDX-License-Identifier: Apache-2.0
// Strings of a recording, of its name and of the command line that would change a terminal, end a
// line or break JSON: no output and no message passes them on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "../golden/two_hosts.h"
#include "binary.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kHarm = "\x1b[2J\nfake line\r\xc2\x9b\xff\xe2\x80\xae\"";

bool is_harmless(const std::string& text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c == '\n' || (c >= 0x20 && c != 0x7f) || c < 0; }) &&
           text.find("\xc2\x9b") == std::string::npos &&
           text.find("\xe2\x80\xae") == std::string::npos &&
           text.find('\xff') == std::string::npos && text.find("\nfake line") == std::string::npos;
}

class HostileText : public testing::Test {
protected:
    HostileText() : file(folder.path().string() + "/x" + kHarm + ".tdw") {
        TwoHosts().record(folder.path());
        std::filesystem::remove(folder.path() / "server.tdw");
        RecordedHost host = kServerHost;
        host.name = "host" + kHarm;
        host.boot_id = "boot" + kHarm;
        record(file, host, synth::GeneratedConnection{});
    }

    TemporaryFolder folder;
    std::string file;
};

TEST_F(HostileText, is_escaped_in_each_output) {
    const std::string client = (folder.path() / "client.tdw").string();
    const std::vector<std::vector<std::string>> lines{
        {"info", file},
        {"info", "-f", "json", file},
        {"info", folder.path().string()},
        {"trace", "-c", "-r", file},
        {"trace", "-f", "jsonl", "-r", file},
        {"trace", "-f", "csv", "-r", file},
        {"report", "-r", file},
        {"report", "-f", "json", "-r", file},
        {"report", "-r", file, client},
        {"report", "-f", "json", "-r", file, client},
        {"report", "-r", file, "--comm", "x" + kHarm},
        {"report", "-f", "json", "-r", file, "--comm", "x" + kHarm},
    };
    for (const std::vector<std::string>& words : lines) {
        const Finished done = run_binary(words);
        EXPECT_EQ(done.status, 0) << testing::PrintToString(words) << done.err;
        EXPECT_TRUE(is_harmless(done.out)) << testing::PrintToString(words) << done.out;
        EXPECT_TRUE(is_harmless(done.err)) << testing::PrintToString(words) << done.err;
        EXPECT_NE(done.out, "") << testing::PrintToString(words);
    }
}

TEST_F(HostileText, is_escaped_in_each_message) {
    const std::string nothing = folder.path().string() + "/none" + kHarm;
    std::ofstream(folder.path() / ("rubbish" + kHarm + ".tdw")) << "rubbish";
    const std::vector<std::pair<int, std::vector<std::string>>> lines{
        {1, {"info", nothing}},
        {1, {"report", "-r", nothing}},
        {1, {"copy", "-r", nothing, "-o", "-"}},
        {1, {"trace", "-r", file, (folder.path() / "client.tdw").string()}},
        {2, {"explain", "word" + kHarm}},
        {2, {"trace", "--netns", "netns" + kHarm}},
        {2, {"trace", "-r", file, "--since", "when" + kHarm}},
        {2, {"command" + kHarm}},
        {2, {"trace", "--port", "80" + kHarm}},
        {0, {"info", folder.path().string()}}, // warns of rubbish.tdw
    };
    for (const auto& [status, words] : lines) {
        const Finished done = run_binary(words);
        EXPECT_EQ(done.status, status) << testing::PrintToString(words) << done.err;
        EXPECT_THAT(done.err, testing::StartsWith("tcpdwell: ")) << testing::PrintToString(words);
        EXPECT_TRUE(is_harmless(done.err)) << testing::PrintToString(words) << done.err;
        EXPECT_THAT(done.out, Not(HasSubstr("rubbish"))) << testing::PrintToString(words);
    }
}

TEST_F(HostileText, leaves_json_that_says_the_same) {
    const auto info = nlohmann::json::parse(run_binary({"info", "-f", "json", file}).out);
    const std::string shown = "\x1b[2J\nfake line\r\xc2\x9b\xef\xbf\xbd\xe2\x80\xae\"";
    EXPECT_EQ(info["host"], "host" + shown);
    EXPECT_EQ(info["boot_id"], "boot" + shown);
    const std::string meta = run_binary({"trace", "-f", "jsonl", "-r", file}).out;
    EXPECT_EQ(nlohmann::json::parse(meta.substr(0, meta.find('\n')))["host"], "host" + shown);
}

} // namespace
} // namespace tcpdwell::test
