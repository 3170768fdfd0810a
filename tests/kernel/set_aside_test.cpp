// SPDX-License-Identifier: Apache-2.0
// What is set aside between two calls of poll() isn't lost, although the buffer has no room for it,
// and comes once, in order of time.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <string>
#include <thread>

#include "event/decode.h"
#include "event/record.h"
#include "live/live_source.h"
#include "netns.h"
#include "tracing_allowed.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr int kRounds = 40;
constexpr int kConnections = 20; ///< of each round

/// Connects to itself, and closes.
bool make_connection(int listener, const sockaddr_in& address) {
    const Fd client(::socket(AF_INET, SOCK_STREAM, 0));
    if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return false;
    const Fd server(::accept(listener, nullptr, nullptr));
    return server.get() >= 0;
}

/// A round for each byte that it reads from `line`, to which it answers with one; the first says
/// that it is in a namespace of its own.
int make_traffic(int line) {
    enter_new_netns();
    const Fd listener(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(8000);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener.get(), 64) != 0)
        return 1;
    char byte = 0;
    do {
        if (::write(line, &byte, 1) != 1) return 1;
        if (::read(line, &byte, 1) != 1) return 0; // the test is over
        for (int i = 0; i < kConnections; ++i)
            if (!make_connection(listener.get(), address)) return 1;
    } while (true);
}

class Traffic {
public:
    Traffic() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
        line_ = Fd(ends[0]);
        pid_ = ::fork();
        if (pid_ == 0) {
            line_.reset();
            try {
                ::_exit(make_traffic(ends[1]));
            } catch (const std::exception&) {
                ::_exit(1);
            }
        }
        ::close(ends[1]);
    }
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;
    ~Traffic() {
        line_.reset();
        ::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] bool await() const {
        char byte = 0;
        return ::read(line_.get(), &byte, 1) == 1;
    }
    [[nodiscard]] bool begin_round() const {
        const char byte = 0;
        return ::write(line_.get(), &byte, 1) == 1;
    }
    [[nodiscard]] std::uint32_t netns() const {
        struct stat there {};
        const std::string path = "/proc/" + std::to_string(pid_) + "/ns/net";
        return ::stat(path.c_str(), &there) == 0 ? static_cast<std::uint32_t>(there.st_ino) : 0;
    }

private:
    Fd line_;
    pid_t pid_ = -1;
};

TEST(SetAside, keeps_what_the_buffer_has_no_room_for) {
    if (!is_tracing_allowed()) GTEST_SKIP() << "this machine can't be traced";
    const Traffic traffic;
    ASSERT_TRUE(traffic.await());
    live::LiveOptions options;
    options.buffer_bytes = 64 << 10;
    options.filter.netns.wanted = {traffic.netns()};
    auto source = live::LiveSource::open(options);
    ASSERT_TRUE(source) << source.error().message;

    int births = 0;
    int losses = 0;
    std::uint64_t bytes = 0;
    std::uint64_t last = 0;
    const event::RecordSink sink = [&](std::span<const std::byte> record) {
        const td_header header = event::read_header(record);
        if (header.kind == TD_LOST) ++losses;
        if (header.kind != TD_STATE) return;
        EXPECT_GE(header.time_ns, last); // of one source, and one thread's doing
        last = header.time_ns;
        bytes += record.size();
        const auto event = event::Decoder().decode(record);
        ASSERT_TRUE(event);
        const auto& change = std::get<event::StateChange>(*event);
        births += change.from == tcp::State::CLOSE && change.to == tcp::State::SYN_SENT;
    };
    const auto poll_for = [&](std::chrono::milliseconds time) {
        const auto end = std::chrono::steady_clock::now() + time;
        while (std::chrono::steady_clock::now() < end) ASSERT_TRUE((*source)->poll(sink));
    };
    const auto limit = std::chrono::steady_clock::now() + 60s;
    while (!(*source)->ready() && std::chrono::steady_clock::now() < limit) poll_for(20ms);
    ASSERT_TRUE((*source)->ready());
    for (int round = 0; round < kRounds; ++round) {
        ASSERT_TRUE(traffic.begin_round());
        ASSERT_TRUE(traffic.await());
        std::this_thread::sleep_for(25ms);
        (*source)->set_aside();
    }
    EXPECT_EQ(births, 0) << "they come with poll() only";
    poll_for(200ms);
    EXPECT_GT(bytes, 4 * options.buffer_bytes) << "the buffer alone would have had room";
    EXPECT_EQ(births, kRounds * kConnections);
    EXPECT_EQ(losses, 0);
}

} // namespace
} // namespace tcpdwell::test
