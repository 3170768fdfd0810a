// SPDX-License-Identifier: Apache-2.0
// The processes that use one folder, and the end of each at any moment.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <set>

#include "base/child_process.h"
#include "sender_case.h"
#include "store/sending_process.h"
#include "support/check.h"

namespace tcpdwell::test {
namespace {

TEST_F(SenderTest, counts_no_batch_twice_when_the_spool_is_full_meanwhile) {
    HttpReply slow = reply(200);
    slow.delay = std::chrono::milliseconds(20);
    const ScriptedServer server(after_settings([&](int, const HttpRequest&) { return slow; }));
    auto spool = opened(path_, 5 * 4096);
    auto sender = started(spool, options(server.port()));
    std::uint64_t rows = 0;
    for (std::uint64_t i = 1; i <= 300; ++i) {
        add(spool, i);
        rows += i;
        sender.wake();
        if (i % 25 == 0) pause(20ms);
    }
    EXPECT_TRUE(drained(sender));
    const auto spooled = spool.counts();
    EXPECT_EQ(sender.counts().sent_rows + spooled.dropped_rows, rows);
    EXPECT_EQ(spooled.rows, 0U);
    EXPECT_GT(spooled.dropped_rows, 0U) << "the test has shown nothing";
    EXPECT_GT(sender.counts().sent_rows, 0U);
    std::map<std::string, int> times;
    for (const std::string& token : tokens_of(server)) ++times[token];
    EXPECT_EQ(times.size(), sender.counts().sent_batches);
}

TEST_F(SenderTest, notices_that_the_supervisor_has_died_and_the_process_that_sends_with_it) {
    HttpReply late = reply(200);
    late.delay = std::chrono::seconds(60);
    const ScriptedServer server(after_settings([&](int, const HttpRequest&) { return late; }));
    auto spool = opened(path_);
    add(spool, 5);
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(becomes([&] { return !tokens_of(server).empty(); }));
    EXPECT_TRUE(sender.is_running());
    const pid_t sends = child_of(sender.pid());
    check(::prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper"); // orphans are ours
    ASSERT_EQ(::kill(sender.pid(), SIGKILL), 0);
    EXPECT_TRUE(becomes([&] { return ::waitpid(sends, nullptr, WNOHANG) == sends; }));
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    EXPECT_TRUE(becomes([&] { return !sender.is_running(); }));
    sender.wake();
    EXPECT_FALSE(sender.is_running());
    EXPECT_EQ(log_.count("has ended (signal 9); rows wait in " + path_), 1U) << log_.text();
    const auto drained = sender.drain(std::chrono::hours(1));
    ASSERT_FALSE(drained);
    EXPECT_NE(drained.error().message.find("1 batches wait"), std::string::npos);
    EXPECT_EQ(spool.counts().rows, 5U) << "nothing is lost";
}

TEST_F(SenderTest, another_process_sends_what_a_killed_one_was_sending) {
    HttpReply never = reply(200);
    never.delay = std::chrono::hours(1);
    const ScriptedServer server(after_settings(
        [&](int number, const HttpRequest&) { return number < 2 ? never : reply(200); }));
    auto spool = opened(path_);
    for (std::uint64_t i = 1; i <= 5; ++i) add(spool, i, "{\"row\":" + std::to_string(i) + "}\n");
    auto sender = started(spool, options(server.port()));
    std::set<pid_t> killed;
    for (std::size_t i = 1; i <= 2; ++i) {
        EXPECT_TRUE(becomes([&] { return tokens_of(server).size() == i; }));
        const pid_t sends = child_of(sender.pid());
        ASSERT_GT(sends, 0);
        EXPECT_TRUE(killed.insert(sends).second) << "another one";
        ASSERT_EQ(::kill(sends, SIGKILL), 0);
    }
    EXPECT_TRUE(drained(sender));
    EXPECT_TRUE(sender.is_running());
    EXPECT_TRUE(files().empty());
    const auto tokens = tokens_of(server);
    ASSERT_EQ(tokens.size(), 7U);
    EXPECT_EQ(std::count(tokens.begin(), tokens.end(), tokens[0]), 3) << "the same one again";
    EXPECT_EQ(sender.counts().sent_batches, 5U);
    EXPECT_EQ(sender.counts().sent_rows, 15U);
    EXPECT_EQ(sender.counts().failed_tries, 2U);
    EXPECT_EQ(log_.count("has ended (signal 9); another one is started in 0."), 2U) << log_.text();
    EXPECT_EQ(log_.count("\n"), 2U) << log_.text();
}

/// Answers an insertion by the end of the process that sends, as if it had crashed with it.
HttpReply crash(pid_t supervisor) {
    ::kill(child_of(supervisor), SIGABRT);
    HttpReply never = reply(200);
    never.delay = std::chrono::hours(1);
    return never;
}

TEST_F(SenderTest, sets_aside_a_batch_that_each_process_crashes_with_that_sends_others) {
    std::atomic<pid_t> supervisor = 0;
    std::string poison;
    const ScriptedServer server(after_settings([&](int, const HttpRequest& request) {
        if (poison.empty()) poison = token_of(request);
        return token_of(request) == poison ? crash(supervisor) : reply(200);
    }));
    auto spool = opened(path_);
    auto sender = started(spool, options(server.port()));
    supervisor = sender.pid();
    for (std::uint64_t i = 1; i <= 5; ++i) add(spool, i, "{\"row\":" + std::to_string(i) + "}\n");
    sender.wake();
    EXPECT_TRUE(drained(sender));
    const auto tokens = tokens_of(server);
    EXPECT_EQ(std::count(tokens.begin(), tokens.end(), tokens[0]), 4) << "tried before and after";
    EXPECT_EQ(sender.counts().sent_batches, 4U);
    EXPECT_EQ(sender.counts().rejected_batches, 1U);
    EXPECT_EQ(sender.counts().sent_rows + sender.counts().rejected_rows, 15U);
    EXPECT_TRUE(files().empty());
    const auto aside = rejected();
    ASSERT_EQ(aside.size(), 2U) << "the batch, and why";
    EXPECT_EQ(file_text(path_ + "/rejected/" + aside[1]),
              "the process that sends has ended at each of 4 tries (signal 6), while others were "
              "accepted\n");
    EXPECT_EQ(log_.count("rejected, isn't sent: the process that sends has ended"), 1U)
        << log_.text();
}

TEST_F(SenderTest, sets_nothing_aside_while_each_batch_crashes_the_process_that_sends) {
    std::atomic<pid_t> supervisor = 0;
    const ScriptedServer server(after_settings([&](int number, const HttpRequest&) {
        return number < 8 ? crash(supervisor) : reply(200);
    }));
    auto spool = opened(path_);
    auto sender = started(spool, options(server.port()));
    supervisor = sender.pid();
    for (std::uint64_t i = 1; i <= 3; ++i) add(spool, i);
    sender.wake();
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(sender.counts().sent_rows, 6U);
    EXPECT_EQ(sender.counts().failed_tries, 8U);
    EXPECT_TRUE(rejected().empty());
    EXPECT_TRUE(files().empty());
}

// It had the last batch: nothing is left that another one could set the page right with.
TEST_F(SenderTest, draining_ends_though_one_was_killed_before_it_had_counted) {
    const ScriptedServer server(after_settings([&](int, const HttpRequest&) {
        for (const std::string& name : files()) std::filesystem::remove(path_ + "/" + name);
        HttpReply never = reply(200);
        never.delay = std::chrono::hours(1);
        return never;
    }));
    auto spool = opened(path_);
    add(spool, 5);
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(becomes([&] { return !tokens_of(server).empty() && files().empty(); }));
    ASSERT_EQ(::kill(child_of(sender.pid()), SIGKILL), 0);
    EXPECT_TRUE(drained(sender));
}

TEST_F(SenderTest, waits_before_it_starts_another_process_that_would_crash_as_well) {
    const ScriptedServer server(after_settings([](int, const HttpRequest&) { return reply(200); }));
    auto spool = opened(path_);
    add(spool, 5);
    auto crashing = options(server.port());
    crashing.restarts = {std::chrono::hours(1), std::chrono::hours(2)};
    const std::string starts = folder_.path() / "starts";
    crashing.in_child = [&] {
        std::ofstream(starts, std::ios::app) << "x";
        ::_exit(7);
    };
    {
        auto sender = started(spool, crashing);
        EXPECT_TRUE(becomes([&] { return log_.count("has ended (exit status 7)") == 1; }));
        sender.wake();
        pause(100ms);
        EXPECT_EQ(file_text(starts), "x");
        EXPECT_TRUE(sender.is_running());
        EXPECT_FALSE(drained(sender, 300ms));
        EXPECT_EQ(file_text(starts), "xx") << "tries at once, and waits again";
        EXPECT_EQ(sender.counts().failed_tries, 2U);
    }
    EXPECT_EQ(file_text(starts), "xx") << "its end cuts the waiting short";
    EXPECT_EQ(files().size(), 1U);
}

TEST_F(SenderTest, starts_no_other_process_where_sending_is_impossible) {
    const ScriptedServer server(after_settings([](int, const HttpRequest&) { return reply(200); }));
    auto spool = opened(path_);
    auto impossible = options(server.port());
    const std::string starts = folder_.path() / "starts";
    impossible.in_child = [&] {
        std::ofstream(starts, std::ios::app) << "x";
        ::_exit(store::kCannotSend);
    };
    auto sender = started(spool, impossible);
    EXPECT_TRUE(becomes([&] { return !sender.is_running(); }));
    EXPECT_EQ(file_text(starts), "x");
    EXPECT_EQ(log_.count("another one"), 0U) << log_.text();
    EXPECT_EQ(log_.count("has ended (exit status 2); rows wait in " + path_), 1U) << log_.text();
}

TEST_F(SenderTest, takes_no_notice_of_what_a_terminal_sends_to_the_group) {
    const ScriptedServer server(after_settings([](int, const HttpRequest&) { return reply(200); }));
    auto spool = opened(path_);
    auto sender = started(spool, options(server.port()));
    add(spool, 1);
    EXPECT_TRUE(drained(sender));
    const pid_t sends = child_of(sender.pid());
    for (const int each : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP})
        for (const pid_t pid : {sender.pid(), sends}) ASSERT_EQ(::kill(pid, each), 0);
    add(spool, 2);
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(child_of(sender.pid()), sends);
    EXPECT_EQ(sender.counts().sent_rows, 3U);
    EXPECT_EQ(log_.text(), "");
}

TEST_F(SenderTest, ends_with_its_owner_even_in_a_request) {
    HttpReply late = reply(200);
    late.delay = std::chrono::seconds(60);
    const ScriptedServer server(after_settings([&](int, const HttpRequest&) { return late; }));
    auto spool = opened(path_);
    add(spool, 5);
    const auto before = files();
    pid_t sends = 0;
    {
        auto sender = started(spool, options(server.port()));
        EXPECT_TRUE(becomes([&] { return !tokens_of(server).empty(); }));
        EXPECT_NE(files(), before) << "claimed";
        sends = child_of(sender.pid());
    }
    EXPECT_EQ(files(), before) << "given back";
    EXPECT_EQ(::kill(sends, 0), -1) << "it is gone, and has been waited for";
    EXPECT_EQ(log_.text(), "");
}

// Other children of the parent have its end of the line too, and outlive it.
TEST_F(SenderTest, ends_with_the_parent_whoever_else_is_left) {
    const ScriptedServer server(after_settings([](int, const HttpRequest&) { return reply(200); }));
    const auto options = this->options(server.port());
    std::array<int, 2> ends{};
    check(::pipe2(ends.data(), O_CLOEXEC), "pipe2");
    check(::prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper"); // orphans are ours
    const pid_t program = check(::fork(), "fork");
    if (program == 0)
        exit_with([&] {
            const auto spool = store::Spool::open(path_, 1 << 20);
            const auto sender = store::Sender::start(*spool, options);
            std::array<pid_t, 3> pids{sender->pid(), ::fork(), 0};
            if (pids[1] == 0) {
                ::alarm(100); // whatever becomes of the test
                while (true) ::pause();
            }
            while ((pids[2] = child_of(pids[0])) == 0) pause(1ms);
            static_cast<void>(::write(ends[1], pids.data(), sizeof(pids)));
            return ::raise(SIGKILL);
        });
    std::array<pid_t, 3> pids{};
    ASSERT_EQ(::read(ends[0], pids.data(), sizeof(pids)), static_cast<ssize_t>(sizeof(pids)));
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_EQ(::waitpid(program, nullptr, 0), program);
    EXPECT_TRUE(becomes([&] { return ::waitpid(pids[0], nullptr, WNOHANG) == pids[0]; }));
    EXPECT_EQ(::kill(pids[2], 0), -1) << "what it had started is gone as well";
    EXPECT_EQ(::waitpid(pids[1], nullptr, WNOHANG), 0) << "the other one is still there";
    ::kill(pids[1], SIGKILL);
    ::waitpid(pids[1], nullptr, 0);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/// What a program does that is killed: adds, and has another process that sends.
int add_and_send(const std::string& path, const store::SenderOptions& options, std::uint64_t from,
                 int acknowledged) {
    auto spool = store::Spool::open(path, 100 << 20);
    if (!spool) return 2;
    auto sender = store::Sender::start(*spool, options);
    if (!sender) return 3;
    for (std::uint64_t i = from;; ++i) {
        if (!spool->add("ends", 1, "{\"row\":" + std::to_string(i) + "}\n")) return 4;
        if (::write(acknowledged, &i, sizeof(i)) != sizeof(i)) return 5;
        sender->wake();
        pause(1ms);
    }
}

// Each process is killed at any moment, and the server loses answers: each row that add() has
// taken arrives, and a batch that arrives again is the same.
TEST_F(SenderTest, loses_nothing_whoever_is_killed_when) {
    const ScriptedServer server(after_settings([](int number, const HttpRequest&) {
        return number % 7 == 3 ? HttpReply{"", {}} : number % 11 == 5 ? reply(500) : reply(200);
    }));
    const auto options = this->options(server.port());
    std::array<int, 2> ends{};
    check(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), "pipe2");
    const Fd reader(ends[0]);
    const Fd writer(ends[1]);
    check(::prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper"); // orphans are ours
    std::set<std::uint64_t> added;
    for (std::uint64_t round = 0; round < 12; ++round) {
        const pid_t program = check(::fork(), "fork");
        if (program == 0)
            exit_with(
                [&] { return add_and_send(path_, options, round * 1'000'000, writer.get()); });
        pause(std::chrono::milliseconds(60 + 13 * round));
        const pid_t supervisor = child_of(program);
        // One of them, or none, before the program.
        for (const pid_t each : {round % 3 == 1 ? supervisor : 0,
                                 round % 3 == 2 && supervisor > 0 ? child_of(supervisor) : 0}) {
            if (each == 0) continue;
            ASSERT_EQ(::kill(each, SIGKILL), 0);
            pause(std::chrono::milliseconds(10 * round));
        }
        ASSERT_EQ(::kill(program, SIGKILL), 0);
        int status = 0;
        ::waitpid(program, &status, 0);
        EXPECT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
        std::uint64_t number = 0;
        while (::read(reader.get(), &number, sizeof(number)) == sizeof(number))
            added.insert(number);
    }
    auto spool = opened(path_, 100 << 20); // waits for the orphan of the last
    auto sender = started(spool, options);
    EXPECT_TRUE(drained(sender, patience(60s)));
    EXPECT_TRUE(rejected().empty());
    std::map<std::string, std::set<std::string>> bodies;
    std::map<std::string, int> rows;
    for (const HttpRequest& request : server.requests()) {
        if (asks_for_settings(request)) continue;
        bodies[token_of(request)].insert(request.body);
    }
    for (const auto& [token, versions] : bodies) {
        EXPECT_EQ(versions.size(), 1U) << token;
        ++rows[uncompressed(*versions.begin())];
    }
    EXPECT_GT(added.size(), 50U);
    for (const std::uint64_t each : added)
        EXPECT_EQ(rows["{\"row\":" + std::to_string(each) + "}\n"], 1) << each;
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
}

TEST_F(SenderTest, gives_up_rights_in_both_processes_before_it_sends) {
    const ScriptedServer server(after_settings([](int, const HttpRequest&) { return reply(200); }));
    auto spool = opened(path_);
    add(spool, 1);
    auto with_duty = options(server.port());
    const std::string mark = folder_.path() / "mark";
    with_duty.in_supervisor = [&] { std::ofstream(mark) << ::getpid() << " "; };
    with_duty.in_child = [&] {
        std::ofstream(mark, std::ios::app) << ::getpid() << " " << server.requests().size();
    };
    auto sender = started(spool, with_duty);
    EXPECT_TRUE(drained(sender));
    const std::string sends = std::to_string(child_of(sender.pid()));
    EXPECT_EQ(file_text(mark), std::to_string(sender.pid()) + " " + sends + " 0");
    EXPECT_EQ(file_text("/proc/" + sends + "/comm"), "tcpdwell-sender\n");
    EXPECT_EQ(file_text("/proc/" + std::to_string(sender.pid()) + "/comm"), "tcpdwell-superv\n");
}

TEST_F(SenderTest, a_file_that_is_no_batch_doesnt_stop_the_others) {
    { auto spool = opened(path_); }
    const std::string name = "00001764458012345678901-9f3ac04b5d1e2c77-ends-5000.json.gz";
    std::ofstream(path_ + "/" + name) << "x";
    std::filesystem::resize_file(path_ + "/" + name, std::uintmax_t{1} << 40);
    const ScriptedServer server(after_settings([](int, const HttpRequest&) { return reply(200); }));
    auto spool = opened(path_);
    add(spool, 1);
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(tokens_of(server).size(), 1U);
    EXPECT_EQ(sender.counts().rejected_rows, 5000U);
    EXPECT_EQ(rejected(), (std::vector<std::string>{name, name + ".error"}));
}

} // namespace
} // namespace tcpdwell::test
