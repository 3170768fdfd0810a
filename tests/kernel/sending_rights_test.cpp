// SPDX-License-Identifier: Apache-2.0
// The process that sends batches to a server has no rights but those that it takes, and none of
// these is missing: it is watched with ptrace(2).
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/child_process.h"
#include "cli/live_view.h"
#include "process_facts.h"
#include "store/sender.h"
#include "support/moment.h"
#include "support/scripted_server.h"
#include "support/temporary_folder.h"
#include "watched_process.h"

namespace tcpdwell::test {
namespace {

HttpReply taken_or_not(const HttpRequest& request) {
    if (request.body.find("system.settings") != std::string::npos)
        return reply(200, "input_format_skip_unknown_fields\n");
    static int number = 0;
    switch (number++ % 4) {
    case 1: return reply(400, "Code: 27. DB::Exception: no");
    case 2: return reply(500);
    default: return reply(200);
    }
}

void kill_child_of(pid_t pid) {
    while (children_of(pid).empty()) pause(std::chrono::milliseconds(1));
    ::kill(children_of(pid).front(), SIGKILL);
}

class SendingRights : public testing::Test {
protected:
    [[nodiscard]] store::SenderOptions options(const std::string& host) const {
        store::SenderOptions options;
        auto server = store::ServerUrl::parse(scheme_ + "://" + host + ":" +
                                              std::to_string(server_.port()) + "/net");
        EXPECT_TRUE(server);
        options.server = *server;
        options.back_off = {std::chrono::milliseconds(20), std::chrono::milliseconds(100)};
        options.restarts = options.back_off;
        options.in_supervisor = [] { cli::keep_rights_for(false, false); };
        options.in_child = &cli::keep_rights_for_sending;
        return options;
    }
    /// Of a process that adds batches for a while; whether all have gone.
    [[nodiscard]] int send(const std::string& host, std::chrono::nanoseconds limit) const {
        auto spool = store::Spool::open(folder_.path() / "spool", 10 << 20);
        if (!spool) return 2;
        auto sender = store::Sender::start(*spool, options(host));
        if (!sender) return 3;
        for (int i = 0; i < 20; ++i) {
            if (!spool->add("ends", 1, "{}\n")) return 4;
            sender->wake();
            if (i == 10 && kills_) kill_child_of(sender->pid());
        }
        return sender->drain(limit).value_or(false) ? 0 : 1;
    }
    void expect_nothing_refused(const std::string& host, std::chrono::nanoseconds limit,
                                int expected_status) {
        WatchedProcess process([&] { exit_with([&] { return send(host, limit); }); });
        EXPECT_EQ(process.run([](const WatchedProcess&) {}), expected_status);
        ASSERT_FALSE(process.confined.empty());
        EXPECT_FALSE(process.confined.contains(process.pid())) << "only what its child starts";
        std::size_t calls = 0;
        for (const auto& [pid, number] : process.confined) calls += number;
        EXPECT_GT(calls, 100U);
        for (const auto& [what, times] : process.refused)
            ADD_FAILURE() << "refused " << times << " times: " << what;
    }

    std::string scheme_ = "http";
    bool kills_ = false; // the process that sends, in the middle
    ScriptedServer server_{&taken_or_not};
    TemporaryFolder folder_;
};

void expect_no_capability(pid_t pid) {
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
        EXPECT_EQ(capabilities(pid, set), 0U) << set;
    EXPECT_EQ(status_of(pid, "NoNewPrivs"), "1");
}

// The second process has them from its supervisor, which had given up its rights when it forked.
TEST_F(SendingRights, are_no_capability_and_few_system_calls_after_a_restart_too) {
    auto spool = store::Spool::open(folder_.path() / "spool", 10 << 20);
    ASSERT_TRUE(spool);
    auto sender = store::Sender::start(*spool, options("localhost"));
    ASSERT_TRUE(sender);
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(spool->add("ends", 1, "{}\n"));
        ASSERT_TRUE(sender->drain(patience(std::chrono::seconds(20))).value_or(false));
        expect_no_capability(sender->pid());
        EXPECT_EQ(status_of(sender->pid(), "Seccomp"), "0") << "else the other one inherits it";
        const auto sends = children_of(sender->pid());
        ASSERT_EQ(sends.size(), 1U);
        expect_no_capability(sends.front());
        EXPECT_EQ(status_of(sends.front(), "Seccomp"), "2");
        ASSERT_EQ(::kill(sends.front(), SIGKILL), 0);
        while (is_running(sends.front())) pause(std::chrono::milliseconds(1));
    }
}

TEST_F(SendingRights, suffice_for_sending_to_a_host_by_its_name) {
    expect_nothing_refused("localhost", patience(std::chrono::seconds(40)), 0);
    EXPECT_TRUE(std::filesystem::exists(folder_.path() / "spool" / "rejected"));
    EXPECT_FALSE(std::filesystem::is_empty(folder_.path() / "spool" / "rejected"));
}

TEST_F(SendingRights, suffice_for_sending_after_another_was_killed) {
    kills_ = true;
    expect_nothing_refused("localhost", patience(std::chrono::seconds(40)), 0);
}

TEST_F(SendingRights, suffice_for_asking_for_a_name_that_nobody_has) {
    expect_nothing_refused("no-such-host.invalid", std::chrono::seconds(2), 1);
}

// Certificates are read and a handshake begins; the server speaks no TLS.
TEST_F(SendingRights, suffice_for_tls) {
    scheme_ = "https";
    expect_nothing_refused("localhost", std::chrono::seconds(2), 1);
}

TEST_F(SendingRights, suffice_where_nobody_listens) {
    expect_nothing_refused("[::1]", std::chrono::seconds(1), 1);
}

} // namespace
} // namespace tcpdwell::test
