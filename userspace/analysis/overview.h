// SPDX-License-Identifier: Apache-2.0
// Scope of a report, and quality of its data.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

#include "analysis/analysis.h"
#include "analysis/dwell.h"
#include "analysis/thresholds.h"
#include "event/decode.h"

namespace tcpdwell::analysis {

/// Description of the run.
struct RunDescription {
    std::string source; ///< "live", or the recordings' names
    std::string filter; ///< as given by the user; "": none
    bool interval = false;
    /// One connection in so many was selected, by the user's filter or that of the recording.
    std::uint64_t sample = 1;
};

class Overview : public Analysis {
public:
    Overview(RunDescription run, const Thresholds& thresholds, const Dwell& dwell)
        : run_(std::move(run)), thresholds_(thresholds), dwell_(dwell) {}

    void on_connection(const track::ConnectionLine& line, Weight weight) override;
    void on_lost(const track::LostLine& line);
    void begin_live(MonoTime) override;
    void on_live(const track::LiveSocket& socket, Weight weight) override;
    /// Adds `meta` and `quality`.
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime) override;

    /// Of the whole run so far.
    void set_totals(const track::TrackerTotals& totals, const event::DataQuality& quality) {
        totals_ = totals;
        quality_ = quality;
    }
    /// Not everything is selected.
    [[nodiscard]] bool is_filtered() const { return !run_.filter.empty(); }
    /// Connects are left out by their addresses: another address of the same try may have answered
    /// (RFC 8305).
    [[nodiscard]] bool may_hide_addresses() const;
    /// Of each network namespace that is selected, everything is.
    [[nodiscard]] bool has_whole_namespaces() const { return is_filtered_by({"--netns"}); }
    /// Of each network namespace that is selected, all listeners are.
    [[nodiscard]] bool has_all_listeners() const { return is_filtered_by({"--netns", "--sample"}); }
    /// In addition nothing is known to be missing.
    [[nodiscard]] bool is_complete() const {
        return has_whole_namespaces() && !is_sampled() && lost_ == 0 && holes_ == 0 &&
               unseen() == 0 && totals_.evicted == 0;
    }
    /// One connection in so many.
    [[nodiscard]] std::uint64_t sample() const { return run_.sample; }
    [[nodiscard]] bool is_sampled() const { return run_.sample > 1; }
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    [[nodiscard]] std::uint64_t holes() const {
        return holes_;
    } ///< where a recording lacks what happened
    /// Events that must have been, where no loss was counted: at least so many.
    [[nodiscard]] std::uint64_t unseen() const { return totals_.unseen - unseen_before_; }
    [[nodiscard]] std::uint64_t connections() const;
    [[nodiscard]] std::uint64_t connections(tcp::Seen how) const {
        return ended_[how] + open_[how];
    }

private:
    /// By nothing but these, each of which has a value.
    [[nodiscard]] bool is_filtered_by(std::initializer_list<std::string_view> options) const;
    report::Facts meta(report::Report& report, const ReportContext& moment) const;
    report::Facts quality() const;

    RunDescription run_;
    const Thresholds& thresholds_;
    const Dwell& dwell_;
    track::TrackerTotals totals_;
    event::DataQuality quality_;
    std::uint64_t lost_ = 0;
    std::uint64_t holes_ = 0;
    std::uint64_t unseen_before_ = 0; ///< the present interval
    EnumArray<tcp::Seen, std::uint64_t> ended_;
    EnumArray<tcp::Seen, std::uint64_t> open_;
    std::uint64_t in_time_wait_ = 0; ///< of these
    std::set<std::uint32_t> namespaces_;
};

} // namespace tcpdwell::analysis
