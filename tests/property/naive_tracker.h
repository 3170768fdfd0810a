// SPDX-License-Identifier: Apache-2.0
// The reference that the tracker is compared with: keeps every event, sorts them into strands by
// looking ahead as far as it likes, and reads each connection's story when all is over. Slow, and
// for streams without losses and listings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "event/event.h"
#include "synth/generated_connection.h"

namespace tcpdwell::test {

/// Within this time after a connection's event, another event can explain it.
inline constexpr Nanoseconds kExplained = std::chrono::milliseconds(20);

/// The events of one connection or listener, by their place in the stream, and where it is in the
/// kernel meanwhile.
struct NaiveConnection {
    std::vector<std::size_t> events;
    std::uint32_t netns = 0;
    tcp::FourTuple tuple;
    std::uint64_t sock = 0; ///< 0: no such object, or no more
    std::uint64_t request = 0;
    std::uint64_t mini = 0;
    std::uint64_t last_sock = 0; ///< after its CLOSE
    MonoTime sock_closed{};
    bool listener = false;
};

class NaiveTracker {
public:
    void add(const event::Event& event) { events_.push_back(event); }

    /// What has to be reported of everything that was added.
    std::vector<synth::Outcome> tell();

private:
    void assign(std::size_t i, const event::StateChange& e);
    void assign(std::size_t i, const event::TimewaitTimer& e);
    void assign(std::size_t i, const event::RequestTimer& e);
    void assign(std::size_t i, const event::Reset& e);
    void assign(std::size_t i, const event::StrayReset& e);
    void assign(std::size_t i, const event::OwnerFound& e);
    void assign(std::size_t i, const event::PortKnown& e);
    void assign(std::size_t i, const event::SocketListed& e);
    template <class Other>
    void assign(std::size_t, const Other&) {}

    template <class Predicate>
    NaiveConnection* newest(Predicate predicate);
    NaiveConnection& begin(std::size_t i, std::uint32_t netns, const tcp::FourTuple& tuple);
    [[nodiscard]] bool request_goes_on(std::size_t i) const;

    std::vector<event::Event> events_;
    std::vector<NaiveConnection> strands_;
    /// LISTEN -> SYN_RECV and accept() of children that haven't shown their peer yet.
    std::vector<std::size_t> newborn_;
};

/// Whether the mini-socket whose timer is cancelled by event `i` is dead thereafter.
bool mini_dies(const std::vector<event::Event>& stream, std::size_t i);

/// Reads the story of one strand. `listener` is the owner of the listener on its port, if there is
/// one.
synth::Outcome read_story(const std::vector<event::Event>& stream, const NaiveConnection& strand,
                          const std::optional<event::Owner>& listener);

} // namespace tcpdwell::test
