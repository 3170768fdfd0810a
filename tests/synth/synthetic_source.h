// SPDX-License-Identifier: Apache-2.0
// A source of generated records: the third tap beside the live kernel and recordings.
#pragma once

#include <cstddef>

#include "event/source.h"
#include "synth/generated_connection.h"

namespace tcpdwell::synth {

/// Hands out the td_clock of kTestClock, then the records of a story as fast as they are asked for.
class SyntheticSource : public event::EventSource {
public:
    explicit SyntheticSource(std::vector<WireRecord> records) : records_(std::move(records)) {}

    Result<Status> poll(const event::RecordSink& sink) override;
    /// Nothing was there before.
    [[nodiscard]] bool ready() const override { return true; }
    /// The time of the last record handed over.
    [[nodiscard]] MonoTime now() const override { return now_; }
    /// What hasn't been handed over has not happened: nothing is left.
    void stop() override { next_ = records_.size(); }

private:
    std::vector<WireRecord> records_;
    std::size_t next_ = 0;
    bool clock_sent_ = false;
    MonoTime now_ = MonoTime::min();
};

} // namespace tcpdwell::synth
