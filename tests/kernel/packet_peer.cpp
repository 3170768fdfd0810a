// SPDX-License-Identifier: Apache-2.0
// Packet socket in, raw socket out.
#include "packet_peer.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>

#include <array>
#include <cerrno>

#include "support/moment.h"

namespace tcpdwell::test {

namespace {

constexpr auto kReplyLimit = std::chrono::seconds(5);

} // namespace

PacketPeer::PacketPeer(std::uint16_t port, bool timestamps)
    : port_(port), timestamps_(timestamps),
      capture_(
          check(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP)), "packet socket")),
      raw_(check(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW), "raw socket")) {
    sockaddr_ll loopback{};
    loopback.sll_family = AF_PACKET;
    loopback.sll_protocol = htons(ETH_P_IP);
    loopback.sll_ifindex = check(static_cast<long>(if_nametoindex("lo")), "index of lo");
    check(bind(capture_.get(), reinterpret_cast<const sockaddr*>(&loopback), sizeof loopback),
          "bind to lo");
}

void PacketPeer::complete_connect() {
    await_syn();
    send_syn_ack();
    await(kAck);
}

void PacketPeer::await_syn() {
    // Whoever connects now is the other end.
    kernel_ = {};
    for (;;) {
        const Segment segment = receive();
        if (!segment.has(kSyn)) continue;
        kernel_ = segment.source;
        received_ = segment.seq + segment.length();
        return;
    }
}

void PacketPeer::send_syn(const Endpoint& kernel, std::size_t payload) {
    kernel_ = kernel;
    send(kSyn, payload);
}

void PacketPeer::connect_to(const Endpoint& kernel) {
    send_syn(kernel);
    await(kSyn | kAck);
    send_ack();
}

void PacketPeer::repeat_fin() {
    --next_;
    send_fin();
}

void PacketPeer::send(std::uint8_t flags, std::size_t payload) {
    Segment segment{
        .source = address(), .target = kernel_, .flags = flags, .seq = next_, .payload = payload};
    if (segment.has(kAck)) segment.ack = received_;
    if (timestamps_) {
        segment.timestamp = static_cast<std::uint32_t>(monotonic_now() / 1ms);
        segment.echo = echo_;
    }
    next_ += segment.length();
    inject(to_packet(segment));
}

void PacketPeer::send_unreachable(std::uint8_t code) {
    inject(unreachable_packet(last_packet_, address().addr, code));
}

Segment PacketPeer::await(std::uint8_t flags) {
    for (;;) {
        const Segment segment = receive();
        if (segment.has(flags)) return segment;
    }
}

Segment PacketPeer::await_data() {
    for (;;) {
        const Segment segment = receive();
        if (segment.payload > 0) return segment;
    }
}

void PacketPeer::begin_again(std::uint32_t seq) {
    next_ = seq;
    received_ = 0;
}

Segment PacketPeer::receive() {
    const nanoseconds deadline = monotonic_now() + patience(kReplyLimit);
    for (;;) {
        pollfd wait{.fd = capture_.get(), .events = POLLIN, .revents = 0};
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - monotonic_now());
        if (left <= 0ms || check(poll(&wait, 1, static_cast<int>(left.count())), "poll") == 0) {
            errno = ETIMEDOUT;
            check(-1, "the kernel didn't send the segment that was waited for");
        }
        std::array<std::uint8_t, 65536> buffer;
        const int got =
            check(recv(capture_.get(), buffer.data(), buffer.size(), 0), "recv from packet socket");
        const auto packet = std::span(buffer).first(static_cast<std::size_t>(got));
        const std::optional<Segment> segment = from_packet(packet);
        if (!segment || segment->target != address()) continue; // what we sent passes here too
        if (kernel_.port != 0 && segment->source != kernel_) continue;
        last_packet_.assign(packet.begin(), packet.end());
        const std::uint32_t end = segment->seq + segment->length();
        const bool first = segment->has(kSyn);
        if (first || static_cast<std::int32_t>(end - received_) > 0) received_ = end;
        if (segment->timestamp) echo_ = *segment->timestamp;
        return *segment;
    }
}

void PacketPeer::inject(const std::vector<std::uint8_t>& packet) {
    const Address target(kernel_);
    check(sendto(raw_.get(), packet.data(), packet.size(), 0, target.get(), target.size),
          "sendto raw socket");
}

} // namespace tcpdwell::test
