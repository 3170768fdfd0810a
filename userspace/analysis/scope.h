// SPDX-License-Identifier: Apache-2.0
// Which connections a finding is about, as far as that links it to others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "tcp/address.h"

namespace tcpdwell::analysis {

/// Adds while there is room: what a hostile stream names is bounded.
template <typename Value>
void note_some(std::set<Value>& some, const Value& value) {
    constexpr std::size_t kMost = 16;
    if (some.size() < kMost) some.insert(value);
}

/// A process has closed a connection, or a connect of it has failed, or its peer has gone.
struct Closing {
    MonoTime at;
    std::uint32_t pid = 0; ///< 0: it isn't known
    std::uint64_t id = 0;  ///< of the connection
};

/// The last ones.
class Closings {
public:
    static constexpr std::size_t kMost = 64;

    void note(const Closing& closing);
    void forget(std::uint64_t id);
    void add(const Closings& others);
    [[nodiscard]] const std::vector<Closing>& list() const { return list_; }

private:
    std::vector<Closing> list_; ///< in the order of time
};

struct Scope {
    std::uint32_t netns = 0;
    /// That programs here serve: local ends of accepted connections, or listening endpoints where
    /// none are known.
    std::set<tcp::Endpoint> services;
    std::set<tcp::Endpoint> remotes; ///< that programs here connect to
    std::set<std::uint32_t> pids;    ///< of the processes that it is about
    std::uint64_t connections = 0;   ///< 0: it doesn't count them
    std::optional<MonoTime> first;   ///< when the first of them ended
    std::optional<MonoTime> last;    ///< now, of those that are there
    /// Since when something has been wrong with them: since then, or where that wasn't seen, not
    /// later than that.
    std::optional<MonoTime> began;
    bool is_began_seen = false;
    /// Of refused connects: when the endpoint answered one last, before the last refusal.
    std::optional<MonoTime> answered;
    /// The program that ended, or whose listening socket was closed before connects were refused.
    std::string ended;
    /// It is wrong to the end, and no matter of the past: a consequence stays as severe as it is.
    bool goes_on = false;
    /// Of a queue that overflowed: how often.
    std::optional<std::uint64_t> overflows;
    /// Of a queue: when connections were accepted without delay, and what each counts for.
    std::vector<std::pair<MonoTime, std::uint64_t>> accepted;
    Closings closings;

    void add(const Scope& other);
    void add_pid(std::uint32_t pid); ///< 0: it isn't known
};

/// Whether programs of `client` connect to what `server` serves. Loopback addresses are of one
/// namespace; another address is the host's own, in whichever of its namespaces, and a listener on
/// all addresses is known by it within its namespace only.
bool connects_to(const Scope& client, const Scope& server);

/// How long before, and after, a consequence its cause may be seen.
struct Apart {
    Nanoseconds before;
    Nanoseconds after;
    bool are_of_one_process = true;
};
/// How many of the closings of a consequence go with one of a cause each.
std::size_t closings_with(const Scope& consequence, const Scope& cause, Apart apart);

} // namespace tcpdwell::analysis
