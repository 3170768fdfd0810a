// SPDX-License-Identifier: Apache-2.0
// What the wire records mean: typed events, with host-order ports, real states and clock types.
// Made by decode.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/optional_number.h"
#include "base/time.h"
#include "tcp/address.h"
#include "tcp/state.h"
#include "tcpdwell/wire.h"

namespace tcpdwell::event {

/// The name in a task->comm: up to the first zero byte. Not necessarily UTF-8; valid as long as the
/// bytes.
std::string_view comm_text(const std::array<char, TD_COMM_LEN>& bytes);

/// A process by its thread group id in the initial pid namespace, and its name: that of its group
/// leader (task->comm, at most 15 bytes; in recordings of 0.1.0 that of the thread).
struct Process {
    std::uint32_t pid = 0;
    std::array<char, TD_COMM_LEN> comm_bytes{};   ///< raw bytes, zero-padded; not necessarily UTF-8
    std::array<char, TD_COMM_LEN> thread_bytes{}; ///< the same of the thread that was at work;
                                                  ///< zeros: the same name, or not known

    [[nodiscard]] std::string_view comm() const { return comm_text(comm_bytes); }
    /// The thread's own name; "": none.
    [[nodiscard]] std::string_view thread() const { return comm_text(thread_bytes); }
    bool operator==(const Process&) const = default;
};

/// The owner of a socket: its uid and cgroup, and the task if one was at work.
struct Owner {
    std::optional<Process> process;
    std::optional<std::uint32_t> uid;
    std::uint64_t cgroup = 0; ///< 0: not known
};

/// A full socket changes state (tracepoint sock:inet_sock_set_state).
struct StateChange {
    MonoTime at;
    std::uint32_t netns;
    std::uint64_t sock;   ///< kernel address
    std::uint64_t cookie; ///< 0: none yet
    tcp::FourTuple tuple;
    tcp::State from;
    tcp::State to;
    std::uint8_t error;    ///< sk_err
    std::uint8_t shutdown; ///< sk_shutdown
    std::uint16_t flags;   ///< td_state_flags
    std::optional<Owner> owner;
    std::uint8_t signal = 0; ///< that ends the owner; 0: none

    [[nodiscard]] bool has(td_state_flags flag) const { return (flags & flag) != 0; }
};

/// The timer of a mini-socket is started, cancelled or expires.
struct TimewaitTimer {
    MonoTime at;
    std::uint32_t netns;
    std::uint64_t mini;
    std::uint64_t cookie;
    tcp::FourTuple tuple;
    td_timer_op op;
    tcp::State substate; ///< FIN_WAIT2 or TIME_WAIT
    std::optional<MonoTime>
        expires; ///< nominal end (timer->expires); nullopt while HZ is not known
    std::optional<MonoTime>
        entered;         ///< tw_entry_stamp, exact to 1 ms; nullopt where the kernel has none
    std::uint16_t stack; ///< td_stack
};

/// The timer of a request socket is started, cancelled or expires.
struct RequestTimer {
    MonoTime at;
    std::uint32_t netns;
    std::uint64_t request;
    std::uint64_t listener;
    tcp::FourTuple tuple;
    td_timer_op op;
    std::uint8_t timeouts;
    std::uint16_t stack = 0; ///< td_stack
};

/// An RST was sent or received for a socket.
struct Reset {
    MonoTime at;
    std::uint64_t sock;
    std::uint64_t cookie;
    td_reset_direction direction;
    td_reset_reason reason;
    bool reply; ///< sent in answer to a segment
    std::uint8_t state;
};

/// A process is known to hold a socket.
struct OwnerFound {
    MonoTime at;
    std::uint64_t sock;
    std::uint64_t cookie;
    Owner owner;
    td_owner_how how;
};

/// A socket exists (a listing).
struct SocketListed {
    MonoTime at;
    std::uint32_t netns;
    std::uint64_t sock;
    std::uint64_t cookie;
    tcp::FourTuple tuple;
    tcp::State state;
    bool mini;
    bool request;
    bool sweep;
    std::optional<MonoTime> expires;
    std::optional<MonoTime> entered;
    std::uint64_t listener;
    Owner owner; ///< never with a process
    /// Of a full socket: whether a process holds it (sk_socket). One in ESTABLISHED or CLOSE_WAIT
    /// that none holds waits for accept(); in a later state it has been closed.
    std::optional<bool> held = std::nullopt;
};

struct Snapshot {
    MonoTime at;
    std::uint32_t netns;
    td_snapshot_op op;
    bool complete;
};

/// Records that could not be written, per probe, since the start.
struct LostTotals {
    MonoTime at;
    std::array<std::uint64_t, TD_PROBE_COUNT> total;
    bool before = false; ///< lost before the part of the recording that is read
};

/// A recording lacks what happened here; how much is not known.
struct Gap {
    MonoTime at;    ///< the last moment before
    MonoTime until; ///< the first after; not before `at`
    bool new_run;   ///< what follows was recorded by another run: its totals begin anew
};

struct ClockReading {
    ClockAnchor anchor;
};

struct CgroupPath {
    std::uint64_t id;
    std::string path;
};

/// The container whose cgroup it is, as views show it (container_path.h).
struct ContainerName {
    std::uint64_t cgroup;
    std::string text;
};

/// Key and value about the host (netns 0) or a namespace.
struct Fact {
    std::uint32_t netns;
    std::string key;
    std::string value;
};

/// The local port that a connecting socket was given.
struct PortKnown {
    MonoTime at;
    std::uint64_t sock;
    std::uint64_t cookie;
    tcp::FourTuple tuple;
};

/// What a full socket has carried, and what it holds: numbers of struct tcp_sock, in the kernel's
/// meaning (td_numbers); times in ms.
struct SocketNumbers {
    OptionalNumber<std::uint64_t> bytes_sent;
    OptionalNumber<std::uint64_t> bytes_acked;
    OptionalNumber<std::uint64_t> bytes_received;
    OptionalNumber<std::uint32_t> unsent;
    OptionalNumber<std::uint32_t> unacked;
    OptionalNumber<std::uint32_t> unread; ///< of a listener: connections that wait for accept()
    OptionalNumber<std::uint32_t> segments_sent;
    OptionalNumber<std::uint32_t> segments_received;
    OptionalNumber<std::uint32_t> segments_retransmitted;
    OptionalNumber<std::uint32_t> rtt_us;
    OptionalNumber<std::uint32_t> rtt_min_us;
    OptionalNumber<std::uint32_t> receiver_limited_ms;
    OptionalNumber<std::uint32_t> send_buffer_limited_ms;
    OptionalNumber<std::uint32_t> since_received_ms;
    OptionalNumber<std::uint32_t> since_sent_ms;
    OptionalNumber<std::uint32_t> peer_window;
    std::uint8_t timeouts = 0; ///< of the retransmission timer, in a row
    std::uint8_t probes = 0;   ///< of a zero window or by keepalive, in a row
    std::uint8_t flags = 0;    ///< td_numbers_flags

    [[nodiscard]] bool has(td_numbers_flags flag) const { return (flags & flag) != 0; }
    bool operator==(const SocketNumbers&) const = default;
};

/// The numbers of a full socket, just before its ->CLOSE or while it is open.
struct NumbersRead {
    MonoTime at;
    std::uint32_t netns;
    std::uint64_t sock;
    std::uint64_t cookie;
    tcp::State state;                      ///< of the socket
    std::optional<tcp::State> mptcp_state; ///< of the MPTCP socket above a subflow
    OptionalNumber<std::uint32_t> backlog; ///< of a listener: how many may wait for accept()
    SocketNumbers numbers;
};

/// The processes that have a descriptor of a socket, at that time.
struct HoldersFound {
    MonoTime at;
    std::uint64_t sock;
    std::uint64_t cookie;
    std::uint32_t count;            ///< of all; holders has the first
    std::vector<Process> processes; ///< at most TD_MOST_HOLDERS, by pid
    bool partial = false;           ///< there may be more: not everything could be looked into
};

/// An RST was sent for a segment that belongs to no connection: to no socket, or to a listener.
struct StrayReset {
    MonoTime at;
    std::uint32_t netns;
    tcp::FourTuple tuple; ///< as the socket would have it that isn't there
    td_reset_reason reason;
    std::uint32_t left_out = 0; ///< others just before it, of which no more is known
};

/// The kernel's own counters of a network namespace (/proc/net/snmp and netstat), since it began.
struct KernelCounters {
    struct Counter {
        std::string name; ///< "TcpExt.ListenOverflows"
        std::uint64_t value;

        bool operator==(const Counter&) const = default;
    };
    MonoTime at;
    std::uint32_t netns;
    std::vector<Counter> counters; ///< those that the kernel has
};

/// From then on no events were recorded.
struct RecordingStopped {
    MonoTime at;
};

/// A process has made another one (not a thread).
struct ProcessForked {
    MonoTime at;
    std::uint32_t parent; ///< pid; 0: it has none in the namespace that numbers are of
    std::uint32_t pid;
};

using Event = std::variant<StateChange, TimewaitTimer, RequestTimer, Reset, OwnerFound,
                           SocketListed, Snapshot, LostTotals, ClockReading, CgroupPath, Fact,
                           PortKnown, Gap, NumbersRead, HoldersFound, StrayReset, KernelCounters,
                           RecordingStopped, ProcessForked, ContainerName>;

} // namespace tcpdwell::event
