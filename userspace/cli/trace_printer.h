// SPDX-License-Identifier: Apache-2.0
// What `trace` prints: transitions or connections as rows.
#pragma once

#include <map>
#include <memory>

#include "analysis/counter_growth.h"
#include "cli/rows.h"
#include "render/renderer.h"
#include "run/pipeline.h"

namespace tcpdwell::cli {

class TracePrinter final : public run::Consumer {
public:
    enum class What { transitions, connections };

    /// `context` and `out` must outlive the printer.
    /// `idle`: also connections that nothing happened to.
    TracePrinter(What what, bool idle, const run::Context& context, render::Output& out,
                 std::unique_ptr<render::Renderer> renderer);

    void begin(const run::Context& context) override;
    Result<bool> flush(const run::RunState& state) override;
    Result<void> finish() override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override;
    void on_stray_reset(const track::StrayResetLine& line) override;

    [[nodiscard]] std::uint64_t printed() const { return printed_; }

private:
    void print_counters();

    What what_;
    bool idle_;
    const run::Context& context_;
    render::Output& out_;
    std::unique_ptr<render::Renderer> renderer_;
    ConnectionCells cells_;
    analysis::CounterGrowth counters_;
    std::map<std::uint32_t, MonoTime> counted_until_; ///< by namespace
    std::uint64_t printed_ = 0;
};

} // namespace tcpdwell::cli
