// SPDX-License-Identifier: Apache-2.0
// Connections summed up by service, by remote server, and by pair of (local address, remote
// endpoint): who closes first, how they end, who holds the TIME_WAITs, who uses up the local ports.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <string>
#include <tsl/robin_map.h>
#include <tuple>
#include <vector>

#include "analysis/analysis.h"
#include "analysis/gauge.h"
#include "analysis/lives.h"
#include "analysis/port_holders.h"
#include "analysis/skip_cause.h"
#include "tcp/listener_index.h"

namespace tcpdwell::analysis {

/// Counts of how connections ended.
struct EndCounts {
    std::uint64_t connections = 0;
    EnumArray<tcp::ClosedFirst, std::uint64_t> closed_first;
    EnumArray<tcp::Ending, std::uint64_t> endings;
    EnumArray<tcp::EndingDetail, std::uint64_t> details;
    EnumArray<SkipCause, std::uint64_t> skipped;
    std::uint64_t time_waits = 0; ///< connections that left a TIME_WAIT here
    /// On purpose, for a reason that has a finding of its own.
    std::uint64_t reset_for_cause = 0;
    std::uint64_t harmless = 0; ///< on purpose, by clients that had been answered in full
    std::uint64_t cookies = 0;  ///< passive opens without a request socket: SYN cookies

    void add(const EndCounts& other);
    [[nodiscard]] std::uint64_t closed(tcp::ClosedFirst who) const { return closed_first[who]; }
    [[nodiscard]] std::uint64_t ended(tcp::Ending how) const { return endings[how]; }
    [[nodiscard]] std::uint64_t with(tcp::EndingDetail what) const { return details[what]; }
    [[nodiscard]] std::uint64_t skipped_by(SkipCause why) const { return skipped[why]; }
};

/// A program and what it serves (passive opens: the listening endpoint) or that it connects (active
/// opens).
struct ServiceKey {
    std::uint32_t netns = 0;
    tcp::Role role = tcp::Role::unknown;
    tcp::Family family = tcp::Family::ipv4;
    tcp::Endpoint local; ///< port 0 where the role isn't server
    std::array<char, TD_COMM_LEN> comm{};
    std::uint64_t cgroup = 0;

    auto operator<=>(const ServiceKey&) const = default;
};

/// The connections behind a number: a few of their ids.
struct Examples {
    std::array<track::ConnectionId, 3> ids{};
    std::uint8_t count = 0;

    /// Whether it is one of them now, and wasn't before.
    bool note(track::ConnectionId id) {
        if (count == ids.size() ||
            std::find(ids.begin(), ids.begin() + count, id) != ids.begin() + count)
            return false;
        ids[count++] = id;
        return true;
    }
    void note(const Examples& others) {
        for (std::size_t i = 0; i < others.count; ++i) note(others.ids[i]);
    }
    void forget(track::ConnectionId id) {
        const auto end = ids.begin() + count;
        count = static_cast<std::uint8_t>(std::remove(ids.begin(), end, id) - ids.begin());
    }
    [[nodiscard]] std::vector<track::ConnectionId> list() const {
        return {ids.begin(), ids.begin() + count};
    }
};

struct ServiceRow {
    ServiceKey key;
    std::uint32_t pid = 0; ///< of the only process seen; 0: none, or several
    bool several_pids = false;
    EndCounts ended;
    EndCounts live; ///< what is there now, as if it ended now
    Gauge time_wait;
    Examples closed_first;         ///< connections that this side closed first
    Examples skipped;              ///< of which those that left no TIME_WAIT
    Examples failed;               ///< handshakes and connects that failed or wait
    Examples expired;              ///< in FIN_WAIT2
    std::uint64_t in_syn_recv = 0; ///< now
    std::uint64_t hung = 0;        ///< of which so long that the SYN-ACK was sent again

    void note(const std::optional<event::Process>& process); ///< one that serves it
    [[nodiscard]] EndCounts total() const;
};

struct RemoteRow {
    std::uint32_t netns;
    tcp::Family family;
    tcp::Endpoint remote; ///< the server that is connected to; empty: those beyond the limit
    std::array<char, TD_COMM_LEN> comm{}; ///< of the only program that connects to it
    bool several_programs = false;
    EndCounts ended;
    EndCounts live;
    Gauge time_wait;

    [[nodiscard]] EndCounts total() const;
};

/// Local ports in use towards one remote endpoint. A port is held from connect() until the last
/// remnant of the connection is removed, TIME_WAIT included. One that bind() chose before is held
/// towards all endpoints: connect() passes over it (kernel: __inet_hash_connect(), fastreuse).
struct PortRow {
    std::uint32_t netns;
    tcp::Family family;
    tcp::IpAddress local;
    tcp::Endpoint remote;                 ///< empty: ports that bind() chose
    std::array<char, TD_COMM_LEN> comm{}; ///< of the only program that holds some
    bool several_programs = false;
    bool had_unknown = false; ///< some that have gone were of a program that wasn't known
    Gauge held;
    Examples holders;                ///< now
    PortHolders holding;             ///< likewise
    std::uint64_t opened = 0;        ///< connections begun since the report's begin
    std::uint64_t held_at_begin = 0; ///< when the report's time began, or found later

    void note(const std::array<char, TD_COMM_LEN>& program) {
        if (program[0] == 0) return; // of which program that is, isn't known
        if (comm[0] == 0) comm = program;
        several_programs = several_programs || comm != program;
    }
    /// Whether `comm` has, or had, perhaps only a part of them.
    [[nodiscard]] bool is_of_several() const {
        return several_programs || had_unknown || holding.has_unknown();
    }
    void restart(MonoTime now) {
        held.restart(now);
        holders = Examples();
        had_unknown = false;
        opened = 0;
        held_at_begin = held.now();
    }
    [[nodiscard]] bool is_bound() const { return remote.empty(); }
    /// Of as many as there are: connects that find none are counted until they fail.
    [[nodiscard]] std::uint64_t peak(std::optional<std::uint64_t> limit) const {
        return is_bound() || !limit ? held.peak() : std::min(held.peak(), *limit);
    }
};

/// Adds a connection to the counts.
void count(EndCounts& tally, const track::ConnectionLine& line, Weight weight);

/// Memory: some 600 bytes for each service, remote server and pair, of which at most kMaxGroups are
/// distinguished; any further ones are summed up in one row without an endpoint. In addition, four
/// bytes for each connection that the tracker holds.
class Flows : public Analysis {
public:
    static constexpr std::size_t kMaxGroups = 50'000;
    /// Listening endpoints that are remembered, at some 80 bytes.
    static constexpr std::size_t kMaxListeners = 1'000'000;

    /// `lives`, where it is given, keeps those of the examples.
    explicit Flows(MonoTime begin, Lives* lives = nullptr)
        : first_begin_(begin), begin_(begin), lives_(lives) {}

    void on_move(const track::StateMove& move, Weight weight) override;
    void on_connection(const track::ConnectionLine& line, Weight weight) override;
    void begin_live(MonoTime now) override;
    void on_live(const track::LiveSocket& socket, Weight weight) override;
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime now) override;

    /// Rows that belong to the same service merged: connections seen before their listener or
    /// process was known. In the order of how many connections the local side closed first.
    [[nodiscard]] std::vector<ServiceRow> services() const;
    [[nodiscard]] const std::deque<RemoteRow>& remotes() const { return remotes_; }
    [[nodiscard]] const std::deque<PortRow>& ports() const { return ports_; }
    /// Those that bind() chose at a local address; nullptr if there are none.
    [[nodiscard]] const PortRow* bound_ports(std::uint32_t netns,
                                             const tcp::IpAddress& local) const;
    /// TIME_WAITs by network namespace.
    [[nodiscard]] const std::map<std::uint32_t, Gauge>& time_waits() const { return time_waits_; }
    [[nodiscard]] const ServiceRow& service(std::uint32_t index) const { return services_[index]; }
    /// Whether the connection or listener is counted as being there.
    [[nodiscard]] bool counts(const track::ConnectionIdentity& who) const {
        return who.slot < groups_by_slot_.size() && groups_by_slot_[who.slot] != 0;
    }

    /// Indices for splitting by them; valid from the first move of the connection on, and
    /// during the transition that goes with its last one.
    [[nodiscard]] std::uint32_t service_of(const track::ConnectionIdentity& who) const;
    [[nodiscard]] std::uint32_t
    remote_of(const track::ConnectionIdentity& who) const; ///< kNone: not an active open
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};
    /// Of a passive open with the listening endpoint, as far as one is known.
    [[nodiscard]] ServiceKey service_key(const track::ConnectionIdentity& who) const {
        return key_of(who).service;
    }
    [[nodiscard]] std::string service_label(std::uint32_t index) const;
    /// Whether more may be known of the connection than at its last move, and so another service be
    /// its own: its port once connect() has returned, who accepted it once it has been used. In
    /// TIME_WAIT it stays where it is counted.
    static bool may_have_learnt(const track::StateMove& move);
    [[nodiscard]] std::string remote_label(std::uint32_t index) const;

private:
    /// The finest division: a service and, for active opens, where it connects from and to.
    struct GroupKey {
        ServiceKey service;
        tcp::Family family = tcp::Family::ipv4; ///< of active opens, as is what follows
        tcp::IpAddress local;
        tcp::Endpoint remote;
        bool is_bound = false;

        bool operator==(const GroupKey&) const = default;
    };
    struct GroupHash {
        std::size_t operator()(const GroupKey& key) const;
    };
    struct Group {
        std::uint32_t service;
        std::uint32_t remote; ///< kNone: not an active open
        std::uint32_t port;   ///< kNone: likewise, or the local address isn't known
    };

    struct Listener {
        tcp::Family family = tcp::Family::ipv4;
        bool is_known = false;
    };

    [[nodiscard]] GroupKey key_of(const track::ConnectionIdentity& who) const;
    /// With the listening endpoint instead of the connection's own.
    [[nodiscard]] ServiceKey canonical(ServiceKey key) const;
    std::uint32_t group_for(const track::ConnectionIdentity& who);
    std::uint32_t service_for(const ServiceKey& key);
    std::uint32_t remote_for(const GroupKey& key);
    std::uint32_t port_for(const GroupKey& key);
    /// In groups_by_slot_, which grows as needed.
    std::uint32_t& entry_of(const track::ConnectionIdentity& who) {
        if (who.slot >= groups_by_slot_.size()) groups_by_slot_.resize(std::size_t{who.slot} + 1);
        return groups_by_slot_[who.slot];
    }
    /// nullptr: it isn't counted, or a listener.
    [[nodiscard]] const Group* find_group(const track::ConnectionIdentity& who) const;
    /// Puts the connection into the group that fits what is known of it now.
    void regroup(const track::ConnectionIdentity& who, std::uint32_t& entry, MonoTime at,
                 Weight weight);
    void on_listener(const track::StateMove& move);
    /// How it comes that a connection holds a port.
    enum class Holding {
        begun,
        found, ///< it was there before the report's time, or before it was known
        moved, ///< it is in another row now
    };
    void hold_port(const Group& group, const track::ConnectionIdentity& who, MonoTime at,
                   Holding how, Weight weight);
    void release_port(const Group& group, const track::ConnectionIdentity& who, MonoTime at,
                      Weight weight);
    void time_wait_gauges(const Group& group, std::uint32_t netns, MonoTime at, Weight weight,
                          void (Gauge::*change)(MonoTime, std::uint64_t));

    MonoTime first_begin_;
    MonoTime begin_; ///< of the interval
    Lives* lives_;
    MonoTime live_at_{};
    tsl::robin_map<GroupKey, std::uint32_t, GroupHash> index_;
    std::deque<Group> groups_;
    std::vector<std::uint32_t>
        groups_by_slot_; ///< 0: not counted; kListener; else the group of the connection, plus 1
    struct {
        track::ConnectionId id = 0;
        std::uint32_t entry = 0; ///< as in groups_by_slot_
    } gone_;                     ///< the connection that had its last move last
    std::deque<ServiceRow> services_;
    std::deque<RemoteRow> remotes_;
    std::deque<PortRow> ports_;
    std::map<std::uint32_t, Gauge> time_waits_;
    tcp::ListenerIndex<Listener> listeners_; ///< no more than kMaxListeners
    std::map<ServiceKey, std::uint32_t> service_index_;
    std::map<std::pair<std::uint32_t, tcp::Endpoint>, std::uint32_t> remote_index_;
    std::map<std::tuple<std::uint32_t, tcp::IpAddress, tcp::Endpoint>, std::uint32_t> port_index_;
    /// Connections from one bound port (SO_REUSEADDR, SO_REUSEPORT), by the row and the port.
    std::map<std::pair<std::uint32_t, tcp::Port>, std::uint64_t> sharers_;
};

} // namespace tcpdwell::analysis
