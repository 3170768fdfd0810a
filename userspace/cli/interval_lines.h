// SPDX-License-Identifier: Apache-2.0
// `report -i` as a line for each interval, like vmstat(8).
#pragma once

#include <optional>
#include <set>
#include <string>

#include "analysis/pulse.h"
#include "render/renderer.h"
#include "report/report.h"
#include "run/forwarding_consumer.h"

namespace tcpdwell::cli {

/// Counts what passes, for the lines. The consumer behind it makes the reports that the findings
/// come from, and hands each of them to print().
class IntervalLines final : public run::ForwardingConsumer {
public:
    /// `screenful`: lines between two headings, at least 1. `renderer` writes to the caller's
    /// output; `next` and `context` must outlive this.
    /// `sample`: one connection in so many is there.
    IntervalLines(run::Consumer& next, const run::Context& context, std::uint64_t sample,
                  std::size_t screenful, std::unique_ptr<render::Renderer> renderer);

    void begin(const run::Context& context) override;
    Result<bool> flush(const run::RunState& state) override;
    void settled(const run::RunState& state) override;
    void on_move(const track::StateMove& move) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_counters(const track::CountersLine& line) override;

    /// The line of the interval that `report` is of.
    void print(const report::Report& report);

private:
    /// Ids of findings that the last interval didn't have: "a,b".
    std::string new_findings(const report::Report& report);

    const run::Context& context_;
    std::uint64_t sample_;
    std::size_t screenful_;
    std::unique_ptr<render::Renderer> renderer_;
    std::optional<analysis::Pulse> pulse_;
    analysis::PulseStep before_; ///< as of the last line
    MonoTime now_{};
    bool is_settled_ = false;
    bool has_reading_ = false;     ///< of the counters, since the last line
    std::set<std::uint32_t> read_; ///< namespaces whose counters have been read
    std::size_t lines_ = 0;
    std::set<std::string, std::less<>> findings_;
};

} // namespace tcpdwell::cli
