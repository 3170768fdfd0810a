// SPDX-License-Identifier: Apache-2.0
// The section on RSTs that this host sent for segments that belong to no socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>

#include "analysis/analysis.h"

namespace tcpdwell::analysis {

/// Counted by peer and by the port of the service, which is the lower one of the two. Only where
/// there were any. Memory: at most kMostRows of them; those of other peers are one row.
class StrayResetAnalysis : public Analysis {
public:
    static constexpr std::size_t kMostRows = 1000;

    void on_stray_reset(const track::StrayResetLine& line, Weight weight);
    void add_to(report::Report& report, const ReportContext& moment) override;
    void next_interval(MonoTime) override;

private:
    struct Key {
        std::uint32_t netns;
        tcp::FourTuple tuple; ///< the port that isn't the service's is 0
        td_reset_reason reason;

        [[nodiscard]] auto order() const {
            return std::tie(netns, tuple.remote, tuple.local, reason);
        }
        bool operator<(const Key& other) const { return order() < other.order(); }
    };

    std::map<Key, std::uint64_t> counts_;
    std::uint64_t others_ = 0;   ///< of peers beyond kMostRows
    std::uint64_t left_out_ = 0; ///< of peers that aren't known
};

} // namespace tcpdwell::analysis
