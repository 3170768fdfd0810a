// SPDX-License-Identifier: Apache-2.0
// Watches the lines of connections for the conditions of triggers.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "run/forwarding_consumer.h"
#include "run/trigger.h"
#include "run/window_reports.h"

namespace tcpdwell::run {

class TriggerWatch final : public ForwardingConsumer {
public:
    /// Called when a condition has become true, with the trigger's text: once, however long it
    /// stays true.
    using Pull = std::function<void(const std::string& trigger)>;

    /// `report`: what counts as a finding. `context` and `next` must outlive this.
    TriggerWatch(std::vector<Trigger> triggers, Pull pull, analysis::ReportOptions report,
                 const Context& context, Consumer& next);

    /// `next` has made a report of its own, which may cover more: its findings are conditions too.
    void on_report(const report::Report& report);
    /// Of the reports on findings, from those on that begin now.
    void set_report_options(analysis::ReportOptions report);

    void begin(const Context& context) override;
    /// Looks whether conditions have become true since the last call.
    Result<bool> flush(const RunState& state) override;
    void on_move(const track::StateMove& move) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    bool wants_look(MonoTime now) override;
    void on_counters(const track::CountersLine& line) override;
    void on_stray_reset(const track::StrayResetLine& line) override;

private:
    struct Watched {
        Trigger trigger;
        std::optional<SlidingCount> endings{}; ///< of a RateOfEnding
        bool is_true = false;
        bool is_in_report = false; ///< in that of on_report()
    };

    void look_for_findings(const RunState& state);
    bool holds(Watched& watched, MonoTime now);
    void pull_what_has_become_true(MonoTime now);

    std::vector<Watched> watched_;
    Pull pull_;
    const Context& context_;
    EnumArray<tcp::State, std::uint64_t> in_state_;      ///< sockets
    EnumArray<tcp::State, std::uint64_t> most_in_state_; ///< since the last look
    analysis::ReportOptions report_options_;
    std::optional<WindowReports> reports_; ///< if there is a trigger on a finding
    std::vector<std::string> findings_;    ///< of the last look
    std::vector<std::string> in_report_;   ///< of the last on_report()
    MonoTime next_look_{};
    bool is_look_asked_ = false;
};

} // namespace tcpdwell::run
