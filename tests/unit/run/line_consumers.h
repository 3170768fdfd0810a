// SPDX-License-Identifier: Apache-2.0
// Consumers for tests of what stands before one.
#pragma once

#include "run/pipeline.h"

namespace tcpdwell::test {

/// Passes lines on to a listener that knows nothing of a run.
class LinesTo final : public run::Consumer {
public:
    /// `listener` must outlive this.
    explicit LinesTo(track::TrackerListener& listener) : listener_(listener) {}

    void begin(const run::Context&) override {}
    Result<bool> flush(const run::RunState&) override { return true; }
    Result<void> finish() override { return {}; }
    void on_move(const track::StateMove& move) override { listener_.on_move(move); }
    void on_transition(const track::TransitionLine& line) override {
        listener_.on_transition(line);
    }
    void on_connection(const track::ConnectionLine& line) override {
        listener_.on_connection(line);
    }
    void on_lost(const track::LostLine& line) override { listener_.on_lost(line); }

private:
    track::TrackerListener& listener_;
};

} // namespace tcpdwell::test
