// SPDX-License-Identifier: Apache-2.0
// The ids of connections that a finding names lead to those connections, in each output.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "../unit/analysis/connection_mix.h"
#include "binary.h"
#include "event/encode.h"
#include "recording/head.h"
#include "recording/writer.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

/// A recording of connects that nobody answers to one endpoint, and of good ones to another.
class FindingLinks : public testing::Test {
protected:
    void SetUp() override {
        ConnectionMix mix;
        const auto add = [&](const char* name, tcp::Port port, std::size_t count) {
            synth::Setting stage;
            stage.kernel = synth::kLinux6_18;
            stage.tuple = tuple("10.1.0.1", port == 7104 ? 40'000 : 41'000, "10.1.0.2", port);
            stage.start = synth::kTestClock.mono + 1s;
            mix.add(scenario(name), stage, count, ConnectionMix::Vary::local_port);
        };
        add("connect_times_out", 7104, 6);
        add("remote_first_shutdown_then_close", 7105, 3);
        recording::Head head;
        head.host = "linked";
        head.boot_id = "b";
        head.clock = synth::kTestClock;
        Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        auto writer =
            recording::RecordingWriter::begin(std::move(fd), path, to_json(head), 7, 0, {});
        ASSERT_TRUE(writer);
        ASSERT_TRUE(
            (*writer)->write(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock)));
        for (const synth::WireRecord& each : mix.tell().records)
            ASSERT_TRUE((*writer)->write(each.bytes));
        ASSERT_TRUE((*writer)->end());
    }

    /// The lines of `trace -c --conn IDS`, as JSON.
    std::vector<nlohmann::json> traced(const std::string& ids) const {
        const Finished trace =
            run_binary({"trace", "-c", "-q", "-f", "jsonl", "-r", path, "--conn", ids});
        EXPECT_EQ(trace.status, 0) << trace.err;
        std::vector<nlohmann::json> lines;
        std::istringstream in(trace.out);
        for (std::string line; std::getline(in, line);) {
            nlohmann::json json = nlohmann::json::parse(line);
            if (json["type"] == "connection") lines.push_back(std::move(json));
        }
        return lines;
    }

    const TemporaryFolder folder;
    const std::string path = (folder.path() / "links.tdw").string();
};

TEST_F(FindingLinks, LeadToTheConnectionAndAllOfItsLife) {
    const std::string page = (folder.path() / "page.html").string();
    const Finished report = run_binary({"report", "-q", "-f", "json", "-r", path, "--html", page});
    const nlohmann::json finding = nlohmann::json::parse(report.out)["findings"].at(0);
    ASSERT_EQ(finding["id"], "connects_unanswered");
    ASSERT_FALSE(finding["connections"].empty());
    ASSERT_EQ(finding["timeline"].size(), 6u); // all; the text has some of them
    const std::string text = run_binary({"report", "-q", "-r", path}).out;
    for (const nlohmann::json& life : finding["timeline"]) {
        const std::string id = life["conn"];
        const std::vector<nlohmann::json> lines = traced(id);
        ASSERT_EQ(lines.size(), 1u) << id;
        EXPECT_EQ(lines[0]["conn"], id);
        EXPECT_EQ(lines[0]["remote"], life["remote"]);
        EXPECT_EQ(lines[0]["ending"], life["ending"]);
        ASSERT_EQ(lines[0]["states"].size(), life["states"].size());
        for (std::size_t i = 0; i < life["states"].size(); ++i)
            EXPECT_EQ(lines[0]["states"][i]["state"], life["states"][i]["state"]);
        EXPECT_EQ(lines[0]["opened"], life["states"].front()["begin"]);
        EXPECT_EQ(lines[0]["closed"], life["states"].back()["end"]);
        EXPECT_THAT(text_of_file(page), HasSubstr(id));
    }
    for (const nlohmann::json& id : finding["connections"])
        EXPECT_THAT(text, HasSubstr(id.get<std::string>()));
}

TEST_F(FindingLinks, TakeSeveralIdsAndTransitionsToo) {
    const nlohmann::json report =
        nlohmann::json::parse(run_binary({"report", "-q", "-f", "json", "-r", path}).out);
    std::string ids;
    for (const nlohmann::json& id : report["findings"].at(0)["connections"])
        ids += (ids.empty() ? "" : ",") + id.get<std::string>();
    EXPECT_EQ(traced(ids).size(), report["findings"].at(0)["connections"].size());
    const Finished trace = run_binary({"trace", "-q", "-r", path, "--conn", ids});
    EXPECT_THAT(trace.out, HasSubstr("SYN_SENT"));
    EXPECT_THAT(trace.out, testing::Not(HasSubstr(":7105")));
    EXPECT_EQ(run_binary({"trace", "-r", path, "--conn", "xyz"}).status, 2);
}

TEST_F(FindingLinks, ThePageExplainsTheFindingsThatThereAre) {
    const std::string page = (folder.path() / "page.html").string();
    const Finished report = run_binary({"report", "-q", "-r", path, "--html", page, "--threshold",
                                        "connects_unanswered.connections=2"});
    ASSERT_EQ(report.status, 0) << report.err;
    const std::string text = text_of_file(page);
    const std::string begin = "id=\"helps\">";
    const std::size_t at = text.find(begin);
    ASSERT_NE(at, std::string::npos);
    const std::size_t from = at + begin.size();
    const nlohmann::json helps =
        nlohmann::json::parse(text.substr(from, text.find("</script>", from) - from));
    ASSERT_EQ(helps.size(), 1u); // no explanation of what isn't there
    const nlohmann::json& help = helps["connects_unanswered"];
    EXPECT_THAT(help["text"].get<std::string>(), HasSubstr("SYNs or their answers are dropped"));
    EXPECT_EQ(help["thresholds"][0]["name"], "connects_unanswered.connections");
    EXPECT_EQ(help["thresholds"][0]["value"], "2");
    EXPECT_EQ(help["thresholds"][0]["preset"], "3");
}

} // namespace
} // namespace tcpdwell::test
