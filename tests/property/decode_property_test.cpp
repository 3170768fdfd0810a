// SPDX-License-Identifier: Apache-2.0
// The decoder against random events and random bytes. (Reading out of bounds is for the sanitizers
// to see.)
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "../unit/track/outcome_collector.h"
#include "event/decode.h"
#include "random_event.h"
#include "random_run.h"

namespace tcpdwell::test {
namespace {

TEST(DecodeProperty, decoded_is_what_was_encoded) {
    for (const std::uint64_t seed : seeds(50'000)) {
        std::mt19937_64 random(seed);
        event::Decoder decoder;
        decoder.decode(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
        const event::Event event = random_event(random, synth::kTestClock);
        const auto record = encode(event, synth::kTestClock);
        ASSERT_EQ(record.size() % 8, 0u) << how_to_repeat(seed);
        const auto decoded = decoder.decode(record);
        ASSERT_TRUE(decoded && same(*decoded, event))
            << how_to_repeat(seed) << ", event kind " << event.index();
    }
}

/// The bytes in a block of their own, so that a sanitizer sees the first read beyond them.
std::optional<event::Event> decode_exactly(event::Decoder& decoder,
                                           const std::vector<std::byte>& bytes) {
    const auto block = std::make_unique<std::byte[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), block.get());
    return decoder.decode(std::span<const std::byte>(block.get(), bytes.size()));
}

TEST(DecodeProperty, any_bytes_are_an_event_or_counted) {
    for (const std::uint64_t seed : seeds(100'000)) {
        std::mt19937_64 random(seed);
        std::vector<std::byte> bytes(random() % 200);
        for (std::byte& b : bytes)
            b = static_cast<std::byte>(random() % 3 == 0 ? random() % 14 : random());
        if (bytes.size() >= sizeof(td_header) &&
            random() % 4 != 0) { // else hardly one would get past the header
            const auto size = static_cast<std::uint16_t>(bytes.size());
            std::memcpy(bytes.data() + offsetof(td_header, size), &size, sizeof(size));
            bytes[offsetof(td_header, kind)] = static_cast<std::byte>(random() % 14);
        }
        event::Decoder decoder;
        const bool is_event = decode_exactly(decoder, bytes).has_value();
        const event::DataQuality& quality = decoder.quality();
        ASSERT_EQ(quality.records, is_event ? 1u : 0u) << how_to_repeat(seed);
        ASSERT_EQ(quality.records + quality.unknown + quality.malformed, 1u) << how_to_repeat(seed);
    }
}

TEST(DecodeProperty, damaged_traffic_upsets_neither_decoder_nor_tracker) {
    for (const std::uint64_t seed : seeds(500)) {
        std::mt19937_64 random(seed);
        const synth::GeneratedConnection traffic = make_traffic(random_options(seed));
        OutcomeCollector collector;
        track::Tracker tracker(collector, {});
        event::Decoder decoder;
        decoder.decode(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
        for (const synth::WireRecord& record : traffic.records) {
            std::vector<std::byte> bytes = record.bytes;
            if (random() % 8 == 0)
                bytes[random() % bytes.size()] = static_cast<std::byte>(random());
            if (const auto event = decode_exactly(decoder, bytes)) tracker.on_event(*event);
        }
        tracker.finish(traffic.records.back().at);
        ASSERT_EQ(tracker.live(), 0u) << how_to_repeat(seed);
        ASSERT_GT(decoder.quality().records, 0u) << how_to_repeat(seed);
    }
}

/// Those that were given up for want of room haven't finished.
class FinishedCounter final : public OutcomeCollector {
public:
    void on_connection(const track::ConnectionLine& line) override {
        finished += line.evicted ? 0 : 1;
        OutcomeCollector::on_connection(line);
    }
    std::uint64_t finished = 0;
};

TEST(DecodeProperty, any_events_in_any_order_do_not_upset_the_tracker) {
    for (const std::uint64_t seed : seeds(2000)) {
        std::mt19937_64 random(seed);
        FinishedCounter collector;
        track::Tracker tracker(collector, {.max_connections = 1 + random() % 64});
        const std::size_t limit = 1 + random() % 300;
        for (std::size_t i = 0; i < limit; ++i) {
            tracker.on_event(random_event_among_few(random, synth::kTestClock));
        }
        tracker.finish(synth::kTestClock.mono);
        ASSERT_EQ(tracker.live(), 0u) << how_to_repeat(seed);
        ASSERT_EQ(collector.finished, tracker.totals().connections) << how_to_repeat(seed);
    }
}

} // namespace
} // namespace tcpdwell::test
