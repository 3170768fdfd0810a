// SPDX-License-Identifier: Apache-2.0
// How many sockets were in each state over time.
#pragma once

#include <vector>

#include "analysis/analysis.h"

namespace tcpdwell::analysis {

/// Takes a sample at equal steps of event time. When there are kMaxSamples, every other one is
/// dropped and the step doubled, so memory is bounded however long it runs.
class TimelineAnalysis : public Analysis {
public:
    static constexpr std::size_t kMaxSamples = 600;
    static constexpr Nanoseconds kFirstStep = std::chrono::milliseconds(100);

    explicit TimelineAnalysis(MonoTime begin) : begin_(begin) {}

    void on_move(const track::StateMove& move, Weight weight) override;
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime now) override;

private:
    using Counts = EnumArray<tcp::State, std::uint64_t>;

    void sample_until(MonoTime now);

    MonoTime begin_;
    MonoTime next_ = begin_; ///< when the next sample is due
    Nanoseconds step_ = kFirstStep;
    Counts counts_;
    std::vector<Counts> samples_;
};

} // namespace tcpdwell::analysis
