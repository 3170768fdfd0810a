// SPDX-License-Identifier: Apache-2.0
// Several reports on one tracker: each is what it would be alone.
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "../analysis/tracked_report.h"
#include "line_consumers.h"
#include "render/report_formats.h"
#include "run/selection.h"
#include "synth/traffic.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

/// What to report.
struct Order {
    analysis::SplitBy by = analysis::SplitBy::none;
    Nanoseconds begin{}; ///< counted from the first record
    event::Filter filter{};
    std::optional<Nanoseconds> interval{};
};

/// A report maker behind a selection, and what it makes. It is there from `begin` on, and is then
/// given what the tracker holds, as a view of a period is.
class Reporter {
public:
    Reporter(const Order& order, const run::Context& context) : order_(order), context_(context) {}

    void flush(const track::Tracker& tracker, MonoTime now) {
        if (!maker_ && now >= synth::kTestClock.mono + order_.begin) begin(tracker, now);
        if (!maker_ || !order_.interval || now - maker_->begin() < *order_.interval) return;
        print(tracker, now);
        maker_->next_interval(now);
    }
    void print(const track::Tracker& tracker, MonoTime now) {
        const analysis::CgroupNames no_path;
        printed +=
            render::report_json(maker_->make(tracker, {}, {}, synth::kTestClock, no_path, now)) +
            "\n";
    }
    [[nodiscard]] track::TrackerListener* front() {
        return selection_ ? &selection_->entrance() : nullptr;
    }

    std::string printed;

private:
    void begin(const track::Tracker& tracker, MonoTime now) {
        analysis::ReportOptions options;
        options.by = order_.by;
        maker_.emplace(std::move(options), now);
        lines_.emplace(*maker_);
        selection_.emplace(order_.filter, context_, *lines_);
        tracker.for_each_live([&](const track::LiveSocket& socket) {
            front()->on_move({now, &socket.who, std::nullopt, socket.state});
        });
    }

    Order order_;
    const run::Context& context_;
    std::optional<analysis::ReportMaker> maker_;
    std::optional<LinesTo> lines_;
    std::optional<run::Selection> selection_;
};

/// Hands lines to several reporters, one after the other.
class Reporters final : public track::TrackerListener {
public:
    Reporters(const std::vector<Order>& orders, const run::Context& context) {
        for (const Order& order : orders) all.push_back(std::make_unique<Reporter>(order, context));
    }
    void on_move(const track::StateMove& move) override {
        each([&](track::TrackerListener& to) { to.on_move(move); });
    }
    void on_transition(const track::TransitionLine& line) override {
        each([&](track::TrackerListener& to) { to.on_transition(line); });
    }
    void on_connection(const track::ConnectionLine& line) override {
        each([&](track::TrackerListener& to) { to.on_connection(line); });
    }
    void on_lost(const track::LostLine& line) override {
        each([&](track::TrackerListener& to) { to.on_lost(line); });
    }

    std::vector<std::unique_ptr<Reporter>> all;

private:
    void each(const std::function<void(track::TrackerListener&)>& call) {
        for (const auto& reporter : all)
            if (track::TrackerListener* front = reporter->front()) call(*front);
    }
};

/// The JSON of each.
std::vector<std::string> reports(const synth::GeneratedConnection& story,
                                 const std::vector<Order>& orders) {
    run::Context context;
    Reporters reporters(orders, context);
    track::Tracker tracker(reporters, {});
    event::Decoder decoder;
    static_cast<void>(
        decoder.decode(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock)));
    MonoTime now = synth::kTestClock.mono;
    for (const synth::WireRecord& record : story.records) {
        for (; now + 20ms < record.at; now += 20ms) {
            tracker.advance_to(now);
            for (const auto& reporter : reporters.all) reporter->flush(tracker, now);
        }
        const auto event = decoder.decode(record.bytes);
        if (!event) continue;
        context.on_event(*event);
        tracker.on_event(*event);
    }
    tracker.settle(now);
    std::vector<std::string> printed;
    for (const auto& reporter : reporters.all) {
        reporter->print(tracker, now);
        printed.push_back(reporter->printed);
    }
    return printed;
}

TEST(TwoReports, on_one_tracker_are_what_each_is_alone) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        synth::TrafficOptions traffic;
        traffic.seed = seed;
        traffic.stories = 300;
        traffic.tuples = 8;
        traffic.only_ending = false;
        const synth::GeneratedConnection story = make_traffic(traffic);
        event::FilterList<std::uint32_t> pids;
        for (const synth::Outcome& outcome : story.outcomes)
            if (outcome.process && outcome.process->pid % 2 == 0)
                pids.wanted.push_back(outcome.process->pid);
        ASSERT_FALSE(pids.empty());
        const std::vector<Order> orders{
            {.by = analysis::SplitBy::service},
            {.by = analysis::SplitBy::remote, .begin = 3s},
            {.filter = {.pids = pids}},
            {.by = analysis::SplitBy::service, .begin = 4s, .filter = {.role = tcp::Role::server}},
            {.interval = 2s},
            {.filter = {.pids = pids}, .interval = 3s}};
        const auto together = reports(story, orders);
        for (std::size_t i = 0; i < orders.size(); ++i)
            EXPECT_EQ(together[i], reports(story, {orders[i]}).front())
                << "order " << i << ", seed " << seed;
        EXPECT_NE(together[0], together[1]);
    }
}

} // namespace
} // namespace tcpdwell::test
