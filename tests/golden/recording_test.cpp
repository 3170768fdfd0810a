// SPDX-License-Identifier: Apache-2.0
// Recordings of every version of the format stay readable: recordings/ holds one of each, made when
// the version was new (make_recording.cpp) and never written again, and the program says of it what
// it has always said.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <memory>

#include "expected_file.h"

namespace tcpdwell::test {
namespace {

/// What the program prints on stdout, with recordings/ as its folder; and on stderr, if `says`.
std::string printed(const std::string& words, bool says = false) {
    const std::string command = "cd '" GOLDEN_FOLDER "/recordings' && '" TCPDWELL_BINARY "' " +
                                words + (says ? " 2>&1 >/dev/null" : " 2>/dev/null");
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string text;
    std::array<char, 4096> buffer;
    for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
        text.append(buffer.data(), n);
    const int status = ::pclose(pipe);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << command;
    return text;
}

TEST(GoldenRecording, version_1_has_the_same_transitions) {
    expect_golden("recording_v1_trace.jsonl", printed("trace -f jsonl -r recording_v1.tdw"));
}

TEST(GoldenRecording, version_1_has_the_same_connections) {
    expect_golden("recording_v1_connections.jsonl",
                  printed("trace -c --idle -f jsonl -r recording_v1.tdw"));
}

TEST(GoldenRecording, version_1_has_the_same_contents) {
    expect_golden("recording_v1_info.json", printed("info -f json recording_v1.tdw"));
    expect_golden("recording_v1_info.txt", printed("info recording_v1.tdw"));
}

TEST(GoldenRecording, version_1_is_whole) {
    const std::string said = printed("trace -r recording_v1.tdw", true);
    EXPECT_EQ(said.find("damaged"), std::string::npos) << said;
    EXPECT_EQ(said.find("no end"), std::string::npos) << said;
    EXPECT_NE(said.find("1 record could not be understood"), std::string::npos)
        << said; // one is of a later version
}

} // namespace
} // namespace tcpdwell::test
