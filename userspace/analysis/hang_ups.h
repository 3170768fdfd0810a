// SPDX-License-Identifier: Apache-2.0
// Clients that hung up on a process without an answer, or seemed to, for which it gave up its own
// connection to whom it had asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "track/connection.h"

namespace tcpdwell::analysis {

struct CauseFacts;

/// Whether that end of a client, which closed first, was shut down, and the process still had its
/// socket when the server closed.
bool was_half_closed(const track::ConnectionLine& line);
/// How long a client's end that was shut down was kept after that, before it was closed; nullopt:
/// it wasn't, or that isn't known.
std::optional<Nanoseconds> kept_half_closed(const track::ConnectionLine& line);

/// Memory: 8 MiB at most.
class HangUps {
public:
    static constexpr std::size_t kMostProcesses = 1024;
    static constexpr std::size_t kMostOfOne = 256;
    static constexpr std::size_t kMostReasons = 1 << 14;

    /// Of any ended connection.
    void note(const track::ConnectionLine& line);
    /// Whether that end of a client was closed here just after a client of the same process had
    /// hung up that nothing had been sent to for the same time: each explains one, that `facts`
    /// count.
    bool take_reason_of(const track::ConnectionLine& line, CauseFacts& facts);
    /// What counts the one that this client's end explains; nullptr: it explains none.
    [[nodiscard]] CauseFacts* explained_by(const track::ConnectionIdentity& client) const;
    void forget_reason(const track::ConnectionIdentity& client);
    void clear() {
        by_pid_.clear();
        reasons_.clear();
    }

private:
    struct HangUp {
        MonoTime at;
        Nanoseconds waited;   ///< since something was sent to it
        std::uint64_t client; ///< a hash of the ends of its connection, as it sees them
    };
    std::unordered_map<std::uint32_t, std::vector<HangUp>> by_pid_; ///< the last ones
    std::unordered_map<std::uint64_t, CauseFacts*> reasons_;        ///< by `client`
};

} // namespace tcpdwell::analysis
