// SPDX-License-Identifier: Apache-2.0
// The record of a socket that sock_diag listed: what it reports, and what it must not make up.
#include "live/diag_lister.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>

#include "base/fd.h"
#include "live/sock_diag.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr live::JiffiesClock kClock{{1'000'000, 0}, 250};
constexpr MonoTime kSeen{100s};

live::DiagSocket listed(tcp::State state) {
    live::DiagSocket socket;
    socket.asked = kSeen - 1ms;
    socket.seen = kSeen;
    socket.state = state;
    socket.tuple = {{*tcp::IpAddress::parse("10.0.0.1"), 80},
                    {*tcp::IpAddress::parse("10.0.0.2"), 50000},
                    tcp::Family::ipv4};
    socket.cookie = 77;
    return socket;
}

live::DiagSocket time_wait(std::chrono::milliseconds left) {
    live::DiagSocket socket = listed(tcp::State::TIME_WAIT);
    socket.mini = true;
    socket.expires = left;
    return socket;
}

TEST(DiagRecord, HasNoAddress) {
    const td_socket r = diag_record(listed(tcp::State::ESTABLISHED), 42, kClock);
    EXPECT_EQ(r.h.kind, TD_SOCKET);
    EXPECT_EQ(r.h.size, sizeof(r));
    EXPECT_EQ(r.h.netns, 42u);
    EXPECT_EQ(r.sock, 0u);
    EXPECT_EQ(r.cookie, 77u);
    EXPECT_EQ(r.state, TCP_ESTABLISHED);
    EXPECT_EQ(r.tuple.local_port, 80);
    EXPECT_EQ(r.h.time_ns, 100'000'000'000u) << "all that happened before has to be known by now";
}

TEST(DiagRecord, OwnerOfASocketThatNobodyHoldsIsNotKnown) {
    live::DiagSocket socket = listed(tcp::State::ESTABLISHED);
    socket.uid = 0; // what the kernel says then
    EXPECT_EQ(diag_record(socket, 42, kClock).task.uid, TD_NO_UID);
    socket.inode = 5;
    EXPECT_EQ(diag_record(socket, 42, kClock).task.uid, 0u);
    EXPECT_EQ(diag_record(socket, 42, kClock).inode, 5u);
}

TEST(DiagRecord, TimerIsReportedInJiffies) {
    const td_socket r = diag_record(time_wait(10s), 42, kClock);
    EXPECT_TRUE(r.flags & TD_SOCKET_MINI);
    EXPECT_NEAR(static_cast<double>(r.expires), 1'000'000 + 110 * 250, 1);
    EXPECT_LE(r.expires, 1'000'000u + 110 * 250) << "rather early than late";
}

TEST(DiagRecord, TimerThatIsDueOrHasNoPlaceInTimeIsNotReported) {
    EXPECT_EQ(diag_record(time_wait(0ms), 42, kClock).expires, 0u);
    live::DiagSocket preempted = time_wait(10s);
    preempted.asked = preempted.seen - 50ms;
    EXPECT_EQ(diag_record(preempted, 42, kClock).expires, 0u);
    live::DiagSocket retransmits = listed(tcp::State::ESTABLISHED);
    retransmits.expires = 200ms;
    EXPECT_EQ(diag_record(retransmits, 42, kClock).expires, 0u) << "no mini-socket";
}

TEST(DiagLister, ListsWhatTheFilterLetsPassAndEveryListener) {
    const auto open_listener = [] {
        Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::listen(fd.get(), 1), 0);
        return fd;
    };
    const auto port_of = [](const Fd& fd) {
        sockaddr_in address{};
        socklen_t size = sizeof(address);
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
        return address;
    };
    const Fd listener = open_listener();
    const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in target = port_of(listener);
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&target), sizeof(target)), 0);
    const tcp::Port served = ntohs(target.sin_port);
    const tcp::Port clients = ntohs(port_of(client).sin_port);

    const auto count = [&](const event::Filter& filter) {
        live::DiagLister lister(kClock, filter);
        std::pair<int, int> found{0, 0}; // listeners, ends of the connection
        const auto listed = lister.list([&](std::span<const std::byte> bytes) {
            td_socket r;
            std::memcpy(&r, bytes.data(), sizeof(r));
            found.first += r.state == TCP_LISTEN && r.tuple.local_port == served;
            found.second += r.state == TCP_ESTABLISHED &&
                            (r.tuple.local_port == clients || r.tuple.remote_port == clients);
        });
        EXPECT_TRUE(listed) << (listed ? "" : listed.error().message);
        return found;
    };
    EXPECT_EQ(count({}), std::pair(1, 2));
    EXPECT_EQ(count({.local_ports = {clients}}), std::pair(1, 1));
    EXPECT_EQ(count({.ports = {1}}), std::pair(1, 0));
    EXPECT_EQ(count({.pids = {1}}), std::pair(1, 2)) << "decided later, when the owner is known";
}

} // namespace
} // namespace tcpdwell::test
