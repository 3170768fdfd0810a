// SPDX-License-Identifier: Apache-2.0
// The other end of a connection, written by hand: it sends exactly the segments it is asked for,
// when it is asked, and answers nothing by itself. So the state that the kernel's end is in, and
// since when, is known by construction.
//
// It lives at 10.9.9.9 in the phantom network (netns.h): what the kernel sends there is read from a
// packet socket on lo, what it says itself goes into lo by a raw socket. Neither needs more than a
// loopback device.
#pragma once

#include <cstdint>
#include <vector>

#include "segment.h"
#include "sockets.h"

namespace tcpdwell::test {

class PacketPeer {
public:
    /// The namespace must have the phantom network. With `timestamps` its segments carry the option
    /// of RFC 7323.
    explicit PacketPeer(std::uint16_t port, bool timestamps = false);

    [[nodiscard]] Endpoint address() const { return {"10.9.9.9", port_}; }

    /// Opens: takes the SYN of a socket that connects to address(), and completes the handshake.
    /// Returns once the kernel has answered with its ACK.
    void complete_connect();
    /// Waits for a SYN to address() and notes from where it comes. Nothing is answered.
    void await_syn();
    /// Sends a SYN to `kernel`, from now on the other end.
    void send_syn(const Endpoint& kernel, std::size_t payload = 0);
    /// SYN, SYN-ACK, ACK with a listening socket at `kernel`.
    void connect_to(const Endpoint& kernel);

    void send_syn_ack() { send(kSyn | kAck); }
    /// Acknowledges all that has been received by await(); without that, what was acknowledged
    /// before.
    void send_ack() { send(kAck); }
    void send_data(std::size_t bytes) { send(kAck, bytes); }
    void send_fin() { send(kFin | kAck); }
    /// The FIN once more, as if our ACK to it had been lost.
    void repeat_fin();
    void send_rst() { send(kRst | kAck); }
    void send(std::uint8_t flags, std::size_t payload = 0);
    /// ICMP destination unreachable in answer to the last segment taken; `code` as in
    /// <linux/icmp.h>.
    void send_unreachable(std::uint8_t code);

    /// Takes segments of the other end until one has all of `flags`; throws after five seconds.
    Segment await(std::uint8_t flags);
    /// As await(), for a segment with data.
    Segment await_data();

    /// Forgets the connection and makes `seq` the next sequence number, for a new one from the same
    /// address.
    void begin_again(std::uint32_t seq);
    [[nodiscard]] std::uint32_t next_sequence() const { return next_; }

private:
    Segment receive();
    void inject(const std::vector<std::uint8_t>& packet);

    std::uint16_t port_;
    bool timestamps_;
    Fd capture_;
    Fd raw_;
    Endpoint kernel_{};
    std::uint32_t next_ = 1'000'000; ///< our next sequence number
    std::uint32_t received_ = 0;     ///< the next one we expect
    std::uint32_t echo_ = 0;         ///< last timestamp of the other end
    std::vector<std::uint8_t> last_packet_;
};

} // namespace tcpdwell::test
