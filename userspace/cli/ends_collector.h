// SPDX-License-Identifier: Apache-2.0
// Placed before a host's report, it records the connections for the report on both ends of them.
#pragma once

#include "analysis/end_summaries.h"
#include "run/selection.h"

namespace tcpdwell::cli {

/// Placed before the selection: ends are kept regardless of the user's filter, since only one of
/// the two may pass it.
class EndsCollector final : public run::ForwardingConsumer {
public:
    /// What is referred to outlives this. `sample`: of what is in the samples of all hosts; of what
    /// isn't, the other end may be missing for that alone.
    EndsCollector(analysis::EndSummaries& ends, const run::Context& context,
                  run::Selection& selection, std::uint64_t sample)
        : run::ForwardingConsumer(selection.entrance()), ends_(ends), context_(context),
          selection_(selection), sample_(sample) {}

    void begin(const run::Context& context) override {
        begin_ = context.clock().mono;
        next().begin(context);
    }
    void settled(const run::RunState& state) override {
        ends_.set_span(context_.clock().to_wall(begin_), context_.clock().to_wall(state.now));
        next().settled(state);
    }
    void on_connection(const track::ConnectionLine& line) override {
        if (!line.evicted && event::is_in_sample(line.who->tuple, sample_) &&
            selection_.is_recorded(*line.who))
            ends_.add(line, context_.clock(), selection_.selects(*line.who));
        next().on_connection(line);
    }

private:
    analysis::EndSummaries& ends_;
    const run::Context& context_;
    const run::Selection& selection_;
    std::uint64_t sample_;
    MonoTime begin_{};
};

} // namespace tcpdwell::cli
