// SPDX-License-Identifier: Apache-2.0
// What is found in recordings of incidents with real programs (tests/diagnosis), and in those of
// which nothing should be found: the rules are tested on them without root.
// TCPDWELL_UPDATE_GOLDEN=1 writes the findings, never the recordings.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>

#include "expected_file.h"
#include "json_keys.h"
#include "pretty_json.h"

namespace tcpdwell::test {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(GOLDEN_FOLDER) / "recordings" / "incidents";

/// The names of the files there that end so.
std::set<std::string> names_in(const fs::path& folder, const std::string& extension) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().extension() == extension) names.insert(entry.path().stem());
    return names;
}

/// Options of the report when the incident was traced.
std::string options_of(const std::string& name) {
    std::string options;
    std::getline(std::ifstream(kFolder / (name + ".options")) >> std::ws, options);
    return options;
}

/// What a command that ends with the recording's path prints.
Json printed_of(const std::string& name, const std::string& words, const std::string& options) {
    const std::string command = "'" TCPDWELL_BINARY "' " + words + " '" + kFolder.string() + "/" +
                                name + ".tdw' " + options;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return {};
    std::string text;
    std::array<char, 4096> buffer;
    for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
        text.append(buffer.data(), n);
    const int status = ::pclose(pipe);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << command;
    return Json::parse(text);
}

Json findings_in(const std::string& name) {
    Json findings = printed_of(name, "report -q -f json -r", options_of(name)).at("findings");
    for (Json& finding : findings) finding.erase("timeline"); // much, and no rule's work
    return findings;
}

TEST(Incidents, are_found_as_they_were) {
    const std::set<std::string> names = names_in(kFolder, ".tdw");
    EXPECT_GE(names.size(), 20U);
    for (const std::string& name : names) {
        const Json findings = findings_in(name);
        expect_golden("incidents/" + name + ".json", pretty(findings));
        const bool is_quiet = std::ranges::all_of(
            findings, [](const Json& finding) { return finding.at("severity") == "info"; });
        EXPECT_TRUE(is_quiet || !name.starts_with("quiet_")) << name << pretty(findings);
        EXPECT_TRUE(!findings.empty() || name.starts_with("quiet_")) << name;
    }
}

/// Their hosts are nobody's, and none has two recordings, which would be read as one.
TEST(Incidents, are_anonymized_each_as_a_host_of_its_own) {
    std::set<std::string> hosts;
    for (const std::string& name : names_in(kFolder, ".tdw")) {
        const std::string host = printed_of(name, "info -f json", "").at("host");
        EXPECT_TRUE(host.starts_with("host-")) << name << ": tcpdwell copy --anonymize";
        EXPECT_TRUE(hosts.insert(host).second) << name;
    }
}

TEST(Incidents, each_finding_file_has_its_recording) {
    EXPECT_EQ(names_in(fs::path(GOLDEN_FOLDER) / "expected" / "incidents", ".json"),
              names_in(kFolder, ".tdw"));
}

} // namespace
} // namespace tcpdwell::test
