// SPDX-License-Identifier: Apache-2.0
// What `trace` prints: transitions or connections as rows.
#pragma once

#include <limits>
#include <map>
#include <memory>

#include "analysis/counter_growth.h"
#include "cli/line_order.h"
#include "render/renderer.h"
#include "run/pipeline.h"
#include "run/rows.h"

namespace tcpdwell::cli {

class TracePrinter final : public run::Consumer {
public:
    enum class What { transitions, connections };
    struct Options {
        What what = What::transitions;
        bool idle = false; ///< also connections that nothing happened to
        std::uint64_t most = std::numeric_limits<std::uint64_t>::max(); ///< lines
    };

    /// `renderer` writes to `rendered`; what is printed comes to `out`, in order of time. All but
    /// the renderer must outlive the printer.
    TracePrinter(Options options, const run::Context& context, render::Output& rendered,
                 std::unique_ptr<render::Renderer> renderer, render::Output& out);

    void begin(const run::Context& context) override;
    Result<bool> flush(const run::RunState& state) override;
    void settled(const run::RunState& state) override;
    Result<void> finish() override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override;
    void on_stray_reset(const track::StrayResetLine& line) override;

    [[nodiscard]] std::uint64_t printed() const { return printed_; }

private:
    void print_counters();
    /// What has been rendered since the last call becomes a line of that time.
    void take_line(MonoTime at, bool counts);
    /// The same without waiting.
    void pass_on();
    [[nodiscard]] run::CgroupCells cgroup_of(const track::ConnectionIdentity& who) const;
    bool print(const PrintedLine& line);

    Options options_;
    const run::Context& context_;
    render::Output& rendered_;
    std::unique_ptr<render::Renderer> renderer_;
    render::Output& out_;
    LineOrder order_;
    bool is_settled_ = false; ///< no more lines of before are to come
    run::ConnectionCells cells_;
    analysis::CounterGrowth counters_;
    std::map<std::uint32_t, MonoTime> counted_until_; ///< by namespace
    std::uint64_t printed_ = 0;
};

} // namespace tcpdwell::cli
