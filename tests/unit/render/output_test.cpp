// SPDX-License-Identifier: Apache-2.0
// Output to descriptors that behave badly: closed, full, slow, non-blocking, interrupted.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "base/fd.h"
#include "render/renderer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

struct Pipe {
    Pipe() {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::pipe(ends), 0);
        reader = Fd(ends[0]);
        writer = Fd(ends[1]);
    }
    Fd reader;
    Fd writer;
};

/// A text that no pipe takes at once, and of which every part differs.
std::string large_text() {
    std::string text;
    for (int i = 0; text.size() < 2'000'000; ++i) text += std::to_string(i) + "\n";
    return text;
}

std::string read_all(int fd) {
    std::string text;
    char piece[4096];
    for (ssize_t n; (n = ::read(fd, piece, sizeof piece)) > 0;)
        text.append(piece, static_cast<std::size_t>(n));
    return text;
}

/// Flushes large_text() into a pipe whose reader comes late, and says whether all of it arrived.
void expect_all_arrives(Pipe& pipe) {
    std::string received;
    std::thread late_reader([&] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr); // signals are for the writer
        std::this_thread::sleep_for(50ms);
        received = read_all(pipe.reader.get());
    });
    render::Output out(pipe.writer.get());
    out.buffer() = large_text();
    EXPECT_TRUE(out.flush());
    EXPECT_TRUE(out.buffer().empty());
    EXPECT_FALSE(out.closed());
    pipe.writer.reset();
    late_reader.join();
    EXPECT_EQ(received, large_text());
}

TEST(Output, WritesWhatWasCollectedOnce) {
    Pipe pipe;
    render::Output out(pipe.writer.get());
    EXPECT_TRUE(out.flush()); // nothing
    out.buffer() += "one\n";
    EXPECT_TRUE(out.flush());
    out.buffer() += "two\n";
    EXPECT_TRUE(out.flush());
    pipe.writer.reset();
    EXPECT_EQ(read_all(pipe.reader.get()), "one\ntwo\n");
}

TEST(Output, WaitsForASlowReader) {
    Pipe pipe;
    expect_all_arrives(pipe);
}

TEST(Output, WaitsOnANonBlockingDescriptor) {
    Pipe pipe;
    ASSERT_EQ(::fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK), 0);
    expect_all_arrives(pipe);
}

volatile std::sig_atomic_t alarms = 0;

TEST(Output, GoesOnAfterSignals) {
    struct sigaction action {};
    action.sa_handler = [](int) {
        alarms = alarms + 1;
    }; // no SA_RESTART: write(2) and poll(2) give EINTR
    struct sigaction before {};
    ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
    const itimerval often = {{0, 2'000}, {0, 2'000}};
    ASSERT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);
    {
        Pipe blocking;
        expect_all_arrives(blocking);
        Pipe non_blocking;
        ASSERT_EQ(::fcntl(non_blocking.writer.get(), F_SETFL, O_NONBLOCK), 0);
        expect_all_arrives(non_blocking);
    }
    const itimerval never = {};
    ASSERT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);
    ASSERT_EQ(::sigaction(SIGALRM, &before, nullptr), 0);
    EXPECT_GT(alarms, 5);
}

TEST(Output, AClosedPipeIsRememberedAndNoError) {
    std::signal(SIGPIPE, SIG_IGN);
    Pipe pipe;
    pipe.reader.reset();
    render::Output out(pipe.writer.get());
    out.buffer() += "lost\n";
    EXPECT_TRUE(out.flush());
    EXPECT_TRUE(out.closed());
    EXPECT_TRUE(out.buffer().empty());
    // Even if the descriptor could be written to again, a gap in the output would be worse than its
    // end.
    Pipe other;
    ASSERT_EQ(::dup2(other.writer.get(), pipe.writer.get()), pipe.writer.get());
    out.buffer() += "more\n";
    EXPECT_TRUE(out.flush());
    EXPECT_TRUE(out.buffer().empty());
    other.writer.reset();
    pipe.writer.reset();
    EXPECT_EQ(read_all(other.reader.get()), "");
    std::signal(SIGPIPE, SIG_DFL);
}

TEST(Output, AFullDiskIsAnError) {
    const Fd full(::open("/dev/full", O_WRONLY));
    ASSERT_TRUE(full);
    render::Output out(full.get());
    out.buffer() += "x";
    const auto result = out.flush();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::failed);
    EXPECT_EQ(result.error().error_number, ENOSPC);
    EXPECT_EQ(result.error().message, "cannot write the output: No space left on device");
    EXPECT_FALSE(out.closed());
}

} // namespace
} // namespace tcpdwell::test
