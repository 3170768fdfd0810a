// SPDX-License-Identifier: Apache-2.0
// The section on what the kernel counted itself in the time of a report.
#pragma once

#include "analysis/analysis.h"
#include "analysis/counter_growth.h"

namespace tcpdwell::analysis {

/// Only where there are readings: recordings of before have none.
class CounterAnalysis : public Analysis {
public:
    void on_counters(const track::CountersLine& line) {
        growth_.on_counters(line);
        has_readings_ = true;
    }
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime) override { growth_.begin_anew(); }

    [[nodiscard]] const CounterGrowth& growth() const { return growth_; }

private:
    CounterGrowth growth_;
    bool has_readings_ = false;
};

} // namespace tcpdwell::analysis
