// SPDX-License-Identifier: Apache-2.0
// Two processes in one folder, and the end of either at any moment.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <map>
#include <set>

#include "base/child_process.h"
#include "sender_case.h"
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

TEST_F(SenderTest, notices_that_the_process_has_died) {
    HttpReply late = reply(200);
    late.delay = std::chrono::seconds(60);
    const ScriptedServer server(after_settings([&](int, const HttpRequest&) { return late; }));
    auto spool = opened(path_);
    add(spool, 5);
    auto sender = started(spool, options(server.port()));
    EXPECT_TRUE(becomes([&] { return !tokens_of(server).empty(); }));
    EXPECT_TRUE(sender.is_running());
    ASSERT_EQ(::kill(sender.pid(), SIGKILL), 0);
    EXPECT_TRUE(becomes([&] { return !sender.is_running(); }));
    sender.wake();
    EXPECT_FALSE(sender.is_running());
    EXPECT_EQ(log_.count("has ended (signal 9); rows wait in " + path_), 1U) << log_.text();
    const auto drained = sender.drain(std::chrono::hours(1));
    ASSERT_FALSE(drained);
    EXPECT_NE(drained.error().message.find("1 batches wait"), std::string::npos);
    EXPECT_EQ(spool.counts().rows, 5U) << "nothing is lost";
}

TEST_F(SenderTest, ends_with_its_owner_even_in_a_request) {
    HttpReply late = reply(200);
    late.delay = std::chrono::seconds(60);
    const ScriptedServer server(after_settings([&](int, const HttpRequest&) { return late; }));
    auto spool = opened(path_);
    add(spool, 5);
    const auto before = files();
    {
        auto sender = started(spool, options(server.port()));
        EXPECT_TRUE(becomes([&] { return !tokens_of(server).empty(); }));
        EXPECT_NE(files(), before) << "claimed";
    }
    EXPECT_EQ(files(), before) << "given back";
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
            std::array<pid_t, 2> pids{sender->pid(), ::fork()};
            if (pids[1] == 0) {
                ::alarm(100); // whatever becomes of the test
                while (true) ::pause();
            }
            static_cast<void>(::write(ends[1], pids.data(), sizeof(pids)));
            return ::raise(SIGKILL);
        });
    std::array<pid_t, 2> pids{};
    ASSERT_EQ(::read(ends[0], pids.data(), sizeof(pids)), static_cast<ssize_t>(sizeof(pids)));
    ::close(ends[0]);
    ::close(ends[1]);
    EXPECT_EQ(::waitpid(program, nullptr, 0), program);
    EXPECT_TRUE(becomes([&] { return ::waitpid(pids[0], nullptr, WNOHANG) == pids[0]; }));
    EXPECT_EQ(::waitpid(pids[1], nullptr, WNOHANG), 0) << "the other one is still there";
    ::kill(pids[1], SIGKILL);
    ::waitpid(pids[1], nullptr, 0);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/// What a program does that is killed: adds, and has a child that sends.
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

// Either process is killed at any moment, and the server loses answers: each row that add() has
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
        if (round % 2 == 0) {
            ASSERT_EQ(::kill(program, SIGKILL), 0);
        } else { // its child first
            std::ifstream children("/proc/" + std::to_string(program) + "/task/" +
                                   std::to_string(program) + "/children");
            pid_t child = 0;
            ASSERT_TRUE(children >> child);
            ASSERT_EQ(::kill(child, SIGKILL), 0);
            pause(10ms);
            ASSERT_EQ(::kill(program, SIGKILL), 0);
        }
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

TEST_F(SenderTest, gives_up_rights_in_the_child_before_it_sends) {
    const ScriptedServer server(after_settings([](int, const HttpRequest&) { return reply(200); }));
    auto spool = opened(path_);
    add(spool, 1);
    auto with_duty = options(server.port());
    const std::string mark = folder_.path() / "mark";
    with_duty.in_child = [&] {
        std::ofstream(mark) << ::getpid() << " " << server.requests().size();
    };
    auto sender = started(spool, with_duty);
    EXPECT_TRUE(drained(sender));
    EXPECT_EQ(file_text(mark), std::to_string(sender.pid()) + " 0");
    EXPECT_EQ(file_text("/proc/" + std::to_string(sender.pid()) + "/comm"), "tcpdwell-sender\n");
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
