// SPDX-License-Identifier: Apache-2.0
// Stands before a host's report and notes its connections, for the report on both ends of them.
#pragma once

#include "analysis/end_summaries.h"
#include "run/pipeline.h"
#include "run/selection.h"

namespace tcpdwell {

/// Hands everything on to `next`. Ends are kept whatever the filter says: only one of the two may pass it.
class EndsCollector final : public Consumer {
public:
    /// What is referred to outlives this.
    EndsCollector(EndSummaries& ends, Selection selection, const Context& context, Consumer& next)
        : ends_(ends), selection_(std::move(selection)), context_(context), next_(next) {}

    void begin(const Context& context) override {
        begin_ = context.clock().mono;
        next_.begin(context);
    }
    Result<bool> flush(const RunState& state) override { return next_.flush(state); }
    void settled(const RunState& state) override {
        ends_.set_span(context_.clock().to_wall(begin_), context_.clock().to_wall(state.now));
        next_.settled(state);
    }
    Result<void> finish() override { return next_.finish(); }
    void on_transition(const TransitionLine& line) override { next_.on_transition(line); }
    void on_restated(const RestatedLine& line) override { next_.on_restated(line); }
    void on_connection(const ConnectionLine& line) override {
        ends_.add(line, context_.clock(), selection_.wants(*line.who));
        next_.on_connection(line);
    }
    void on_lost(const LostLine& line) override { next_.on_lost(line); }

private:
    EndSummaries& ends_;
    Selection selection_;
    const Context& context_;
    Consumer& next_;
    MonoTime begin_{};
};

} // namespace tcpdwell
