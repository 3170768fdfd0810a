// SPDX-License-Identifier: Apache-2.0
// Hands the tracker's lines to the metrics too, as long as tracing goes on.
#pragma once

#include <vector>

#include "analysis/metrics.h"
#include "run/forwarding_consumer.h"

namespace tcpdwell::run {

/// What the tracker hands out as open at the end isn't counted: no end of it was seen.
class MetricsFeed final : public ForwardingConsumer {
public:
    /// Both must outlive this.
    MetricsFeed(analysis::Metrics& metrics, Consumer& next)
        : ForwardingConsumer(next), metrics_(metrics) {}

    void settled(const RunState& state) override {
        is_over_ = true;
        next().settled(state);
        final_ = metrics_.families(state.now, state.tracker.totals().evicted);
    }
    /// As they were when tracing ended; empty before.
    [[nodiscard]] const std::vector<report::MetricFamily>& final_families() const { return final_; }

    void on_move(const track::StateMove& move) override {
        if (!is_over_) metrics_.on_move(move);
        next().on_move(move);
    }
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override {
        if (!is_over_) metrics_.on_learnt(who, state, at);
        next().on_learnt(who, state, at);
    }
    void on_transition(const track::TransitionLine& line) override {
        if (!is_over_) metrics_.on_transition(line);
        next().on_transition(line);
    }
    void on_connection(const track::ConnectionLine& line) override {
        if (!is_over_) metrics_.on_connection(line);
        next().on_connection(line);
    }
    void on_lost(const track::LostLine& line) override {
        metrics_.on_lost(line);
        next().on_lost(line);
    }
    void on_counters(const track::CountersLine& line) override {
        metrics_.on_counters(line);
        next().on_counters(line);
    }

private:
    analysis::Metrics& metrics_;
    bool is_over_ = false;
    std::vector<report::MetricFamily> final_;
};

} // namespace tcpdwell::run
