// SPDX-License-Identifier: Apache-2.0
// What ends a run, and that the source is drained then.
#include "run/pipeline.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "call_log.h"
#include "event/encode.h"
#include "run/signals.h"
#include "support/temporary_folder.h"
#include "synth/setting.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

/// Hands out a fact at each poll. Finished at the poll number `ends_at`, or two polls after stop().
class ScriptedSource final : public event::EventSource {
public:
    Result<Status> poll(const event::RecordSink& sink) override {
        ++polls;
        if (at_poll) at_poll();
        if (polls == fails_at) return fail(ErrorCode::failed, "the source is broken");
        std::this_thread::sleep_for(1ms);
        sink(encode(event::Fact{0, "host", "here"}, synth::kTestClock));
        if (stops > 0 && ++polls_after_stop == 2) return Status::finished;
        return polls == ends_at ? Status::finished : Status::more;
    }
    [[nodiscard]] bool ready() const override { return polls >= ready_at; }
    [[nodiscard]] MonoTime now() const override { return synth::kTestClock.mono; }
    void relist() override {}
    void stop() override { ++stops; }

    int ends_at = 10'000; // a run that isn't ended otherwise ends all the same
    int fails_at = -1;
    int ready_at = 0;
    std::function<void()> at_poll;
    int polls = 0;
    int stops = 0;
    int polls_after_stop = 0;
};

/// Like a file without marks: one poll hands over everything, unless it is stopped within.
class EndlessSource final : public event::EventSource {
public:
    Result<Status> poll(const event::RecordSink& sink) override {
        const auto record = encode(event::Fact{0, "host", "here"}, synth::kTestClock);
        for (; !is_stopped && records < kMost; ++records) {
            if (records == 10) ::raise(SIGINT);
            sink(record);
        }
        return Status::finished;
    }
    [[nodiscard]] bool ready() const override { return true; }
    [[nodiscard]] MonoTime now() const override { return synth::kTestClock.mono; }
    void stop() override { is_stopped = true; }

    static constexpr int kMost = 100'000;
    int records = 0;
    bool is_stopped = false;
};

class PipelineTest : public testing::Test {
protected:
    Result<run::PipelineOutcome> run(run::ChildCommand* command = nullptr) {
        return run_pipeline(source, context, log, options, command);
    }

    ScriptedSource source;
    run::Context context;
    CallLog log;
    run::PipelineOptions options;
};

TEST_F(PipelineTest, a_signal_ends_a_replay_within_a_batch) {
    EndlessSource endless;
    options.stops_at_once = true;
    const auto outcome = run_pipeline(endless, context, log, options, nullptr);
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->interrupted);
    EXPECT_EQ(endless.records, 11);
    EXPECT_EQ(log.calls.back(), "finish");
}

TEST_F(PipelineTest, goes_on_until_the_source_is_exhausted) {
    source.ends_at = 3;
    const auto outcome = run();
    ASSERT_TRUE(outcome);
    EXPECT_THAT(log.calls, ElementsAre("begin", "flush", "flush", "flush", "settled", "finish"));
    EXPECT_EQ(log.facts, 1U);
    EXPECT_EQ(source.stops, 0);
    EXPECT_FALSE(outcome->interrupted);
    EXPECT_EQ(outcome->command_status, std::nullopt);
    EXPECT_EQ(outcome->quality.records, 3U);
}

TEST_F(PipelineTest, a_consumer_that_wants_no_more_stops_the_source_once_which_is_drained) {
    log.answer = false;
    ASSERT_TRUE(run());
    EXPECT_EQ(source.stops, 1);
    EXPECT_EQ(source.polls, 3);
    EXPECT_EQ(log.count("flush"), 3U);
    EXPECT_EQ(log.calls.back(), "finish");
}

TEST_F(PipelineTest, a_signal_stops_the_source) {
    source.at_poll = [this] {
        if (source.polls == 2) ::raise(SIGTERM);
    };
    const auto outcome = run();
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->interrupted);
    EXPECT_EQ(source.stops, 1);
    EXPECT_EQ(source.polls, 4);
}

TEST_F(PipelineTest, the_duration_stops_the_source) {
    options.duration = 5ms;
    ASSERT_TRUE(run());
    EXPECT_EQ(source.stops, 1);
    EXPECT_LT(source.polls, source.ends_at);
}

TEST_F(PipelineTest, a_command_starts_when_the_source_is_ready_and_its_end_stops_the_source) {
    auto command = run::ChildCommand::prepare({"sh", "-c", "exit 7"});
    ASSERT_TRUE(command);
    source.ready_at = 20;
    const auto outcome = run(&*command);
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->command_status, 7);
    EXPECT_EQ(source.stops, 1);
    EXPECT_GE(source.polls, 20);
}

TEST_F(PipelineTest, what_a_command_prints_does_not_get_into_a_recording_on_standard_output) {
    const TemporaryFolder folder;
    const std::string files[] = {folder.path() / "out", folder.path() / "err"};
    const pid_t own = ::fork(); // standard output and standard error of ours stay what they are
    ASSERT_GE(own, 0);
    if (own == 0) {
        for (const int i : {0, 1})
            ::dup2(::open(files[i].c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), i + 1);
        auto command = run::ChildCommand::prepare({"echo", "words"}, std::nullopt,
                                                  run::CommandOutput::to_stderr);
        ::_exit(command && run(&*command) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(own, &status, 0), own);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(std::filesystem::file_size(files[0]), 0U);
    std::string line;
    std::getline(std::ifstream(files[1]) >> std::ws, line);
    EXPECT_EQ(line, "words");
}

/// The process `pid` has ended, and nobody waits for it any more.
bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

TEST_F(PipelineTest, a_signal_is_passed_on_to_the_command_whose_end_is_awaited) {
    for (const int number : {SIGTERM, SIGHUP}) {
        const TemporaryFolder folder;
        const std::string script = "echo $$ > '" + folder.path().string() + "/pid'; exec sleep 60";
        auto command = run::ChildCommand::prepare({"sh", "-c", script});
        ASSERT_TRUE(command);
        source = {};
        pid_t pid = 0;
        source.at_poll = [&, was_raised = false]() mutable {
            if (was_raised || !(std::ifstream(folder.path() / "pid") >> pid)) return;
            was_raised = true;
            ::raise(number);
        };
        const auto outcome = run(&*command);
        ASSERT_TRUE(outcome);
        EXPECT_TRUE(outcome->interrupted);
        EXPECT_EQ(outcome->command_status, 128 + number);
        ASSERT_GT(pid, 0);
        EXPECT_TRUE(is_gone(pid));
    }
}

TEST_F(PipelineTest, a_command_that_ignores_the_signal_is_not_awaited_for_ever) {
    const TemporaryFolder folder;
    const std::string script =
        "trap '' TERM; echo $$ > '" + folder.path().string() + "/pid'; while :; do sleep 0.1; done";
    auto command = run::ChildCommand::prepare({"sh", "-c", script});
    ASSERT_TRUE(command);
    pid_t pid = 0;
    source.at_poll = [&, was_raised = false]() mutable {
        if (was_raised || !(std::ifstream(folder.path() / "pid") >> pid)) return;
        was_raised = true;
        ::raise(SIGTERM);
    };
    const auto outcome = run(&*command);
    ASSERT_GT(pid, 0);
    EXPECT_EQ(::kill(pid, SIGKILL), 0); // it is still there
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->command_status, 128 + SIGTERM);
}

TEST_F(PipelineTest, a_hangup_is_left_to_those_who_ignore_it) {
    ::signal(SIGHUP, SIG_IGN);
    source.ends_at = 4;
    source.at_poll = [this] {
        if (source.polls == 2) ::raise(SIGHUP);
    };
    const auto outcome = run();
    ::signal(SIGHUP, SIG_DFL);
    ASSERT_TRUE(outcome);
    EXPECT_FALSE(outcome->interrupted);
    EXPECT_EQ(source.stops, 0);
}

TEST_F(PipelineTest, a_hangup_is_a_signal_to_stop_whatever_else_it_would_end) {
    ::signal(SIGHUP, [](int) {}); // as a file does that is to be removed at the end
    source.at_poll = [this] {
        if (source.polls == 2) ::raise(SIGHUP);
    };
    const auto outcome = run();
    ::signal(SIGHUP, SIG_DFL);
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->interrupted);
    EXPECT_EQ(source.stops, 1);
}

TEST_F(PipelineTest, a_hangup_that_asks_to_save_does_not_stop) {
    run::NotedSignal save(SIGHUP);
    source.ends_at = 4;
    source.at_poll = [this] {
        if (source.polls == 2) ::raise(SIGHUP);
    };
    const auto outcome = run();
    ASSERT_TRUE(outcome);
    EXPECT_FALSE(outcome->interrupted);
    EXPECT_TRUE(save.take());
}

TEST_F(PipelineTest, records_are_not_interpreted_if_they_are_only_to_be_recorded) {
    source.ends_at = 1;
    options.interpret = false;
    const auto outcome = run();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->quality.records, 0U);
    EXPECT_EQ(log.facts, 0U);
    EXPECT_THAT(log.calls, ElementsAre("begin", "flush", "settled", "finish"));
}

TEST_F(PipelineTest, an_error_ends_the_run_at_once) {
    source.fails_at = 2;
    const auto broken_source = run();
    ASSERT_FALSE(broken_source);
    EXPECT_EQ(broken_source.error().message, "the source is broken");
    EXPECT_THAT(log.calls, ElementsAre("begin", "flush"));

    source = {};
    log = {};
    log.answer = fail(ErrorCode::failed, "the disk is full");
    const auto full_disk = run();
    ASSERT_FALSE(full_disk);
    EXPECT_EQ(full_disk.error().message, "the disk is full");
    EXPECT_THAT(log.calls, ElementsAre("begin", "flush"));
}

} // namespace
} // namespace tcpdwell::test
