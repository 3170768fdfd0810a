// SPDX-License-Identifier: Apache-2.0
// Base of consumers placed before another one: by default it passes everything on.
#pragma once

#include "run/pipeline.h"

namespace tcpdwell::run {

class ForwardingConsumer : public Consumer {
public:
    /// `next` must outlive this.
    explicit ForwardingConsumer(Consumer& next) : next_(next) {}

    void begin(const Context& context) override { next_.begin(context); }
    Result<bool> flush(const RunState& state) override { return next_.flush(state); }
    void settled(const RunState& state) override { next_.settled(state); }
    bool wants_look(MonoTime now) override { return next_.wants_look(now); }
    Result<void> finish() override { return next_.finish(); }
    void on_move(const track::StateMove& move) override { next_.on_move(move); }
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override {
        next_.on_learnt(who, state, at);
    }
    void on_transition(const track::TransitionLine& line) override { next_.on_transition(line); }
    void on_connection(const track::ConnectionLine& line) override { next_.on_connection(line); }
    void on_lost(const track::LostLine& line) override { next_.on_lost(line); }
    void on_counters(const track::CountersLine& line) override { next_.on_counters(line); }
    void on_stray_reset(const track::StrayResetLine& line) override { next_.on_stray_reset(line); }

protected:
    [[nodiscard]] Consumer& next() { return next_; }

private:
    Consumer& next_;
};

} // namespace tcpdwell::run
