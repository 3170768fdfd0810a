// SPDX-License-Identifier: Apache-2.0
// Batches of records, so that the consumer gets to advance its time in between.
#include "synth/synthetic_source.h"

#include <algorithm>

#include "event/encode.h"
#include "synth/setting.h"

namespace tcpdwell::synth {
namespace {

constexpr std::size_t kBatch = 256;

} // namespace

Result<event::EventSource::Status> SyntheticSource::poll(const event::RecordSink& sink) {
    if (!clock_sent_) {
        sink(encode(event::ClockReading{kTestClock}, kTestClock));
        clock_sent_ = true;
        now_ = kTestClock.mono;
    }
    const std::size_t end = std::min(next_ + kBatch, records_.size());
    for (; next_ < end; ++next_) {
        sink(records_[next_].bytes);
        now_ = records_[next_].at;
    }
    return next_ < records_.size() ? Status::more : Status::finished;
}

} // namespace tcpdwell::synth
