// SPDX-License-Identifier: Apache-2.0
// The metrics: counters that never go backwards, and what is there now, by services of which there
// is a limited number.
#pragma once

#include <array>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/flows.h"
#include "analysis/kernel_counters.h"
#include "analysis/metric_services.h"
#include "report/metrics.h"
#include "track/tracker.h"

namespace tcpdwell::analysis {

/// What a family of metrics is, whatever has been counted.
struct MetricDescription {
    std::string_view name;
    std::string_view help; ///< a sentence or two, in one line
    report::MetricType type;
    std::array<std::string_view, 4> labels; ///< "": no more
};
/// All that Metrics::families() has.
std::span<const MetricDescription> metric_descriptions();

/// Rows that were made for a database, and what became of them.
struct ExportedRows {
    std::uint64_t sent = 0;
    std::uint64_t rejected = 0; ///< by the server
    std::uint64_t dropped = 0;  ///< as there was no room for them while they waited
};

struct MetricsOptions {
    std::size_t max_services = 50; ///< with labels of their own
    /// Other listeners may have been hidden, so none is known to be the only one.
    bool is_filtered = false;
    /// With it, what has the label service also has container, pod and namespace.
    NameOfCgroup container = {};
    std::uint64_t sample = 1; ///< one connection in so many is traced
};

/// Counts from its making on. Takes the tracker's lines, and what reports look at (ReportMaker).
/// Memory: some 6 KB for each service, two bytes for each connection that the tracker holds, and
/// the kernel's counters of CounterGrowth::kMostCounters.
class Metrics final : public track::TrackerListener {
public:
    explicit Metrics(const MetricsOptions& options)
        : options_(options), services_(options.max_services, options.container) {}

    void on_move(const track::StateMove& move) override;
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override { counters_.on_counters(line); }

    /// A report is due: what is there now is shown, one by one, then what the report found.
    void begin_live();
    void on_live(const track::LiveSocket& socket);
    void on_report(const report::Findings& findings, const Flows& flows,
                   const ReportContext& context);

    /// All families of the interface. What only a look at all sockets shows is as the last report
    /// saw it. `evicted`: connections that the tracker gave up.
    [[nodiscard]] std::vector<report::MetricFamily> families(MonoTime now, std::uint64_t evicted);

    /// For families() from now on.
    void set_exported(const ExportedRows& rows) { exported_ = rows; }

    [[nodiscard]] const MetricServices& services() const { return services_; }

private:
    [[nodiscard]] Weight weight_of(const track::ConnectionIdentity& who) const {
        return event::weight_in_sample(who.tuple, options_.sample);
    }
    [[nodiscard]] std::uint16_t& entry_of(const track::ConnectionIdentity& who);
    void regroup(const track::ConnectionIdentity& who, std::uint16_t& entry, MonoTime at);
    void note_overflows();
    /// The labels of a service, and any further ones behind them.
    [[nodiscard]] std::vector<report::MetricLabel>
    labels_of(const std::string& service, const std::string& container,
              std::initializer_list<report::MetricLabel> more = {}) const;
    [[nodiscard]] std::vector<report::MetricLabel>
    labels_of(const MetricServices::Row& row,
              std::initializer_list<report::MetricLabel> more = {}) const {
        return labels_of(row.label, row.container, more);
    }

    void add_states(std::vector<report::MetricFamily>& all) const;
    void add_held(std::vector<report::MetricFamily>& all, MonoTime now);
    void add_connections(std::vector<report::MetricFamily>& all) const;
    void add_traffic(std::vector<report::MetricFamily>& all) const;
    void add_gauges(std::vector<report::MetricFamily>& all, MonoTime now) const;
    void add_own(std::vector<report::MetricFamily>& all, std::uint64_t evicted) const;

    MetricsOptions options_;
    MetricServices services_;
    std::vector<std::uint16_t> rows_by_slot_; ///< 0: not counted; else the row, plus 1
    MonoTime last_move_{};
    EnumArray<tcp::State, std::uint64_t> sockets_;
    EnumArray<tcp::State, BucketHistogram> dwell_;
    BucketHistogram client_handshake_;
    BucketHistogram server_handshake_;
    EnumArray<tcp::TimeWaitEnd, std::uint64_t> time_waits_ended_;
    std::array<std::uint64_t, TD_PROBE_COUNT> lost_{};
    CounterAnalysis counters_;
    ExportedRows exported_;
    std::uint64_t unnamed_overflows_ = 0;
    // As the last report saw it.
    std::map<std::string_view, report::Severity> findings_; ///< the worst of each kind
    std::map<std::pair<std::string, std::string>, MonoTime>
        oldest_close_wait_; ///< since when, by label and container of a service
    double ports_used_ = 0;
    std::optional<std::uint64_t> time_wait_limit_;
    std::string version_;
    std::string probes_;
};

} // namespace tcpdwell::analysis
