// SPDX-License-Identifier: Apache-2.0
// Records through decoder, tracker and report maker: what `report` does, without a source, a filter
// or a clock. Also used by the golden files.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "analysis/report_maker.h"
#include "event/decode.h"
#include "event/encode.h"
#include "synth/generated_connection.h"
#include "synth/setting.h"
#include "track/tracker.h"

namespace tcpdwell::test {

/// With thresholds of one, nearly every rule finds something.
inline void set_count_thresholds_to_one(analysis::Thresholds& thresholds) {
    for (const analysis::ThresholdRow& row : analysis::Thresholds::rows())
        if (row.unit == analysis::ThresholdRow::Unit::count)
            static_cast<void>(thresholds.set(std::string(row.name) + "=1"));
}

/// Time goes on in small steps between the records, as it does between the batches of a source.
class TrackedReport : public track::TrackerListener {
public:
    explicit TrackedReport(analysis::ReportOptions options = {})
        : maker(std::move(options), synth::kTestClock.mono),
          tracker(*this, track::TrackerOptions{}) {
        feed(event::ClockReading{synth::kTestClock}, synth::kTestClock.mono);
    }

    void feed(const synth::WireRecord& record) {
        pass_time(record.at);
        now_ = std::max(now_, record.at);
        const auto event = decoder_.decode(record.bytes);
        if (!event) return;
        if (const auto* fact = std::get_if<event::Fact>(&*event)) host.on_fact(*fact);
        if (const auto* path = std::get_if<event::CgroupPath>(&*event))
            cgroups[path->id] = path->path;
        if (const auto* container = std::get_if<event::ContainerName>(&*event))
            containers[container->cgroup] = container->text;
        tracker.on_event(*event);
    }
    void feed(const event::Event& event, MonoTime at) {
        feed({at, encode(event, synth::kTestClock)});
    }
    void feed(std::span<const synth::WireRecord> records) {
        for (const synth::WireRecord& record : records) feed(record);
    }
    void fact(std::uint32_t netns, const std::string& key, const std::string& value) {
        feed(event::Fact{netns, key, value}, now_);
    }
    void pass_time(MonoTime until) {
        using namespace std::chrono_literals;
        for (MonoTime t = now_ + 5ms; t < until && t < now_ + 100ms; t += 5ms)
            tracker.advance_to(t);
        if (until > now_ + 100ms) tracker.advance_to(until - 1ns);
        now_ = std::max(now_, until);
    }

    /// The last one: nothing more will come. What the tracker says after it is of no interest.
    report::Report report() {
        tracker.settle(now_);
        return make();
    }
    /// On the time since the last one; others follow.
    report::Report interval() {
        tracker.advance_to(now_);
        report::Report report = make();
        maker.next_interval(now_);
        return report;
    }

    void on_move(const track::StateMove& move) override { front->on_move(move); }
    void on_learnt(const track::ConnectionIdentity& who, tcp::State state, MonoTime at) override {
        front->on_learnt(who, state, at);
    }
    void on_transition(const track::TransitionLine& line) override { front->on_transition(line); }
    void on_connection(const track::ConnectionLine& line) override { front->on_connection(line); }
    void on_lost(const track::LostLine& line) override { front->on_lost(line); }
    void on_counters(const track::CountersLine& line) override { front->on_counters(line); }
    void on_stray_reset(const track::StrayResetLine& line) override { front->on_stray_reset(line); }

    [[nodiscard]] MonoTime now() const { return now_; }

    analysis::ReportMaker maker;
    track::Tracker tracker;
    analysis::HostFacts host;
    std::map<std::uint64_t, std::string> cgroups;
    std::map<std::uint64_t, std::string> containers;
    track::TrackerListener* front = &maker; ///< where the tracker's lines go first

private:
    static std::optional<std::string_view>
    text_of(const std::map<std::uint64_t, std::string>& texts, std::uint64_t id) {
        const auto it = texts.find(id);
        if (it == texts.end()) return std::nullopt;
        return it->second;
    }
    report::Report make() {
        return maker.make(tracker, decoder_.quality(), host, synth::kTestClock,
                          {[this](std::uint64_t id) { return text_of(cgroups, id); },
                           [this](std::uint64_t id) { return text_of(containers, id); }},
                          now_);
    }

    event::Decoder decoder_;
    MonoTime now_ = synth::kTestClock.mono;
};

} // namespace tcpdwell::test
