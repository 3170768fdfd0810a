// SPDX-License-Identifier: Apache-2.0
// Netlink messages made by hand, and the kernel's list of sockets that the test opens on the
// loopback interface.
#include "live/sock_diag.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/fd.h"

namespace tcpdwell::test {
namespace {

/// A message as the kernel would send it.
class Message {
public:
    explicit Message(const inet_diag_msg& body) {
        header_ = ::mnl_nlmsg_put_header(buffer_.data());
        header_->nlmsg_type = SOCK_DIAG_BY_FAMILY;
        std::memcpy(::mnl_nlmsg_put_extra_header(header_, sizeof(body)), &body, sizeof(body));
    }
    Message& full_socket() {
        ::mnl_attr_put_u8(header_, INET_DIAG_SHUTDOWN, 0);
        return *this;
    }
    Message& cgroup(std::uint64_t id) {
        ::mnl_attr_put_u64(header_, INET_DIAG_CGROUP_ID, id);
        return *this;
    }
    nlmsghdr& header() { return *header_; }
    [[nodiscard]] std::optional<live::DiagSocket> parse() const {
        return live::parse_diag_message(*header_);
    }

private:
    alignas(nlmsghdr) std::array<char, 512> buffer_{};
    nlmsghdr* header_;
};

inet_diag_msg v4_message(std::uint8_t state) {
    inet_diag_msg body{};
    body.idiag_family = AF_INET;
    body.idiag_state = state;
    body.id.idiag_sport = htons(8080);
    body.id.idiag_dport = htons(40000);
    body.id.idiag_src[0] = htonl(0x7f000001);
    body.id.idiag_dst[0] = htonl(0x0a090909);
    body.id.idiag_cookie[0] = 0x11112222;
    body.id.idiag_cookie[1] = 0x3333;
    return body;
}

TEST(ParseDiagMessage, AFullSocket) {
    inet_diag_msg body = v4_message(1);
    body.idiag_inode = 77;
    body.idiag_uid = 1000;
    body.idiag_timer = 2;
    body.idiag_expires = 1500;
    body.idiag_rqueue = 3;
    body.idiag_wqueue = 4;
    const auto socket = Message(body).full_socket().cgroup(0x1'0000'0001).parse();
    ASSERT_TRUE(socket);
    EXPECT_EQ(socket->state, tcp::State::ESTABLISHED);
    EXPECT_FALSE(socket->mini);
    EXPECT_FALSE(socket->request);
    EXPECT_EQ(socket->tuple.family, tcp::Family::ipv4);
    EXPECT_EQ(socket->tuple.local.address.text(tcp::Family::ipv4), "127.0.0.1");
    EXPECT_EQ(socket->tuple.local.port, 8080);
    EXPECT_EQ(socket->tuple.remote.address.text(tcp::Family::ipv4), "10.9.9.9");
    EXPECT_EQ(socket->tuple.remote.port, 40000);
    EXPECT_EQ(socket->cookie, 0x333311112222u);
    EXPECT_EQ(socket->inode, 77u);
    EXPECT_EQ(socket->uid, 1000u);
    EXPECT_EQ(socket->timer, live::DiagTimer::keepalive);
    EXPECT_EQ(socket->expires, std::chrono::milliseconds(1500));
    EXPECT_EQ(socket->receive_queue, 3u);
    EXPECT_EQ(socket->send_queue, 4u);
    EXPECT_EQ(socket->cgroup, 0x1'0000'0001u);
}

TEST(ParseDiagMessage, AMiniSocketIsKnownByItsTimer) {
    for (const std::uint8_t substate : std::array<std::uint8_t, 2>{5, 6}) {
        inet_diag_msg body = v4_message(substate);
        body.idiag_timer = 3;
        const auto socket = Message(body).parse();
        ASSERT_TRUE(socket);
        EXPECT_TRUE(socket->mini);
        EXPECT_EQ(socket->state, substate == 5 ? tcp::State::FIN_WAIT2 : tcp::State::TIME_WAIT);
        EXPECT_FALSE(socket->uid);
    }
}

TEST(ParseDiagMessage, ARequestIsKnownByWhatItLacks) {
    const auto request = Message(v4_message(3)).parse();
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->request);
    const auto child = Message(v4_message(3)).full_socket().parse();
    ASSERT_TRUE(child);
    EXPECT_FALSE(child->request);
}

TEST(ParseDiagMessage, AMappedAddressKeepsTheSocketsFamily) {
    inet_diag_msg body = v4_message(1);
    body.idiag_family = AF_INET6;
    ::inet_pton(AF_INET6, "::ffff:10.0.0.1", body.id.idiag_src);
    ::inet_pton(AF_INET6, "2001:db8::2", body.id.idiag_dst);
    const auto socket = Message(body).full_socket().parse();
    ASSERT_TRUE(socket);
    EXPECT_EQ(socket->tuple.family, tcp::Family::ipv6);
    EXPECT_TRUE(socket->tuple.local.address.is_v4());
    EXPECT_EQ(socket->tuple.local.address.text(tcp::Family::ipv6), "::ffff:10.0.0.1");
    EXPECT_EQ(socket->tuple.remote.address.text(tcp::Family::ipv6), "2001:db8::2");
}

TEST(ParseDiagMessage, AListenerHasNoPeer) {
    inet_diag_msg body = v4_message(10);
    body.id.idiag_dport = 0;
    body.id.idiag_dst[0] = 0;
    const auto socket = Message(body).full_socket().parse();
    ASSERT_TRUE(socket);
    EXPECT_TRUE(socket->tuple.remote.empty());
}

TEST(ParseDiagMessage, RefusesWhatIsNoSocket) {
    inet_diag_msg no_state = v4_message(14);
    EXPECT_FALSE(Message(no_state).parse());
    inet_diag_msg no_family = v4_message(1);
    no_family.idiag_family = AF_UNIX;
    EXPECT_FALSE(Message(no_family).parse());
    Message cut_short(v4_message(1));
    cut_short.header().nlmsg_len -= 4;
    EXPECT_FALSE(cut_short.parse());
}

Fd listen_on_loopback(sockaddr_in& address, int backlog) {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(fd.get(), backlog), 0);
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    return fd;
}

Fd connect_to(const sockaddr_in& address) {
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
}

std::vector<live::DiagSocket> sockets_on(tcp::Port port,
                                         std::uint32_t states = live::all_diag_states) {
    auto dump = live::dump_tcp_sockets(states);
    EXPECT_TRUE(dump) << dump.error().message;
    if (!dump) return {};
    std::erase_if(*dump,
                  [port](const live::DiagSocket& each) { return each.tuple.local.port != port; });
    return *dump;
}

TEST(DumpTcpSockets, ShowsAListenerItsQueueAndItsConnections) {
    sockaddr_in address;
    const Fd listener = listen_on_loopback(address, 7);
    const tcp::Port port = ntohs(address.sin_port);
    const Fd client = connect_to(address);

    auto sockets = sockets_on(port);
    ASSERT_EQ(sockets.size(), 2u);
    std::sort(sockets.begin(), sockets.end(),
              [](const auto& a, const auto& b) { return a.state > b.state; });
    struct stat status {};
    ASSERT_EQ(::fstat(listener.get(), &status), 0);
    EXPECT_EQ(sockets[0].state, tcp::State::LISTEN);
    EXPECT_EQ(sockets[0].inode, status.st_ino);
    EXPECT_EQ(sockets[0].uid, ::getuid());
    EXPECT_EQ(sockets[0].receive_queue, 1u);
    EXPECT_EQ(sockets[0].send_queue, 7u);
    EXPECT_NE(sockets[0].cookie, 0u);
    EXPECT_EQ(sockets[1].state, tcp::State::ESTABLISHED);
    EXPECT_EQ(sockets[1].inode, 0u) << "not accepted yet";

    const auto only_listening = sockets_on(port, 1u << 10);
    ASSERT_EQ(only_listening.size(), 1u);
    EXPECT_EQ(only_listening[0].state, tcp::State::LISTEN);
}

TEST(DumpTcpSockets, ShowsTimeWaitAsAMiniSocket) {
    sockaddr_in address;
    const Fd listener = listen_on_loopback(address, 7);
    {
        Fd client = connect_to(address);
        Fd server(::accept(listener.get(), nullptr, nullptr));
        server.reset();
        char end;
        EXPECT_EQ(::read(client.get(), &end, 1), 0);
    }
    const auto sockets = sockets_on(ntohs(address.sin_port), 1u << 6);
    ASSERT_EQ(sockets.size(), 1u);
    EXPECT_EQ(sockets[0].state, tcp::State::TIME_WAIT);
    EXPECT_TRUE(sockets[0].mini);
    EXPECT_EQ(sockets[0].inode, 0u);
    EXPECT_GT(sockets[0].expires, std::chrono::seconds(50));
    EXPECT_LE(sockets[0].expires, std::chrono::seconds(60));
}

} // namespace
} // namespace tcpdwell::test
