// SPDX-License-Identifier: Apache-2.0
// What is counted for each service that has a label of its own in the metrics. However many
// services come and go, memory is constant.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <tsl/robin_map.h>
#include <vector>

#include "analysis/analysis.h"
#include "base/time.h"
#include "tcp/close.h"
#include "tcp/state.h"
#include "track/connection.h"

namespace tcpdwell::analysis {

/// Upper bounds of the buckets, in seconds; those around 60 are for TIME_WAIT.
inline constexpr std::array<double, 21> kMetricBounds{1e-5, 1e-4, 0.001, 0.005, 0.01, 0.05, 0.1,
                                                      0.5,  1,    5,     10,    30,   59,   60,
                                                      61,   62,   65,    120,   300,  900,  3600};

/// Durations in the buckets of the metrics. The sum is exact for 500 years of summed seconds of
/// each of a thousand million connections.
class BucketHistogram {
public:
    /// So many of one duration, event::kMostWeight at most; negative ones count as 0.
    void record(Nanoseconds duration, std::uint64_t times = 1);
    void add(const BucketHistogram& other);
    [[nodiscard]] const auto& counts() const { return counts_; }
    [[nodiscard]] double sum_seconds() const {
        return static_cast<double>(seconds_) + static_cast<double>(rest_ns_) * 1e-9;
    }
    [[nodiscard]] bool is_empty() const;

private:
    std::array<std::uint64_t, kMetricBounds.size() + 1> counts_{};
    std::uint64_t seconds_ = 0;
    std::uint64_t rest_ns_ = 0; ///< less than a second
};

/// Sockets in a state, and their time in it summed up.
class HeldTime {
public:
    void enter(MonoTime at, std::uint64_t count = 1) {
        change(at, static_cast<std::int64_t>(count));
    }
    void leave(MonoTime at, std::uint64_t count = 1) {
        change(at, -static_cast<std::int64_t>(count));
    }
    void add(const HeldTime& other);
    /// Up to `now`. Never less than what was returned before, although an event may be known only
    /// after a later moment was asked for.
    [[nodiscard]] double seconds(MonoTime now);

private:
    __extension__ using Wide = __int128; // a year of a million sockets is over 2^64 ns

    void change(MonoTime at, std::int64_t by) {
        sockets_ += by;
        area_ -= Wide{by} * at.time_since_epoch().count();
    }

    std::int64_t sockets_ = 0;
    Wide area_ = 0; ///< ns: sum of times of leaving minus sum of times of entering
    double shown_ = 0;
};

/// States whose sockets cost memory or ports without being used.
inline constexpr std::array kHeldStates{tcp::State::TIME_WAIT, tcp::State::CLOSE_WAIT,
                                        tcp::State::FIN_WAIT2};

struct ServiceCounters {
    EnumArray<tcp::Role, std::uint64_t> opened;
    EnumArray<tcp::Role, EnumArray<tcp::ClosedFirst, EnumArray<tcp::Ending, std::uint64_t>>> ended;
    BucketHistogram accept_delay;
    std::array<HeldTime, kHeldStates.size()> held;
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_received = 0;
    std::uint64_t segments_retransmitted = 0;
    std::uint64_t listen_overflows = 0;

    void add(const ServiceCounters& other);
};

/// The first kMost services that come each have a row, everything else has the one called "other".
/// A row that is needed for a new service is taken from the one that has been idle for the longest,
/// if that has no socket and nothing has happened to it for kIdle: its counters are added to those
/// of "other".
class MetricServices {
public:
    static constexpr std::uint32_t kOther = 0;
    static constexpr Nanoseconds kIdle = std::chrono::hours(1);

    struct Row {
        std::string label;          ///< "nginx:80" of a listener, "curl" of a program that connects
        std::string container = {}; ///< as views show it; "": not known, or not distinguished
        ServiceCounters counters{};
        std::uint64_t sockets = 0; ///< counted in it now
        MonoTime used{};
        bool is_used = false; ///< else it has never counted anything
    };

    /// `most`: rows besides "other". With `container`, the same service in two containers is two.
    explicit MetricServices(std::size_t most, NameOfCgroup container = {});

    /// The row of the service that a connection or listener belongs to, by what is known of it now:
    /// valid until the next call, and for as long as a socket is counted in it.
    std::uint32_t row_of(const track::ConnectionIdentity& who, MonoTime at);

    [[nodiscard]] Row& operator[](std::uint32_t row) { return rows_[row]; }
    [[nodiscard]] std::vector<Row>& rows() { return rows_; }
    [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
    [[nodiscard]] std::uint64_t folded() const { return folded_; } ///< rows that were taken away

private:
    /// Enough to tell rows apart without making their labels.
    struct Key {
        std::array<char, TD_COMM_LEN> comm{};
        tcp::Port port = 0;    ///< of a listener; 0: it connects
        std::string container; ///< not yet printable
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const;
    };

    std::uint32_t admit(const Key& key, MonoTime at);
    std::uint32_t fold_idle(MonoTime now);

    std::size_t most_;
    NameOfCgroup container_;
    std::vector<Row> rows_;
    std::vector<Key> keys_;                             ///< parallel to rows_
    tsl::robin_map<Key, std::uint32_t, KeyHash> index_; ///< of rows with a key
    std::uint64_t folded_ = 0;
    MonoTime next_fold_{};
};

/// As the label `service` has it.
std::string service_text(const track::ConnectionIdentity& who);

} // namespace tcpdwell::analysis
