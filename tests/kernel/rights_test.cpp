// SPDX-License-Identifier: Apache-2.0
// tcpdwell as a process: the rights that it keeps, what it says where it has too few, how it ends,
// what it leaves behind, and how soon it speaks.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "netns.h"
#include "process_facts.h"
#include "sockets.h"
#include "support/moment.h"
#include "support/program.h"
#include "support/temporary_folder.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

namespace fs = std::filesystem;

constexpr auto kPatience = std::chrono::seconds(30);

template <class Condition>
bool becomes_true(const Condition& condition) {
    for (const nanoseconds deadline = monotonic_now() + kPatience; !condition(); pause(10ms))
        if (monotonic_now() > deadline) return false;
    return true;
}

// --- tracers

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        check(pipe2(ends.data(), O_CLOEXEC), "pipe2");
        read = Fd(ends[0]);
        write = Fd(ends[1]);
    }
    Fd read;
    Fd write;
};

std::vector<std::string> trace_here(std::vector<std::string> options) {
    std::vector<std::string> words{tcpdwell_path(), "trace",   "--format",
                                   "jsonl",         "--netns", std::to_string(current_netns())};
    words.insert(words.end(), options.begin(), options.end());
    return words;
}

// What it prints goes into `pipe`.
Program piped_tracer(Pipe& pipe) {
    Program tracer(trace_here({}), Program::Setting{.out = pipe.write.get()});
    pipe.write.reset();
    return tracer;
}

// One that traces, and its sampler.
struct Tracing {
    explicit Tracing(std::vector<std::string> options = {})
        : program(trace_here(std::move(options))) {
        if (!becomes_true([&] { return program.printed().find('\n') != std::string::npos; }))
            throw std::runtime_error("no first line: " + program.said());
        const std::vector<pid_t> children = children_of(program.pid());
        if (children.size() != 1) throw std::runtime_error("there isn't one child, the sampler");
        sampler = children.front();
        programs = bpf_programs_of(program.pid());
    }

    [[nodiscard]] bool nothing_is_left() const {
        return becomes_true([&] {
            return !is_running(sampler) &&
                   std::none_of(programs.begin(), programs.end(), is_loaded);
        });
    }

    Program program;
    pid_t sampler = -1;
    std::set<std::uint32_t> programs;
};

// A single event.
void listen_once() { listen_on({"127.0.0.1", 0}); }

class Rights : public ::testing::Test {
protected:
    void SetUp() override { enter_new_netns(); }

    static void expect_refusal(Program::Setting setting) {
        // It need not lie where everybody may go.
        const Fd binary(
            check(open(tcpdwell_path().c_str(), O_RDONLY | O_CLOEXEC), "open tcpdwell"));
        setting.executable = binary.get();
        Program tracer({"tcpdwell", "trace"}, setting);
        EXPECT_EQ(tracer.wait(kPatience), 3);
        EXPECT_EQ(tracer.printed(), "");
        const std::string said = tracer.said();
        EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
        EXPECT_EQ(said.rfind("tcpdwell: ", 0), 0U) << said;
    }
};

// --- rights

TEST_F(Rights, areGivenUpWhenTracingHasBegun) {
    const Tracing tracing;
    for (const char* set : {"CapEff", "CapPrm", "CapInh", "CapAmb"})
        EXPECT_EQ(capabilities(tracing.program.pid(), set), 0U) << set;
    constexpr std::array few{CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE,
                             CAP_DAC_READ_SEARCH};
    std::uint64_t allowed = 0;
    for (const unsigned capability : few) allowed |= 1ULL << capability;
    EXPECT_TRUE(
        becomes_true([&] { return (capabilities(tracing.sampler, "CapPrm") & ~allowed) == 0; }));
    EXPECT_EQ(capabilities(tracing.sampler, "CapEff"), capabilities(tracing.sampler, "CapPrm"));
}

// Of all four user ids of a process, and its four group ids.
void expect_nobody(pid_t pid) {
    EXPECT_EQ(status_of(pid, "Uid"), "65534\t65534\t65534\t65534") << pid;
    EXPECT_EQ(status_of(pid, "Gid"), "65534\t65534\t65534\t65534") << pid;
    EXPECT_EQ(status_of(pid, "Groups").find_first_not_of(' '), std::string::npos) << pid;
    EXPECT_EQ(status_of(pid, "NoNewPrivs"), "1") << pid;
    EXPECT_EQ(capabilities(pid, "CapBnd"), 0U) << pid;
}

// Whether it may make few system calls only; always, where memory is checked.
bool is_confined(pid_t pid) {
#if defined(__SANITIZE_ADDRESS__)
    return pid > 0;
#else
    return status_of(pid, "Seccomp") == "2";
#endif
}

TEST_F(Rights, ofRootAreGivenUpWithTheUserId) {
    const Tracing tracing;
    expect_nobody(tracing.program.pid());
    EXPECT_TRUE(is_confined(tracing.program.pid()));
    EXPECT_TRUE(becomes_true([&] { return is_confined(tracing.sampler); }));
    expect_nobody(tracing.sampler);
}

// A flight recorder makes files in a folder of root's as long as it runs.
TEST_F(Rights, ofARecorderInAFolderAreOnesThatTheFolderTakes) {
    const TemporaryFolder folder;
    Program recorder({tcpdwell_path(), "record", "-o", folder.path() / "held", "--keep", "4s"});
    ASSERT_TRUE(recorder.await_saying("tracing", kPatience)) << recorder.said();
    ASSERT_TRUE(becomes_true([&] { return capabilities(recorder.pid(), "CapPrm") == 0; }));
    EXPECT_TRUE(becomes_true([&] { return is_confined(recorder.pid()); }));
    EXPECT_EQ(status_of(recorder.pid(), "Uid"), "0\t0\t0\t0");
    EXPECT_EQ(status_of(recorder.pid(), "NoNewPrivs"), "1");
    EXPECT_TRUE(becomes_true([&] {
        return std::distance(fs::directory_iterator(folder.path() / "held"), {}) > 2;
    })) << "segments follow";
    EXPECT_EQ(recorder.stop(SIGINT, kPatience), 0) << recorder.said();
}

// Files of root's are replaced, and belong to root.
TEST_F(Rights, filesAreRootsAllTheSame) {
    const TemporaryFolder folder;
    const std::string recording = folder.path() / "run.tdw";
    const std::string page = folder.path() / "page.html";
    std::ofstream(page) << "old";
    Program report({tcpdwell_path(), "report", "--force", "-w", recording, "--html", page});
    ASSERT_TRUE(report.await_saying("tracing", kPatience)) << report.said();
    ASSERT_TRUE(becomes_true([&] { return status_of(report.pid(), "NoNewPrivs") == "1"; }));
    ASSERT_TRUE(becomes_true([&] { return capabilities(report.pid(), "CapPrm") == 0; }));
    expect_nobody(report.pid());
    EXPECT_EQ(read_file(page), "old");
    for (const pid_t child : children_of(report.pid())) // one of them gives the page its name
        EXPECT_EQ(capabilities(child, "CapBnd"), 0U);
    EXPECT_EQ(report.stop(SIGINT, kPatience), 0) << report.said();
    EXPECT_NE(read_file(page).find("</html>"), std::string::npos);
    for (const std::string& file : {recording, page}) {
        struct stat status {};
        ASSERT_EQ(stat(file.c_str(), &status), 0) << file;
        EXPECT_EQ(status.st_uid, 0U);
        EXPECT_EQ(status.st_mode & 07777, 0600U);
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 2);
}

TEST_F(Rights, nothingIsLeftBesideAPageOfOneThatIsKilled) {
    const TemporaryFolder folder;
    const std::string page = folder.path() / "page.html";
    Program report({tcpdwell_path(), "report", "--html", page});
    ASSERT_TRUE(report.await_saying("tracing", kPatience)) << report.said();
    report.stop(SIGKILL, kPatience);
    EXPECT_TRUE(becomes_true([&] { return fs::is_empty(folder.path()); }));
}

TEST_F(Rights, theCommandHasThoseOfRootOrOfTheUserNamed) {
    const auto printed = [](std::vector<std::string> options) {
        options.insert(options.begin(), {tcpdwell_path(), "record", "-o", "/dev/null"});
        options.insert(options.end(), {"--", "sh", "-c",
                                       "echo $(id -u) $(id -g) $(id -G); grep NoNewPrivs "
                                       "/proc/self/status"});
        Program program(options);
        EXPECT_EQ(program.wait(kPatience), 0) << program.said();
        return program.printed();
    };
    EXPECT_EQ(printed({}).rfind("0 0 ", 0), 0U);
    EXPECT_NE(printed({}).find("NoNewPrivs:\t0"), std::string::npos) << "sudo works in it";
    EXPECT_EQ(printed({"--user", "nobody"}), "65534 65534 65534\nNoNewPrivs:\t0\n");
    std::string output;
    EXPECT_EQ(run_tcpdwell({"trace", "--user", "no-such-user", "--", "true"}, kPatience, output),
              2);
    EXPECT_NE(output.find("no-such-user"), std::string::npos) << output;
    EXPECT_EQ(run_tcpdwell({"trace", "--user", "nobody"}, kPatience, output), 2);
}

// It is another user's than those who trace.
TEST_F(Rights, theCommandGetsSignalsWhoeverItIs) {
    for (const std::string& user : {std::string("root"), std::string("daemon")}) {
        Program program({tcpdwell_path(), "record", "-o", "/dev/null", "--user", user, "--", "sh",
                         "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"});
        ASSERT_TRUE(becomes_true([&] { return program.printed() == "ready\n"; })) << program.said();
        EXPECT_EQ(program.stop(SIGTERM, kPatience), 9) << program.said();
    }
}

TEST_F(Rights, nobodyHasTooFewAndSaysSo) {
    expect_refusal({.before_exec = [] {
        constexpr unsigned kNobody = 65534;
        if (setgid(kNobody) != 0 || setuid(kNobody) != 0) _exit(126);
    }});
}

TEST_F(Rights, rootWithoutCapabilitiesSaysTheSame) {
    expect_refusal({.before_exec = [] {
        for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
            if (prctl(PR_CAPBSET_DROP, capability) != 0) _exit(126);
    }});
}

TEST_F(Rights, anUnknownNamespaceIsBadUsage) {
    std::string output;
    EXPECT_EQ(run_tcpdwell({"trace", "--netns", "no-such-namespace"}, kPatience, output), 2);
    EXPECT_NE(output.find("no-such-namespace"), std::string::npos) << output;
}

// Nothing that existed before can be listed then, which looks like a host without connections.
TEST_F(Rights, withoutProcItIsSaidThatSocketsAreMissing) {
    Program::Setting setting;
    setting.before_exec = [] {
        if (unshare(CLONE_NEWNS) != 0 ||
            mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            umount2("/proc", MNT_DETACH) != 0)
            _exit(126);
    };
    Program tracer({tcpdwell_path(), "trace", "--duration", "100ms"}, setting);
    EXPECT_EQ(tracer.wait(kPatience), 0);
    EXPECT_NE(tracer.said().find("sockets that exist already"), std::string::npos) << tracer.said();
    Program check({tcpdwell_path(), "check", "--format", "json"}, setting);
    EXPECT_EQ(check.wait(kPatience), 0);
    EXPECT_NE(check.printed().find("\"processes\":{\"ok\":false"), std::string::npos);
    Program with_proc({tcpdwell_path(), "trace", "--duration", "100ms"});
    EXPECT_EQ(with_proc.wait(kPatience), 0);
    EXPECT_EQ(with_proc.said().find("sockets that exist already"), std::string::npos);
}

// --- the end

TEST_F(Rights, signalsEndItWellAndShowWhatIsOpen) {
    const Fd listener = listen_on({"127.0.0.1", 0});
    for (const int signal : {SIGINT, SIGTERM}) {
        Tracing tracing({"--connections"});
        const Fd client = tcp_socket();
        connect_to(client, local_of(listener));
        const Fd server = accept_from(listener);
        EXPECT_EQ(tracing.program.stop(signal, kPatience), 0) << tracing.program.said();
        const std::string printed = tracing.program.printed();
        std::size_t open = 0;
        for (std::size_t at = 0;
             (at = printed.find("\"ending\":\"open\"", at)) != std::string::npos; ++at)
            ++open;
        EXPECT_EQ(open, 2U) << printed;
        EXPECT_TRUE(tracing.nothing_is_left());
    }
}

TEST_F(Rights, aReaderWhoLeavesEndsItWell) {
    Pipe pipe;
    Program tracer = piped_tracer(pipe);
    char byte = 0;
    while (byte != '\n') ASSERT_EQ(read(pipe.read.get(), &byte, 1), 1) << tracer.said();
    pipe.read.reset();
    listen_once(); // something to be written
    EXPECT_EQ(tracer.wait(kPatience), 0) << tracer.said();
}

TEST_F(Rights, aFullDiskIsAFailure) {
    const Fd full(check(open("/dev/full", O_WRONLY | O_CLOEXEC), "open /dev/full"));
    Program tracer(trace_here({}), Program::Setting{.out = full.get()});
    EXPECT_EQ(tracer.wait(kPatience), 1);
    EXPECT_NE(tracer.said().find("No space left on device"), std::string::npos) << tracer.said();
}

TEST_F(Rights, theCommandsStatusIsItsOwn) {
    const auto status = [](const std::vector<std::string>& command) {
        std::vector<std::string> words{"trace", "--"};
        words.insert(words.end(), command.begin(), command.end());
        std::string output;
        return run_tcpdwell(words, kPatience, output);
    };
    EXPECT_EQ(status({"true"}), 0);
    EXPECT_EQ(status({"false"}), 1);
    EXPECT_EQ(status({"sh", "-c", "exit 7"}), 7);
    EXPECT_EQ(status({"no-such-command-anywhere"}), 127);
}

TEST_F(Rights, nothingIsLeftIfItIsKilled) {
    Tracing tracing;
    ASSERT_FALSE(tracing.programs.empty());
    ASSERT_TRUE(is_running(tracing.sampler));
    ASSERT_TRUE(is_loaded(*tracing.programs.begin()));
    tracing.program.stop(SIGKILL, kPatience);
    EXPECT_TRUE(tracing.nothing_is_left());
}

// --- promptness

// Time from a lone event to its line.
nanoseconds delay_of_a_lone_event(const Fd& from) {
    const nanoseconds before = monotonic_now();
    listen_once();
    pollfd wait{.fd = from.get(), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, 5000) <= 0) return nanoseconds::max();
    const nanoseconds delay = monotonic_now() - before;
    pause(200ms); // for the second line, when the socket is closed
    std::array<char, 65536> buffer;
    check(read(from.get(), buffer.data(), buffer.size()), "read from tcpdwell");
    return delay;
}

TEST_F(Rights, aLoneEventIsPrintedAtOnce) {
    Pipe pipe;
    Program tracer = piped_tracer(pipe);
    nanoseconds best = nanoseconds::max();
    for (int i = 0; i < 6; ++i) { // the first line is the host's
        if (i == 0) {
            std::array<char, 65536> buffer;
            ASSERT_GT(read(pipe.read.get(), buffer.data(), buffer.size()), 0) << tracer.said();
            pause(500ms); // until it has read what is there
            continue;
        }
        best = std::min(best, delay_of_a_lone_event(pipe.read));
    }
    EXPECT_LT(best, 100ms);
    RecordProperty("microseconds", static_cast<int>(best / 1us));
    EXPECT_EQ(tracer.stop(SIGTERM, kPatience), 0) << tracer.said();
}

} // namespace

} // namespace tcpdwell::test
