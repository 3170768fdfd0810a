// SPDX-License-Identifier: Apache-2.0
// Recordings with a filter: every view of them, and of copies, shows what it selects, and not what
// the kernel let pass because it didn't know yet.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <variant>

#include "../unit/analysis/connection_mix.h"
#include "binary.h"
#include "event/decode.h"
#include "event/encode.h"
#include "recording/head.h"
#include "recording/writer.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

/// Two connections to port 7104 and three to 7105, as a kernel that filters 7104 shows them: of the
/// others the first record, which comes before the local port is known.
std::vector<synth::WireRecord> seen_with_filter() {
    ConnectionMix mix;
    const auto add = [&](tcp::Port port, std::size_t count) {
        synth::Setting stage;
        stage.kernel = synth::kLinux6_18;
        stage.tuple = tuple("10.1.0.1", port == 7104 ? 40'000 : 41'000, "10.1.0.2", port);
        stage.start = synth::kTestClock.mono + 1s;
        mix.add(scenario("remote_first_shutdown_then_close"), stage, count,
                ConnectionMix::Vary::local_port);
    };
    add(7104, 2);
    add(7105, 3);
    event::Decoder decoder;
    std::vector<synth::WireRecord> all = mix.tell().records;
    std::set<std::uint64_t> others; // sockets
    std::erase_if(all, [&](const synth::WireRecord& record) {
        const auto event = decoder.decode(record.bytes);
        if (const auto* change = std::get_if<event::StateChange>(&*event)) {
            if (change->tuple.remote.port != 7105) return false;
            others.insert(change->sock);
            return change->tuple.local.port != 0;
        }
        if (const auto* known = std::get_if<event::PortKnown>(&*event))
            return known->tuple.remote.port == 7105;
        if (const auto* reset = std::get_if<event::Reset>(&*event))
            return others.contains(reset->sock);
        return false;
    });
    return all;
}

class Filters : public testing::Test {
protected:
    std::string path(const std::string& name) const { return (folder.path() / name).string(); }

    void record(const std::string& name, const std::string& json, std::uint64_t run = 7) const {
        Fd fd(::open(path(name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        auto writer =
            recording::RecordingWriter::begin(std::move(fd), path(name), json, run, 0, {});
        ASSERT_TRUE(writer);
        ASSERT_TRUE(
            (*writer)->write(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock)));
        ASSERT_TRUE((*writer)->mark(synth::kTestClock.mono));
        for (const synth::WireRecord& each : seen_with_filter())
            ASSERT_TRUE((*writer)->write(each.bytes));
        ASSERT_TRUE((*writer)->mark(synth::kTestClock.mono + 5s));
        ASSERT_TRUE((*writer)->end());
    }
    static recording::Head head() {
        recording::Head head;
        head.host = "filtered";
        head.boot_id = "b";
        head.clock = synth::kTestClock;
        head.filter = "--port 7104 --addr 10.0.0.0/8";
        event::Filter filter;
        filter.ports = {7104};
        filter.addresses = {*tcp::Cidr::parse("10.0.0.0/8")};
        head.filters = {filter};
        return head;
    }
    /// Lines of connections that `trace` prints of that file.
    std::size_t connections(const std::string& name, std::vector<std::string> more = {}) const {
        std::vector<std::string> words{"trace", "-c", "-f", "jsonl", "-r", path(name)};
        words.insert(words.end(), more.begin(), more.end());
        const Finished trace = run_binary(words);
        EXPECT_EQ(trace.status, 0) << trace.err;
        std::size_t count = 0;
        for (std::size_t at = 0;
             (at = trace.out.find("\"type\":\"connection\"", at)) != std::string::npos; ++at)
            ++count;
        return count;
    }

    TemporaryFolder folder;
};

TEST_F(Filters, of_a_recording_hold_for_its_views) {
    record("a.tdw", to_json(head()));
    EXPECT_EQ(connections("a.tdw"), 2U);
    EXPECT_EQ(connections("a.tdw", {"--local-port", "40001"}), 1U);
    EXPECT_EQ(connections("a.tdw", {"--port", "7105"}), 0U);
    const Finished transitions = run_binary({"trace", "-r", path("a.tdw")});
    EXPECT_THAT(transitions.out, HasSubstr(":7104"));
    EXPECT_THAT(transitions.out, Not(HasSubstr(":7105")));
    for (const std::vector<std::string>& part : {std::vector<std::string>{}, {"--since", "+2s"}}) {
        std::vector<std::string> words{"report", "-r", path("a.tdw")};
        words.insert(words.end(), part.begin(), part.end());
        const Finished report = run_binary(words);
        EXPECT_THAT(report.out, HasSubstr("filter --port 7104"));
        EXPECT_THAT(report.out, Not(HasSubstr("7105")));
        EXPECT_THAT(report.out, HasSubstr("0 still open"));
    }
    EXPECT_THAT(run_binary({"info", path("a.tdw")}).out,
                HasSubstr("filter     --port 7104 --addr 10.0.0.0/8\n"));
}

TEST_F(Filters, a_sample_of_a_recording_is_said_in_each_report) {
    recording::Head sampled = head();
    sampled.filters.front().sample = 2;
    sampled.filter += " --sample 2";
    record("s.tdw", to_json(sampled));
    record("a.tdw", to_json(head()));
    EXPECT_EQ(connections("s.tdw"), 1U); // by the hashes of the two
    EXPECT_EQ(connections("a.tdw", {"--sample", "2"}), 1U);
    EXPECT_EQ(connections("a.tdw", {"--sample", "1"}), 2U);
    EXPECT_THAT(run_binary({"report", "-r", path("s.tdw")}).out,
                HasSubstr("A SAMPLE: one connection in 2 was traced (--sample), 1 in all"));
    EXPECT_THAT(run_binary({"report", "-r", path("s.tdw"), "--sample", "3"}).out,
                HasSubstr("A SAMPLE: one connection in 6 was traced (--sample), "));
    EXPECT_THAT(run_binary({"report", "-r", path("a.tdw")}).out, Not(HasSubstr("A SAMPLE")));
    EXPECT_THAT(run_binary({"report", "-f", "json", "-r", path("s.tdw")}).out,
                AllOf(HasSubstr(R"("sample":2)"), HasSubstr(R"("traced":1)"),
                      HasSubstr(R"("connections":2,"ended":)")));
    EXPECT_THAT(run_binary({"report", "-f", "openmetrics", "-r", path("s.tdw")}).out,
                AllOf(HasSubstr("tcpdwell_sample_factor 2"), HasSubstr(R"(,role="client"} 2)")));
    EXPECT_THAT(run_binary({"report", "--interval", "1h", "-q", "-r", path("s.tdw")}).out,
                HasSubstr("\n00:00:05         2         2 "));
}

TEST_F(Filters, exclude_by_exclamation_marks_and_take_ranges) {
    recording::Head all = head();
    all.filter.clear();
    all.filters.clear();
    record("all.tdw", to_json(all));
    EXPECT_EQ(connections("all.tdw"), 5U);
    EXPECT_EQ(connections("all.tdw", {"--port", "7100-7104"}), 2U);
    EXPECT_EQ(connections("all.tdw", {"--port", "!7104"}), 3U);
    EXPECT_EQ(connections("all.tdw", {"--port", "7104-7105,!7105"}), 2U);
    EXPECT_EQ(connections("all.tdw", {"--addr", "!10.1.0.0/16"}), 0U);
    EXPECT_EQ(connections("all.tdw", {"--comm", "!no-such-program"}), 5U);
    const Finished unknown = run_binary({"trace", "-r", path("all.tdw"), "--port", "htps"});
    EXPECT_EQ(unknown.status, 2);
    EXPECT_THAT(unknown.err, HasSubstr("--port htps: "));
    const Finished backwards = run_binary({"trace", "-r", path("all.tdw"), "--port", "90-80"});
    EXPECT_EQ(backwards.status, 2);
    EXPECT_THAT(backwards.err, HasSubstr("a range such as 8000-8100"));
}

TEST_F(Filters, of_a_recording_that_exclude_hold_for_its_views) {
    recording::Head excluding = head();
    excluding.filters.front() = {};
    excluding.filters.front().ports.excluded = {{7104, 7104}};
    record("a.tdw", to_json(excluding));
    EXPECT_EQ(connections("a.tdw"), 3U);
    ASSERT_EQ(run_binary({"copy", "-r", path("a.tdw"), "-o", path("b.tdw"), "--anonymize"}).status,
              0);
    EXPECT_EQ(connections("b.tdw"), 3U);
    EXPECT_THAT(run_binary({"info", path("b.tdw")}).out, HasSubstr("filter     --port !7104\n"));
}

TEST_F(Filters, of_recordings_of_released_versions_change_nothing) {
    std::string json = to_json(head());
    json.replace(json.find(",\"filters\":"), std::string::npos, "}");
    record("old.tdw", json);
    EXPECT_EQ(connections("old.tdw"), 5U);
}

TEST_F(Filters, of_copies_are_kept) {
    record("a.tdw", to_json(head()));
    for (const std::vector<std::string>& more :
         {std::vector<std::string>{}, {"--anonymize"}, {"--since", "+500ms"}}) {
        std::vector<std::string> words{"copy",        "--force", "-r",
                                       path("a.tdw"), "-o",      path("copy.tdw")};
        words.insert(words.end(), more.begin(), more.end());
        ASSERT_EQ(run_binary(words).status, 0);
        EXPECT_EQ(connections("copy.tdw"), 2U);
    }
    ASSERT_EQ(
        run_binary({"copy", "--force", "-r", path("a.tdw"), "-o", path("copy.tdw"), "--anonymize"})
            .status,
        0);
    const std::string info = run_binary({"info", path("copy.tdw")}).out;
    EXPECT_THAT(info, HasSubstr("filter     --port 7104\n"));
    EXPECT_THAT(text_of_file(path("copy.tdw")).substr(0, 2000), Not(HasSubstr("10.0.0.0")));
}

} // namespace
} // namespace tcpdwell::test
