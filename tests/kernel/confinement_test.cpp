// SPDX-License-Identifier: Apache-2.0
// The system calls that tcpdwell may still make while it traces are those that it makes: none is
// refused, in any kind of run. Whatever it does is watched with ptrace(2).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "netns.h"
#include "sockets.h"
#include "support/check.h"
#include "support/moment.h"
#include "support/temporary_folder.h"
#include "tracer.h"
#include "watched_process.h"

namespace tcpdwell::test {

namespace {

/// tcpdwell; `terminal`: what its stdin and stdout are; -1: nobody reads what it prints.
WatchedProcess watched_program(std::vector<std::string> words, int terminal) {
    return WatchedProcess([&] {
        const int unread = open("/dev/null", O_WRONLY);
        if (dup2(terminal < 0 ? unread : terminal, STDOUT_FILENO) < 0) _exit(126);
        if (terminal >= 0 && dup2(terminal, STDIN_FILENO) < 0) _exit(126);
        std::vector<char*> arguments;
        for (std::string& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        execv(arguments.front(), arguments.data());
    });
}

class Confinement : public ::testing::Test {
protected:
    void SetUp() override { enter_new_netns(); }

    // Traces connections for a while; the tracer, its sampler and what sends rows must have been
    // confined.
    void expect_nothing_refused(std::vector<std::string> words, int signal = 0, int terminal = -1) {
        const bool sends = std::ranges::find(words, "--export") != words.end();
        words.insert(words.begin(), tcpdwell_path());
        std::atomic<bool> is_over = false;
        std::thread traffic([&] {
            while (!is_over) {
                const Fd listener = listen_on({"127.0.0.1", 0});
                open_and_close(listener);
                pause(20ms);
            }
        });
        WatchedProcess program = watched_program(words, terminal);
        std::size_t ticks = 0;
        const int status = program.run([&](const WatchedProcess& watched) {
            const auto main = watched.confined.find(watched.pid());
            if (signal != 0 && main != watched.confined.end() && ++ticks % 2000 == 0)
                kill(watched.pid(), signal);
        });
        is_over = true;
        traffic.join();
        EXPECT_EQ(status, 0);
        EXPECT_EQ(program.confined.size(), sends ? 3U : 2U) << "the tracer, its sampler, a sender";
        for (const auto& [pid, calls] : program.confined) EXPECT_GT(calls, 20U) << pid;
        for (const auto& [what, times] : program.refused)
            ADD_FAILURE() << "refused " << times << " times: " << what;
    }

    TemporaryFolder folder_;
};

TEST_F(Confinement, refusesNothingThatTracingTakes) {
    expect_nothing_refused({"trace", "--format", "jsonl", "-d", "3s"});
    expect_nothing_refused({"trace", "-c", "--probes", "timer", "-d", "3s"});
}

TEST_F(Confinement, refusesNothingThatReportsAndRecordingsTake) {
    expect_nothing_refused({"report", "-d", "3s", "-w", folder_.path() / "run.tdw", "--html",
                            folder_.path() / "page.html"});
    expect_nothing_refused({"report", "-d", "3s", "-i", "1", "-f", "json"});
    expect_nothing_refused({"trace", "-d", "10s", "--", "sleep", "2"});
}

TEST_F(Confinement, refusesNothingThatAFullScreenTakes) {
    int ours = -1;
    int its = -1;
    const winsize size{30, 100, 0, 0};
    check(openpty(&ours, &its, nullptr, nullptr, &size), "openpty");
    Fd terminal(its);
    std::thread reader([ours] {
        std::array<char, 4096> shown{};
        const Fd screen(ours);
        for (int i = 0; read(screen.get(), shown.data(), shown.size()) > 0; ++i)
            if (i < 20) // keys, some of which open pages
                check(write(screen.get(), "\t?jf5\r\x1b/x\r", 11), "write");
    });
    setenv("TERM", "xterm", 1);
    expect_nothing_refused({"top", "-d", "4s", "-i", "200ms"}, SIGWINCH, its);
    terminal = Fd(); // nobody else has it any more: the reader ends
    reader.join();
}

TEST_F(Confinement, refusesNothingThatAFlightRecorderTakes) {
    expect_nothing_refused({"record", "-o", folder_.path() / "held", "--keep", "3s", "--max-size",
                            "1M", "--max-saved", "1M", "--after", "1s", "--trigger",
                            "established>0", "--dump-on", "SIGUSR1", "-d", "6s"},
                           SIGUSR1);
}

TEST_F(Confinement, refusesNothingThatServingTakes) {
    std::atomic<bool> is_over = false;
    std::thread clients([&] {
        while (!is_over) {
            for (const char* path : {"/metrics", "/report", "/report.json", "/recordings"}) {
                const Fd client = tcp_socket();
                if (::connect(client.get(), Address("127.0.0.1", 9469).get(),
                              sizeof(sockaddr_in)) != 0)
                    continue;
                const std::string request = "GET " + std::string(path) + " HTTP/1.0\r\n\r\n";
                static_cast<void>(
                    ::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL));
                read_to_end(client);
            }
            pause(20ms);
        }
    });
    expect_nothing_refused({"serve", "-w", folder_.path() / "held", "--keep", "1m", "--trigger",
                            "established>0", "--after", "1s", "-d", "5s"});
    expect_nothing_refused({"serve", "-d", "3s"});
    is_over = true;
    clients.join();
}

TEST_F(Confinement, refusesNothingThatExportingTakes) {
    const std::string spool = folder_.path() / "spool";
    // Nobody listens there: batches are written, and wait.
    expect_nothing_refused(
        {"serve", "--export", "http://127.0.0.1:8190/fleet", "--spool", spool, "-d", "13s"});
    std::size_t waiting = 0;
    for (const auto& entry : std::filesystem::directory_iterator(spool))
        waiting += entry.path().extension() == ".gz";
    EXPECT_GT(waiting, 0U);
}

} // namespace

} // namespace tcpdwell::test
