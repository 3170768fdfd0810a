// SPDX-License-Identifier: Apache-2.0
// Everything that TCP sockets can do to each other over loopback, in random order: what is left at
// the end is a bit of each state, full sockets, mini-sockets and request sockets, IPv4, IPv6 and
// IPv4 in IPv6.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "sockets.h"

namespace tcpdwell::test {

class RandomTraffic {
public:
    /// In the calling thread's network namespace, which must have the phantom network (netns.h).
    /// Nothing that it leaves behind changes its state by itself for 20 s, once 1.5 s have passed
    /// since the last act.
    explicit RandomTraffic(std::uint32_t seed);

    /// So many acts, of a connection or two each. Throws std::system_error.
    void act(int times);

private:
    struct Pair {
        Fd client;
        Fd server;
    };
    /// A random end of a pair, which is to do something, and the other one.
    struct Ends {
        Fd one;
        Fd other;
    };
    struct Act {
        int weight;
        void (RandomTraffic::*perform)();
    };
    static const std::vector<Act> kRepertoire;

    std::size_t below(std::size_t bound);
    bool maybe() { return below(2) == 0; }
    Pair open_pair();
    Pair take_pair();
    Ends take_ends();
    void keep_or_close(Fd socket);
    Endpoint fresh_port();
    Fd connect_again(const Endpoint& local, const Endpoint& remote);

    void open();
    void close_both();
    void close_one();
    void half_close();
    void half_close_and_answer();
    void half_close_and_leave();
    void abort_one();
    void abort_half_closed();
    void close_unread();
    void write_to_the_gone();
    void linger2_negative();
    void linger2_short();
    void disconnect_one();
    void kill_one();
    void kill_mini();
    void be_refused();
    void connect_to_nowhere();
    void connect_deferred();
    void wait_for_accept();
    void overflow_queue();
    void close_listener();
    void connect_to_itself();
    void come_back();
    void talk_to_the_taciturn();
    void close_a_kept_one();

    std::mt19937 random_;
    Fd ipv4_;
    Fd ipv6_;
    Fd dual_;
    Fd deferring_;
    Fd queueing_;
    Fd crowded_;
    std::uint16_t last_fresh_port_ = 10000; ///< up to the range of automatic ports, 32768
    std::vector<Pair> open_;
    std::vector<Fd> kept_;
};

} // namespace tcpdwell::test
