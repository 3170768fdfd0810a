// SPDX-License-Identifier: Apache-2.0
// Where the tracker keeps its connections: storage, the two ways to find one (kernel address, four-tuple), and the
// order of last use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <tsl/robin_map.h>
#include <tsl/robin_set.h>
#include <unordered_map>
#include <variant>
#include <vector>

#include "track/close_classifier.h"
#include "track/connection.h"

namespace tcpdwell {

/// In which kind of kernel object the connection lives now.
enum class Place : std::uint8_t { request, full, mini };

/// The states that have been left, oldest first. No TCP connection passes more than six (SYN_SENT, SYN_RECV,
/// ESTABLISHED, FIN_WAIT1, FIN_WAIT2 or CLOSING, TIME_WAIT); what gaps make longer than the capacity isn't kept.
class Path {
public:
    void push(TcpState state, std::optional<Nanoseconds> dwell) {
        if (size_ == kCapacity) return;
        states_[size_] = state;
        dwells_[size_++] = dwell ? dwell->count() : kUnknown;
    }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] PathStep operator[](std::size_t i) const {
        return {states_[i], dwells_[i] == kUnknown ? std::nullopt : std::optional(Nanoseconds(dwells_[i]))};
    }

private:
    static constexpr std::size_t kCapacity = 8;
    static constexpr std::int64_t kUnknown = -1;
    std::array<std::int64_t, kCapacity> dwells_{};
    std::array<TcpState, kCapacity> states_{};
    std::uint8_t size_ = 0;
};

/// The RST that was seen last for a connection, in one direction.
struct ResetSeen {
    MonoTime at;
    td_reset_reason reason;
    bool reply;
};

/// A TIME_WAIT timer that was cancelled, as long as it isn't clear whether it was killed, re-armed or about to expire.
struct TimerCancel {
    MonoTime at;
    TcpState substate;
    std::optional<MonoTime> expires;
    std::optional<MonoTime> entered;
    std::uint16_t stack;
};

/// Everything that is known of a connection or listener.
struct Connection {
    ConnectionIdentity who;
    std::uint64_t sequence = 0;   ///< order of creation
    std::uint64_t generation = 0; ///< of the slot: tells a reused one from the connection that was meant

    // Where it is in the kernel; 0: no such object, or its address isn't known
    Place place = Place::full;
    std::uint64_t request = 0;
    std::uint64_t full = 0;
    std::uint64_t mini = 0;

    TcpState state = TcpState::CLOSE;
    std::optional<MonoTime> since; ///< when `state` began
    std::optional<MonoTime> opened;
    MonoTime known_since{}; ///< in `state` at least since then
    MonoTime last_event{};
    std::uint64_t loss_epoch = 0; ///< the tracker's, at last_event
    Path path;
    Seen seen = Seen::whole;
    ClosedFirst closed_first = ClosedFirst::unknown;
    bool inherited_owner = false; ///< who.process is the listener's, until somebody is known to have accepted
    bool confirmed = true;        ///< an event has been seen, not only a listing
    bool birth_held = false;      ///< CLOSE -> SYN_SENT waits for the local port
    std::uint64_t listed_in = 0;  ///< snapshot that listed it last

    std::optional<ResetSeen> reset_received;
    std::optional<ResetSeen> reset_sent;

    std::optional<MonoTime> mini_started;
    std::optional<MonoTime> mini_expires;
    std::optional<Nanoseconds> time_wait_dwell;
    std::uint32_t restarts = 0;
    std::optional<TimerCancel> cancelled;
    std::optional<MonoTime> request_stopped; ///< the request's timer was cancelled or expired, and not started again
    bool request_expired = false;

    // The end; which kind of object it was tells how to classify it
    bool ended = false;
    bool uncertain = false; ///< events may have been lost just before the end
    std::optional<MonoTime> closed;
    std::variant<std::monostate, SocketClose, MiniClose, Verdict> close;

    Connection* newer = nullptr; ///< order of last use
    Connection* older = nullptr;
};

/// Owns the connections. Pointers stay valid until release().
class ConnectionTable {
public:
    /// A fresh connection, the most recently used one.
    Connection& create();
    /// Removes it from every index and frees its slot.
    void release(Connection& c);

    [[nodiscard]] std::size_t size() const { return live_; }
    [[nodiscard]] Connection* least_recent() { return oldest_; }
    void touch(Connection& c);

    [[nodiscard]] Connection* by_object(std::uint64_t address) const;
    [[nodiscard]] Connection* by_tuple(std::uint32_t netns, const FourTuple& tuple) const;
    void index_object(std::uint64_t address, Connection& c);
    void forget_object(std::uint64_t address, const Connection& c);
    /// The newest connection of a four-tuple owns it: TIME_WAIT may still hold it when the next one begins.
    void index_tuple(Connection& c);
    void forget_tuple(const Connection& c);

    /// The listener that a connection to `local` belongs to: address match before wildcard; nullptr if none is known.
    [[nodiscard]] Connection* listener_for(std::uint32_t netns, const Endpoint& local) const;
    void index_listener(Connection& c);

    /// All connections, oldest first.
    [[nodiscard]] std::vector<Connection*> in_order() const;

private:
    /// Namespace and four-tuple without the family: a v4-mapped socket and its IPv4 mini-socket are the same
    /// connection.
    struct TupleKey {
        const FourTuple& tuple;
        std::uint32_t netns;
    };
    static TupleKey key_of(const Connection* c) { return {c->who.tuple, c->who.netns}; }
    static TupleKey key_of(const TupleKey& key) { return key; }
    struct TupleHash {
        std::size_t operator()(const TupleKey& key) const;
        std::size_t operator()(const Connection* c) const { return (*this)(key_of(c)); }
    };
    struct TupleEqual {
        using is_transparent = void;
        template <class A, class B>
        bool operator()(const A& a, const B& b) const {
            const TupleKey x = key_of(a);
            const TupleKey y = key_of(b);
            return x.netns == y.netns && x.tuple.local == y.tuple.local && x.tuple.remote == y.tuple.remote;
        }
    };
    struct AddressHash {
        std::size_t operator()(std::uint64_t address) const;
    };

    void unlink(Connection& c);
    void link_newest(Connection& c);
    void forget_listener(const Connection& c);

    std::deque<Connection> slots_;
    std::vector<Connection*> free_;
    std::size_t live_ = 0;
    std::uint64_t next_sequence_ = 1;
    Connection* newest_ = nullptr;
    Connection* oldest_ = nullptr;
    tsl::robin_map<std::uint64_t, Connection*, AddressHash> objects_;
    /// The key is in the connection; with its hash stored, a look-up rarely touches more than one connection.
    tsl::robin_set<Connection*, TupleHash, TupleEqual, std::allocator<Connection*>, true> tuples_;
    std::unordered_map<std::uint64_t, std::vector<Connection*>> listeners_; ///< by namespace and port
};

} // namespace tcpdwell
