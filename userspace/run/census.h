// SPDX-License-Identifier: Apache-2.0
// Counting sockets for `census`: by state, by owner, by port, by remote host. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "event/event.h"
#include "tcp/address.h"
#include "tcp/close.h"
#include "tcp/state.h"

namespace tcpdwell::run {

/// One socket, with its owner as far as known.
struct CensusSocket {
    tcp::State state = tcp::State::CLOSE;
    std::uint32_t netns = 0;
    tcp::FourTuple tuple;
    tcp::Role role = tcp::Role::unknown; ///< see assign_roles()
    bool has_file = false; ///< a descriptor can refer to it: not a mini-socket, orphan or
                           ///< connection not yet accepted
    std::optional<event::Process>
        process;                   ///< that has it open; of several the one with the lowest pid
    std::uint32_t queued = 0;      ///< of a listener: connections waiting for accept()
    std::uint32_t queue_limit = 0; ///< of a listener: how many may wait

    /// The server's port: the local one of a server (or listener), else the remote one.
    [[nodiscard]] tcp::Port service_port() const;
};

/// Distinguishes servers from clients by the listeners: a socket on a port that something listens
/// on in its namespace is `server`, as are handshakes in a request socket; all others are `client`.
/// `sockets` must hold all of the namespaces.
void assign_roles(std::span<CensusSocket> sockets);

using StateCounts = EnumArray<tcp::State, std::size_t>;

/// Sockets in each state.
struct StateCensus {
    StateCounts all;
    StateCounts without_file;
};
StateCensus count_states(std::span<const CensusSocket> sockets);

enum class GroupBy { process, port, remote };

/// One row of the matrix.
struct CensusGroup {
    std::optional<event::Process> process;  ///< by process; nullopt: none known
    std::optional<tcp::Port> port;          ///< by port: service_port()
    std::optional<tcp::IpAddress> remote;   ///< by remote; nullopt: listeners
    tcp::Family family = tcp::Family::ipv4; ///< of `remote`
    StateCounts counts;
    std::size_t total = 0;
};
/// Largest first.
std::vector<CensusGroup> group_sockets(std::span<const CensusSocket> sockets, GroupBy by);

/// Sockets in CLOSE_WAIT of one process in one namespace.
struct CloseWaitGroup {
    std::optional<event::Process> process;
    std::uint32_t netns = 0;
    std::size_t count = 0;
};
/// Largest first.
std::vector<CloseWaitGroup> close_wait_owners(std::span<const CensusSocket> sockets);

/// Listening sockets of one process on one address; several with SO_REUSEPORT, and then their
/// queues are added up.
struct ListenGroup {
    tcp::Endpoint local;
    tcp::Family family = tcp::Family::ipv4;
    std::optional<event::Process> process;
    std::uint32_t netns = 0;
    std::size_t count = 0;
    std::uint64_t queued = 0;
    std::uint64_t queue_limit = 0;
};
/// By namespace, port and address.
std::vector<ListenGroup> listeners(std::span<const CensusSocket> sockets);

} // namespace tcpdwell::run
