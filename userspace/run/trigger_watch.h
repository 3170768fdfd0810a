// SPDX-License-Identifier: Apache-2.0
// Watches what the tracker tells for the conditions of triggers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/report_maker.h"
#include "run/pipeline.h"
#include "run/selection.h"
#include "run/trigger.h"

namespace tcpdwell {

class TriggerWatch {
public:
    /// `context` must outlive this.
    TriggerWatch(std::vector<Trigger> triggers, Selection selection, const Context& context);

    void begin(MonoTime now);
    void on_transition(const TransitionLine& line);
    void on_restated(const RestatedLine& line);
    void on_connection(const ConnectionLine& line);
    void on_lost(const LostLine& line);

    /// The triggers whose conditions have become true since the last call: a condition that stays true tells once.
    std::vector<std::string> pulled(const RunState& state);

private:
    struct Watched {
        Trigger trigger;
        std::optional<SlidingCount> endings{}; ///< of a RateOfEnding
        bool is_true = false;
    };

    void move(std::optional<TcpState> from, std::optional<TcpState> to);
    void look_for_findings(const RunState& state);
    bool holds(Watched& watched, MonoTime now);

    std::vector<Watched> watched_;
    Selection selection_;
    const Context& context_;
    EnumArray<TcpState, std::uint64_t> in_state_;      ///< sockets
    EnumArray<TcpState, std::uint64_t> most_in_state_; ///< since the last look
    std::optional<ReportMaker> maker_;                 ///< if there is a trigger on a finding
    std::vector<std::string> findings_;
    MonoTime next_look_{};
};

} // namespace tcpdwell
