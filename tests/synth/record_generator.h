// SPDX-License-Identifier: Apache-2.0
// Reports one story: each verb writes the records that the kernel would, and keeps book of what is
// true, for one observed connection (or several after each other) and its listener. Which records
// come when: sock:inet_sock_set_state and the timers of mini-sockets and requests, as Linux 5.10
// to 7.x were seen to show them.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "synth/generated_connection.h"
#include "synth/setting.h"

namespace tcpdwell::synth {

/// Circumstances of a state change of a full socket.
struct Circumstances {
    std::uint8_t error = 0;             ///< sk_err
    bool owned = false;                 ///< a task holds the socket's lock
    std::optional<event::Process> by{}; ///< the task, if it isn't the socket's own
    std::uint16_t flags = 0;            ///< td_state_flags besides those that follow from the story
};

/// How a connection is to be reported in the end.
struct ExpectedClose {
    tcp::ClosedFirst closed_first = tcp::ClosedFirst::unknown;
    tcp::Ending ending = tcp::Ending::unknown;
    tcp::EndingDetail detail = tcp::EndingDetail::none;
    std::optional<tcp::TimeWaitEnd> time_wait{};
    std::uint32_t restarts = 0;
};

class RecordGenerator {
public:
    /// Addresses and cookies come from `memory`, which several stories may share if each begins no
    /// earlier than the last.
    RecordGenerator(const Setting& stage, KernelMemory& memory);

    /// The story, its records in order. A listener that still listens is closed first.
    GeneratedConnection finish();

    [[nodiscard]] const KernelTraits& kernel() const { return stage_.kernel; }
    [[nodiscard]] const tcp::FourTuple& tuple() const { return stage_.tuple; }
    [[nodiscard]] event::Process worker() const; ///< another process of the same service
    [[nodiscard]] event::Process admin() const;  ///< whoever runs ss -K

    // Time
    void wait(Nanoseconds typical);
    void wait_for_tick(); ///< until the next jiffy begins, so that jiffies and milliseconds report
                          ///< the time exactly

    // Listening
    void listens();
    void stops_listening(const Circumstances& how = {.owned = true});

    // A client opens
    enum class LocalPort { chosen, bound, none_free };
    void connects(LocalPort port = LocalPort::chosen);
    void
    reconnects(const ExpectedClose& verdict,
               LocalPort port); ///< takes the tuple from its own mini-socket, which thereby ends

    // A server is connected to
    void syn_arrives();      ///< a request socket is born
    void synack_times_out(); ///< and is sent again
    void synack_times_out_finally();
    void request_dies(unsigned stack); ///< td_stack, without TD_STACK_TAKEN
    /// Its listener answers a segment for it by an RST.
    void request_is_reset();
    void
    child_is_dropped(); ///< at the third ACK, for want of memory or a route; the request goes on
    void third_ack_arrives();     ///< the request becomes a full socket
    void cookie_ack_arrives();    ///< a full socket out of a SYN cookie
    void fast_open_syn_arrives(); ///< a full socket in SYN_RECV
    void is_accepted(const event::Process& by);

    // A full socket lives
    void moves(tcp::State to, const Circumstances& how = {});                  ///< shown, and true
    void shows(tcp::State from, tcp::State to, const Circumstances& how = {}); ///< shown only
    void truly(tcp::State to); ///< true, but not shown
    void shuts_down_sending();
    void closes();
    void dies_by_close(std::uint16_t flags = 0); ///< with an RST, or before it was established
    void dies_by_disconnect();                   ///< connect() to AF_UNSPEC
    void is_killed(); ///< by ss -K; with an RST unless it was just connecting
    void fin_arrives(tcp::State to, const Circumstances& how = {});
    void resets(td_reset_direction direction, bool reply, td_reset_reason reason);

    // A mini-socket takes over
    void becomes_mini(tcp::State substate, Nanoseconds timeout = std::chrono::seconds(60));
    void mini_gets_fin(
        bool timer_moves); ///< FIN_WAIT2 -> TIME_WAIT; unseen unless the timer changes its bucket
    void mini_gets_segment(bool timer_moves); ///< which starts the 2 MSL anew
    void mini_migrates();                     ///< its CPU goes offline
    void mini_is_swept();
    void mini_expires();
    void mini_dies(unsigned stack); ///< td_stack, without TD_STACK_TAKEN
    void mini_resets();             ///< the RST that a mini sends for data

    // The end of a connection
    void ends(const ExpectedClose& verdict, bool socket_is_kept = false);
    void stays_open(const ExpectedClose& verdict);

private:
    void write(const event::Event& event);
    void begin_connection(tcp::Role role, const event::Process& process);
    void child_shows_syn_recv();
    void child_established(std::uint16_t flags);
    void note_transition(MonoTime at, tcp::State to, bool dwell_known);
    void timewait(td_timer_op op, unsigned stack);
    void mini_rearms(bool timer_moves);
    void request(td_timer_op op, unsigned stack = 0);
    void judge(const ExpectedClose& verdict);
    void release(KernelMemory::Slab slab, std::uint64_t& address);
    Outcome& current() { return story_.outcomes.back(); }

    Setting stage_;
    KernelMemory& memory_;
    std::mt19937_64 random_;
    MonoTime now_;
    GeneratedConnection story_;
    std::optional<Outcome> listener_;
    std::optional<MonoTime> listening_since_;
    std::uint64_t listener_sock_ = 0;
    std::uint64_t listener_cookie_ = 0;
    event::Process app_;
    event::Process task_;

    std::uint64_t sock_ = 0;
    std::uint64_t request_ = 0;
    std::uint64_t mini_ = 0;
    std::uint64_t cookie_ = 0;
    std::uint8_t timeouts_ = 0;
    tcp::State shown_ = tcp::State::CLOSE;
    tcp::State true_ = tcp::State::CLOSE;
    std::optional<MonoTime> since_; ///< when true_ began
    std::uint8_t shutdown_ = 0;
    std::uint8_t stale_error_ = 0; ///< sk_err left by the previous connection of the same socket
    bool has_file_ = false;
    bool orphan_ = false;
    bool fin_received_ = false;
    bool port_known_ = false;
    bool sends_syn_ = false;
    bool answered_syn_ = false; ///< the full socket itself, not a request, has sent the SYN-ACK
    tcp::State substate_ = tcp::State::TIME_WAIT;
    MonoTime expires_;
    MonoTime entered_;
};

} // namespace tcpdwell::synth
