// SPDX-License-Identifier: Apache-2.0
// Where the tracker keeps its connections: storage, the two ways to find one (kernel address,
// four-tuple), and the order of last use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "tcp/listener_index.h"
#include "track/slot_index.h"
#include "track/tracked.h"

namespace tcpdwell::track {

/// Owns the connections. References stay valid until release(); a slot with the sequence number of
/// what was in it shows even thereafter that it is gone.
class ConnectionTable {
public:
    /// A fresh connection, the most recently used one.
    Connection& create();
    /// Removes it from every index and frees its slot.
    void release(Connection& c);

    [[nodiscard]] std::size_t size() const { return live_; }
    /// Slots from 1 to this one have been used; the sequence of a free one is 0.
    [[nodiscard]] std::size_t slots() const { return slots_.used(); }
    [[nodiscard]] Connection* least_recent() { return at(oldest_); }
    void touch(Connection& c);
    /// nullptr if the slot is 0 or has been used anew since.
    [[nodiscard]] Connection* find(Slot slot, std::uint32_t sequence) {
        return slot != 0 && slots_[slot].sequence == sequence ? &slots_[slot] : nullptr;
    }

    /// By the address of any kernel object that it lives in.
    [[nodiscard]] Connection* by_object(std::uint64_t address);
    /// Which of them it is in: address 0 is none.
    void set_socket(Connection& c, std::uint64_t address) { set_object(c, c.socket, address); }
    void set_other(Connection& c, std::uint64_t address) { set_object(c, c.other, address); }

    [[nodiscard]] Connection* by_tuple(std::uint32_t netns, const tcp::FourTuple& tuple);
    /// The newest connection of a four-tuple owns it: TIME_WAIT may still hold it when the next one
    /// begins.
    void index_tuple(Connection& c);
    void forget_tuple(const Connection& c);

    /// The listener that a connection to `local` belongs to: address match before wildcard; nullptr
    /// if none is known.
    [[nodiscard]] Connection* listener_for(std::uint32_t netns, const tcp::Endpoint& local) const;
    using Listeners = std::map<std::uint64_t, Connection*>; ///< in the order of index_listener()
    /// All listeners at an endpoint: several with SO_REUSEPORT.
    [[nodiscard]] const Listeners& listeners_at(std::uint32_t netns,
                                                const tcp::Endpoint& local) const;
    void index_listener(Connection& c);

    /// Appends to the states that have been left. `at_least` counts without a dwell.
    void push_path(Connection& c, tcp::State state, std::optional<Nanoseconds> dwell,
                   Nanoseconds at_least = Nanoseconds(0));
    [[nodiscard]] PathStep path_step(const Connection& c, std::size_t i) const;
    [[nodiscard]] static std::size_t path_size(const Connection& c);

    /// What is known besides; to be changed by evidence() only.
    [[nodiscard]] const CloseEvidence& evidence_of(const Connection& c) const {
        return c.evidence == 0 ? kNoEvidence : evidence_[c.evidence];
    }
    CloseEvidence& evidence(Connection& c) {
        if (c.evidence == 0) c.evidence = evidence_.take();
        return evidence_[c.evidence];
    }
    /// Frees the room for evidence if there is none.
    void tidy(Connection& c);

    /// nullptr: nothing is known.
    [[nodiscard]] const SocketDetails* details_of(const Connection& c) const {
        return c.details == 0 ? nullptr : &details_[c.details];
    }
    SocketDetails& details(Connection& c) {
        if (c.details == 0) c.details = details_.take();
        return details_[c.details];
    }

    /// All connections, oldest first. Each can be released while the list is gone through.
    [[nodiscard]] std::vector<Slot> in_order() const;
    [[nodiscard]] Connection& operator[](Slot slot) { return slots_[slot]; }
    [[nodiscard]] const Connection& operator[](Slot slot) const { return slots_[slot]; }

private:
    static const CloseEvidence kNoEvidence;

    [[nodiscard]] Connection* at(Slot slot) { return slot == 0 ? nullptr : &slots_[slot]; }
    void set_object(Connection& c, std::uint64_t& object, std::uint64_t address);
    [[nodiscard]] Slot find_object(std::uint64_t address) const;
    [[nodiscard]] Slot find_tuple(std::uint64_t hash, std::uint32_t netns,
                                  const tcp::FourTuple& tuple) const;
    void unlink(Connection& c);
    void link_newest(Connection& c);
    void forget_listener(const Connection& c);

    Pool<Connection, &Connection::older> slots_;
    Pool<CloseEvidence, &CloseEvidence::next_free> evidence_;
    Pool<SocketDetails, &SocketDetails::next_free> details_;
    std::size_t live_ = 0;
    std::uint32_t last_sequence_ = 0;
    Slot newest_ = 0;
    Slot oldest_ = 0;
    SlotIndex objects_;
    SlotIndex tuples_;
    tcp::ListenerIndex<Listeners> listeners_;
    struct ListenerPlace {
        std::uint64_t number; ///< the key in Listeners
        std::uint32_t netns;
        tcp::Endpoint local;
    };
    std::unordered_map<Slot, ListenerPlace> listener_places_;
    std::uint64_t last_listener_number_ = 0;
};

} // namespace tcpdwell::track
