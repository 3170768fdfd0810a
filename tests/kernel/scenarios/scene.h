// SPDX-License-Identifier: Apache-2.0
// What a scenario sees: its stage directions. A scenario is one function that runs in a process and
// a network namespace of its own, does something to TCP, and reports what the tracer must have
// seen.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "expectation.h"
#include "packet_peer.h"
#include "sockets.h"

namespace tcpdwell::test {

/// What comes back from a scene.
struct Report {
    std::uint32_t netns = 0;
    std::vector<Expected> connections;
    std::vector<ExpectedListener> listeners;
    std::vector<std::string>
        problems;        ///< what didn't go as the scenario needs it, whatever the tracer says
    std::string skipped; ///< why the kernel can't do it; "" if it can
};

class Scene {
public:
    /// `on_ready` is called when the scene waits for tracing; it returns once tracing is on.
    /// `on_intermission` returns when tracing is about to end.
    Scene(std::function<void()> on_ready, std::function<void()> on_intermission);

    /// Tracing is on when this returns. Called before the scenario starts, except for those that
    /// start early.
    void await_tracing();
    /// All that had to end has ended when this returns, and tracing stops soon. Only for scenarios
    /// that end late.
    void await_end();

    void expect(Expected expected) { report_.connections.push_back(std::move(expected)); }
    void expect_listener(ExpectedListener expected) {
        report_.listeners.push_back(std::move(expected));
    }
    /// A truth of the scenario's own, without which its expectations mean nothing.
    void require(bool truth, const std::string& otherwise);
    /// The same for the state of a socket, or of whatever the kernel lists for two IPv4 ports; -1:
    /// nothing. It may take slack() until it is so.
    void require_state(const Fd& socket, int state);
    void require_listed(const End& end, int state);
    /// This kernel can't do it; the scenario should return.
    void skip(std::string why) { report_.skipped = std::move(why); }
    /// Leaves the socket open until tracing has stopped.
    void keep(Fd socket) { kept_.push_back(std::move(socket)); }

    /// The process that acts here.
    [[nodiscard]] Task self() const { return self_; }
    [[nodiscard]] Report& report() { return report_; }

private:
    std::function<void()> on_ready_;
    std::function<void()> on_intermission_;
    Task self_;
    Report report_;
    std::vector<Fd> kept_;
};

enum class Phase {
    usual, ///< all of it happens while tracing is on
    early, ///< begins before: the scenario calls await_tracing() itself
    late,  ///< ends when tracing is about to stop: the scenario calls await_end()
};

struct Scenario {
    const char* name;
    void (*run)(Scene& scene);
    Phase phase = Phase::usual;
};

/// A connection between two sockets of this process over loopback.
struct Pair {
    Fd client;
    Fd server;
    End client_end;
    End server_end;
    /// Both ends established.
    [[nodiscard]] Moment opened() const { return client_end.opened; }
};

/// The client's end of a connection that was made in `opened`, as its socket reports.
End client_end(const Scene& scene, const Fd& client, Moment opened);
/// The other end of it: the server's.
End server_end(const Scene& scene, const End& client, Moment opened);

/// Connects `client` to `address`, where the listener listens, and accepts.
Pair open_pair(const Scene& scene, const Fd& listener, Fd client, const Address& address);
Pair open_pair(const Scene& scene, const Fd& listener);
/// The same with a listener at 127.0.0.1 that is closed again.
Pair open_pair(const Scene& scene);

/// A connection between a socket and a PacketPeer.
struct PeerPair {
    PacketPeer peer;
    Fd socket;
    End end; ///< the socket's
    [[nodiscard]] Moment opened() const { return end.opened; }
};

/// The socket connected to the peer, which adds the phantom network.
PeerPair open_to_peer(const Scene& scene, bool timestamps = false);
/// The peer connected to a listening socket that is closed again.
PeerPair open_from_peer(const Scene& scene, bool timestamps = false);

/// A moment that has just passed, as far as a process can know that has just been woken up.
Moment just_now();
/// Waits until the kernel no longer lists a socket or mini-socket with these two IPv4 ports; when
/// that came about.
Moment await_unlisted(const End& end);

/// The steps before the end: SYN_SENT (or SYN_RECV), then ESTABLISHED until `left`, then `rest`.
std::vector<Step> path_of(const End& end, Moment left, std::vector<Step> rest = {});

/// The whole life of an end that closed first, at `closed`, and got the FIN of the other one at
/// `answered`.
Expected closes_first(const End& end, Moment closed, Moment answered);
/// The whole life of the other end.
Expected closes_second(const End& end, Moment closed, Moment answered);

/// Closes the client, then the server, and expects what comes of that; for scenarios with another
/// point.
void close_and_expect(Scene& scene, Pair& pair);

} // namespace tcpdwell::test
