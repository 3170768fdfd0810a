// SPDX-License-Identifier: Apache-2.0
// Stray resets of connections that were never known here: to tell them from late segments of ended
// ones, and to find the other end that died of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "analysis/analysis.h"
#include "analysis/flows.h"
#include "analysis/lives.h"

namespace tcpdwell::analysis {

/// Connections through one endpoint here or there of which this host knew nothing.
struct UnknownGroup {
    std::uint32_t netns = 0;
    tcp::Endpoint local;  ///< that the segments were sent to; port 0: several; empty: several hosts
    tcp::Endpoint remote; ///< that sent them, as well
    tcp::Family family = tcp::Family::ipv4;
    std::uint64_t connections = 0;
    std::uint64_t resets = 0;
    MonoTime first{};
    MonoTime last{};
    std::uint64_t ended = 0; ///< of those, whose other end is on this host too and received the RST
    Examples ids;            ///< of those other ends
    /// Of all those other ends; pid 0: of several, of one name.
    std::optional<event::Process> process;
    /// Connections of clients here to another endpoint, from the very port that the segments were
    /// sent to: an address translation that no longer translates the answers.
    std::uint64_t translated = 0;
    tcp::Endpoint translated_from;        ///< what those clients connect to; port 0: several
    std::optional<event::Process> client; ///< of all those, likewise
};

/// Endpoints at which services are: by who listens or accepts there, or connects to them.
struct KnownServices {
    std::set<tcp::Endpoint> endpoints;
    std::set<std::pair<std::uint32_t, tcp::Port>> ports; ///< at all addresses of a namespace
};

/// Memory: 1 MiB for the connections that ended last, and some 200 bytes for each of at most
/// kMostConnections that were reset.
class UnknownConnections : public Analysis {
public:
    static constexpr std::size_t kMostConnections = 10'000;
    static constexpr std::size_t kMostEnded = 1 << 17;

    /// `lives` keeps those of the other ends.
    explicit UnknownConnections(Lives& lives) : lives_(lives) {}

    void on_stray_reset(const track::StrayResetLine& line, Weight weight);
    void on_connection(const track::ConnectionLine& line, Weight) override;
    void on_live(const track::LiveSocket& socket, Weight) override;
    void add_to(report::Report&, const ReportContext&) override {}
    void next_interval(MonoTime) override {
        resets_.clear();
        are_all_ = true;
    }

    /// Whether this end received an RST from a namespace of this host that knew no such connection,
    /// or, beyond an address translation, from a peer that had.
    /// Asked before on_connection().
    [[nodiscard]] bool have_ended(const track::ConnectionLine& line) const;
    /// Whether each RST is in the groups.
    [[nodiscard]] bool are_all() const { return are_all_; }
    /// By the service's endpoint: the one that is known as such, or else the one with the lower
    /// port, unless the client is known; the most connections first.
    [[nodiscard]] std::vector<UnknownGroup> groups(const KnownServices& known) const;

private:
    /// As the end would have it that isn't there.
    struct Key {
        tcp::Endpoint local;
        tcp::Endpoint remote;
        std::uint32_t netns;

        [[nodiscard]] auto order() const { return std::tie(local, remote, netns); }
        bool operator<(const Key& other) const { return order() < other.order(); }
    };
    struct Resets {
        std::uint64_t count = 0;
        Weight weight = 1; ///< of the connection
        MonoTime first{};
        MonoTime last{};
        tcp::Family family{};
        bool known = false; ///< of a connection that ended here
        bool ended = false; ///< the other end
        track::ConnectionId id = 0;
        std::optional<event::Process> process;
        tcp::Endpoint translated_from; ///< empty: no such client is known
        track::ConnectionId client_id = 0;
        std::optional<event::Process> client;
    };
    using ByConnection = std::map<Key, Resets>;

    static bool is_served_here(const Key& key, const KnownServices& known);
    static void note_translated(UnknownGroup& group, const Resets& resets);
    void note_ended(const track::ConnectionLine& line);
    /// The client's connection that the segments of an unknown one were meant for, which was there
    /// from `opened` to `closed`.
    void note_client(const track::ConnectionIdentity& who, std::optional<MonoTime> opened,
                     MonoTime closed);
    [[nodiscard]] ByConnection::const_iterator find_translated(const track::ConnectionIdentity& who,
                                                               std::optional<MonoTime> opened,
                                                               MonoTime closed) const;
    [[nodiscard]] ByConnection::const_iterator find_other(const track::ConnectionLine& line) const;

    Lives& lives_;
    ByConnection resets_;
    bool are_all_ = true;
    std::vector<std::uint64_t> ended_; ///< hashes; a ring from `next_` on once it is full
    std::size_t next_ = 0;
};

} // namespace tcpdwell::analysis
