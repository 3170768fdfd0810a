// SPDX-License-Identifier: Apache-2.0
// What `top` does with a run: it collects, looks at the keys, and draws.
#pragma once

#include <chrono>
#include <optional>

#include "run/pipe.h"
#include "screen/collector.h"
#include "screen/player.h"
#include "screen/terminal.h"

namespace tcpdwell::screen {

struct TopOptions {
    analysis::ReportOptions report;
    Nanoseconds interval{};      ///< between two refreshes; longer where they would cost too much
    SourceState source;          ///< what of it doesn't change
    std::optional<MonoTime> end; ///< of the recording; nullopt: not known
};

/// Lasts until the user has had enough, or wants to see what has been before: then another run from
/// the beginning of the recording has to be made, to rewind_to().
class TopView final : public run::Consumer {
public:
    /// `player` is nullptr if the running kernel is watched. All that is referred to outlives this.
    TopView(TopOptions options, const run::Context& context, Terminal& terminal, Player* player,
            ViewState& view);

    void begin(const run::Context& context) override;
    Result<bool> flush(const run::RunState& reached) override;
    Result<void> finish() override { return {}; }
    void settled(const run::RunState&) override { collector_.reset(); }
    bool wants_look(MonoTime now) override;
    void on_move(const track::StateMove& move) override;
    void on_transition(const track::TransitionLine& line) override;
    void on_connection(const track::ConnectionLine& line) override;
    void on_lost(const track::LostLine& line) override;
    void on_counters(const track::CountersLine& line) override;
    void on_stray_reset(const track::StrayResetLine& line) override;

    /// Where in the recording the user wants to be; nullopt: nowhere any more.
    [[nodiscard]] std::optional<MonoTime> rewind_to() const { return rewind_to_; }

private:
    using SteadyTime = std::chrono::steady_clock::time_point;

    [[nodiscard]] bool moves() const; ///< whether time goes on
    void take_keys(MonoTime now);
    void obey(const KeyRequest& request, MonoTime now);
    void seek(Nanoseconds by, MonoTime now);
    void refresh(const run::RunState& state);
    void draw(MonoTime now);
    void set_source(MonoTime now);

    TopOptions options_;
    const run::Context& context_;
    Terminal& terminal_;
    Player* player_;
    ViewState& view_;
    std::optional<Collector> collector_;
    MonoTime begin_{}; ///< of what is watched
    std::optional<ScreenData> data_;
    ViewExtent extent_;
    SteadyTime next_refresh_{};
    SteadyTime next_keys_{};
    bool was_moving_ = true; ///< time, when it was last looked at
    bool is_stale_ = false;  ///< what is on the screen
    bool is_over_ = false;
    std::optional<MonoTime> last_look_;
    std::optional<MonoTime> rewind_to_;
};

} // namespace tcpdwell::screen
