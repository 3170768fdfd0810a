// SPDX-License-Identifier: Apache-2.0
// Consumers for tests of what stands before one.
#pragma once

#include "run/pipeline.h"

namespace tcpdwell {

/// Passes lines on to a listener that knows nothing of a run.
class LinesTo final : public Consumer {
public:
    /// `listener` must outlive this.
    explicit LinesTo(TrackerListener& listener) : listener_(listener) {}

    void begin(const Context&) override {}
    Result<bool> flush(const RunState&) override { return true; }
    Result<void> finish() override { return {}; }
    void on_move(const StateMove& move) override { listener_.on_move(move); }
    void on_transition(const TransitionLine& line) override { listener_.on_transition(line); }
    void on_connection(const ConnectionLine& line) override { listener_.on_connection(line); }
    void on_lost(const LostLine& line) override { listener_.on_lost(line); }

private:
    TrackerListener& listener_;
};

} // namespace tcpdwell
