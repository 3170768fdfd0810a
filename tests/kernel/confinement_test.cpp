// SPDX-License-Identifier: Apache-2.0
// The system calls that tcpdwell may still make while it traces are those that it makes: none is
// refused, in any kind of run. Whatever it does is watched with ptrace(2).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <pty.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "netns.h"
#include "process_facts.h"
#include "sockets.h"
#include "support/check.h"
#include "support/moment.h"
#include "support/temporary_folder.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

// Runs a program to its end, and sees each system call of it and of its children.
class WatchedProgram {
public:
    // `terminal`: what its stdin and stdout are; -1: nobody reads what it prints.
    explicit WatchedProgram(std::vector<std::string> words, int terminal = -1) {
        first_ = check(fork(), "fork");
        if (first_ == 0) {
            const int unread = open("/dev/null", O_WRONLY);
            if (dup2(terminal < 0 ? unread : terminal, STDOUT_FILENO) < 0) _exit(126);
            if (terminal >= 0 && dup2(terminal, STDIN_FILENO) < 0) _exit(126);
            ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            raise(SIGSTOP);
            std::vector<char*> arguments;
            for (std::string& word : words) arguments.push_back(word.data());
            arguments.push_back(nullptr);
            execv(arguments.front(), arguments.data());
            _exit(127);
        }
        int status = 0;
        check(waitpid(first_, &status, 0), "waitpid");
        check(ptrace(PTRACE_SETOPTIONS, first_, nullptr,
                     PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE |
                         PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL),
              "PTRACE_SETOPTIONS");
        ptrace(PTRACE_SYSCALL, first_, nullptr, nullptr);
    }

    // The exit status. `tick` is called at every stop.
    template <class Tick>
    int run(const Tick& tick) {
        int status = 0;
        for (pid_t pid = 0; (pid = waitpid(-1, &status, __WALL)) > 0;) {
            tick(*this);
            if (WIFEXITED(status) || WIFSIGNALED(status)) {
                if (pid == first_) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
                continue;
            }
            int signal = 0;
            if (WSTOPSIG(status) == (SIGTRAP | 0x80))
                note_call(pid);
            else if (status >> 16 == 0 && WSTOPSIG(status) != SIGTRAP &&
                     WSTOPSIG(status) != SIGSTOP)
                signal = WSTOPSIG(status);
            ptrace(PTRACE_SYSCALL, pid, nullptr, signal);
        }
        return -1;
    }
    [[nodiscard]] pid_t pid() const { return first_; }

    std::map<std::string, int> refused;    // number of the call and process -> how often
    std::map<pid_t, std::size_t> confined; // calls of each confined process

private:
    void note_call(pid_t pid) {
        __ptrace_syscall_info info{};
        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0) return;
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            calls_[pid] = info.entry.nr;
            return;
        }
        if (info.op != PTRACE_SYSCALL_INFO_EXIT) return;
        if (!confined.contains(pid) && status_of(pid, "Seccomp") != "2") return;
        ++confined[pid];
        if (info.exit.is_error != 0 && info.exit.rval == -EPERM)
            ++refused[read_file("/proc/" + std::to_string(pid) + "/comm") + " " +
                      std::to_string(calls_[pid])];
    }

    pid_t first_;
    std::map<pid_t, std::uint64_t> calls_; // under way
};

class Confinement : public ::testing::Test {
protected:
    void SetUp() override { enter_new_netns(); }

    // Traces connections for a while; the tracer and its sampler must have been confined.
    void expect_nothing_refused(std::vector<std::string> words, int signal = 0, int terminal = -1) {
        words.insert(words.begin(), tcpdwell_path());
        std::atomic<bool> is_over = false;
        std::thread traffic([&] {
            while (!is_over) {
                const Fd listener = listen_on({"127.0.0.1", 0});
                open_and_close(listener);
                pause(20ms);
            }
        });
        WatchedProgram program(words, terminal);
        std::size_t ticks = 0;
        const int status = program.run([&](const WatchedProgram& watched) {
            const auto main = watched.confined.find(watched.pid());
            if (signal != 0 && main != watched.confined.end() && ++ticks % 2000 == 0)
                kill(watched.pid(), signal);
        });
        is_over = true;
        traffic.join();
        EXPECT_EQ(status, 0);
        EXPECT_EQ(program.confined.size(), 2U) << "the tracer and its sampler";
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

} // namespace

} // namespace tcpdwell::test
