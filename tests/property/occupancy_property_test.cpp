// SPDX-License-Identifier: Apache-2.0
// Moves say at any time how many connections and listeners are in which state: what they add up to
// is what the tracker holds, after every event, and for each connection the states follow each
// other without a break.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "../unit/track/outcome_collector.h"
#include "random_event.h"
#include "random_run.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

/// How long a birth may be held back until its local port is known (tracker.cpp, kHold),
/// and a bit.
constexpr Nanoseconds kLongestHold = 45ms;

using Counts = std::map<tcp::State, std::int64_t>;

std::string text(const Counts& counts) {
    std::ostringstream out;
    for (const auto& [state, n] : counts) out << name(state) << ' ' << n << ", ";
    return out.str();
}

/// Adds up what is reported. CLOSE is no state to be counted: whatever is in it is not there yet,
/// or not any more.
class Occupancy : public track::TrackerListener {
public:
    void on_move(const track::StateMove& move) override {
        const track::ConnectionIdentity& who = *move.who;
        if (!move.from && !move.to) complain(who, "a move from nowhere to nowhere");
        for (const auto state : {move.from, move.to})
            if (state == tcp::State::CLOSE) complain(who, "a move from or to CLOSE");
        if (who.slot == 0) complain(who, "a move without a slot");
        const auto [owner, is_new] = slots_.try_emplace(who.slot, who.id);
        if (owner->second != who.id) complain(who, "its slot is another's");
        change(who, move.from, move.to);
        if (!move.to && move.is_listener()) slots_.erase(who.slot);
        last_ = move;
    }
    void on_transition(const track::TransitionLine& line) override {
        const bool birth = line.from == tcp::State::CLOSE ||
                           (line.from == tcp::State::LISTEN && line.to == tcp::State::SYN_RECV);
        const auto counted = [](tcp::State s) {
            return s == tcp::State::CLOSE ? std::nullopt : std::optional(s);
        };
        const bool agrees = last_ && last_->who == line.who && last_->at == line.at &&
                            last_->born == birth &&
                            last_->from == (birth ? std::nullopt : counted(line.from)) &&
                            last_->to == counted(line.to);
        if (!agrees) complain(*line.who, "a transition without its move");
    }
    void on_connection(const track::ConnectionLine& line) override {
        if (told_.contains(line.who->id))
            complain(*line.who, "its line came while it was in a state");
        slots_.erase(line.who->slot);
    }
    void on_lost(const track::LostLine&) override {}

    [[nodiscard]] const Counts& counts() const { return counts_; }
    [[nodiscard]] std::optional<tcp::State> reported(track::ConnectionId id) const {
        const auto it = told_.find(id);
        return it == told_.end() ? std::nullopt : std::optional(it->second);
    }
    std::vector<std::string> complaints;

private:
    void change(const track::ConnectionIdentity& who, std::optional<tcp::State> from,
                std::optional<tcp::State> to) {
        if (reported(who.id) != from) {
            const auto shown = [](std::optional<tcp::State> s) {
                return std::string(s ? name(*s) : "nowhere");
            };
            complain(who, "a move from " + shown(from) + " to " + shown(to) + ", but it was in " +
                              shown(reported(who.id)));
        }
        count(from, -1);
        count(to, 1);
        if (to)
            told_[who.id] = *to;
        else
            told_.erase(who.id);
    }
    void count(std::optional<tcp::State> state, std::int64_t by) {
        if (state && (counts_[*state] += by) == 0) counts_.erase(*state);
    }
    void complain(const track::ConnectionIdentity& who, const std::string& what) {
        complaints.push_back("connection " + std::to_string(who.id) + ": " + what);
    }

    Counts counts_;
    std::map<track::ConnectionId, tcp::State> told_;
    std::map<track::Slot, track::ConnectionId> slots_; ///< until the last line of each connection
    std::optional<track::StateMove> last_;
};

/// What the tracker holds, besides births that it holds back. `now`: nullopt if times go back and
/// forth, so that it isn't known how long a birth may be held.
Counts held_by(const track::Tracker& tracker, const Occupancy& reported,
               std::optional<MonoTime> now, std::vector<std::string>& complaints) {
    Counts counts;
    tracker.for_each_live([&](const track::LiveSocket& s) {
        if (s.since && *s.since != s.known_since)
            complaints.push_back("known in its state for longer or less long");
        if (!reported.reported(s.who.id)) {
            const bool in_time = !now || (s.since && *now - *s.since < kLongestHold);
            const bool held_back =
                s.state == tcp::State::SYN_SENT && s.who.tuple.local.port == 0 && in_time;
            if (held_back || s.state == tcp::State::CLOSE) return;
        }
        ++counts[s.state];
    });
    return counts;
}

class OccupancyProperty : public testing::Test {
protected:
    void restart(std::uint64_t seed, track::TrackerOptions options = {}) {
        seed_ = seed;
        occupancy = {};
        tracker.emplace(occupancy, options);
        decoder_ = {};
        now_ = MonoTime::min();
        in_order_ = true;
        feed(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
    }
    void feed(const std::vector<std::byte>& record) {
        if (const auto event = decoder_.decode(record)) feed(*event);
    }
    void feed(const event::Event& event) {
        std::visit(
            [&](const auto& e) {
                if constexpr (requires { e.at; }) {
                    in_order_ = in_order_ && e.at >= now_;
                    now_ = e.at;
                }
            },
            event);
        tracker->on_event(event);
        check();
    }
    void finish() {
        tracker->settle(now_);
        check();
        tracker->finish(now_);
        EXPECT_EQ(text(occupancy.counts()), "") << how_to_repeat(seed_);
        check();
    }
    void check() {
        const Counts held =
            held_by(*tracker, occupancy, in_order_ ? std::optional(now_) : std::nullopt,
                    occupancy.complaints);
        EXPECT_EQ(text(occupancy.counts()), text(held)) << how_to_repeat(seed_);
        for (const std::string& complaint : occupancy.complaints)
            ADD_FAILURE() << how_to_repeat(seed_) << "\n" << complaint;
    }

    Occupancy occupancy;
    std::optional<track::Tracker> tracker;

private:
    event::Decoder decoder_;
    MonoTime now_{};
    bool in_order_ = true;
    std::uint64_t seed_ = 0;
};

TEST_F(OccupancyProperty, whole_streams) {
    for (const std::uint64_t seed : seeds(1000)) {
        restart(seed);
        for (const synth::WireRecord& record : make_traffic(random_options(seed)).records)
            feed(record.bytes);
        finish();
        if (HasFailure()) return;
    }
}

TEST_F(OccupancyProperty, streams_that_begin_in_the_middle) {
    for (const std::uint64_t seed : seeds(500)) {
        std::mt19937_64 random(seed);
        const synth::GeneratedConnection traffic = make_traffic(random_options(seed));
        restart(seed);
        for (std::size_t i = random() % traffic.records.size(); i < traffic.records.size(); ++i)
            feed(traffic.records[i].bytes);
        finish();
        if (HasFailure()) return;
    }
}

TEST_F(OccupancyProperty, streams_with_losses) {
    for (const std::uint64_t seed : seeds(1000)) {
        std::mt19937_64 random(seed);
        const synth::GeneratedConnection traffic = make_traffic(random_options(seed));
        const std::uint64_t one_in = 2 + random() % 60;
        const bool reported = random() % 4 != 0;
        event::LostTotals lost{MonoTime{}, {}};
        restart(seed, {.max_connections = 2 + random() % 40});
        for (const synth::WireRecord& record : traffic.records) {
            if (random() % one_in != 0) {
                feed(record.bytes);
                continue;
            }
            lost.at = record.at;
            ++lost.total[TD_PROBE_STATE];
            if (reported) feed(encode(lost, synth::kTestClock));
        }
        finish();
        if (HasFailure()) return;
    }
}

/// Lists what there is, as a listing would, by what the complete stream has reported so far.
class SocketLister {
public:
    void feed(const synth::WireRecord& record) {
        truth_.feed(record);
        event::Decoder decoder;
        decoder.decode(encode(event::ClockReading{synth::kTestClock}, synth::kTestClock));
        if (const auto event = decoder.decode(record.bytes))
            std::visit([&](const auto& e) { note(e); }, *event);
    }
    std::vector<event::Event> list(MonoTime at) const {
        std::vector<event::Event> events;
        if (!netns_) return events;
        events.push_back(event::Snapshot{at, *netns_, TD_SNAPSHOT_BEGIN, false});
        truth_.tracker.for_each_live([&](const track::LiveSocket& s) {
            const auto object = objects_.find({s.who.netns, s.who.tuple.local, s.who.tuple.remote});
            if (s.who.netns != *netns_ || object == objects_.end()) return;
            const auto [address, mini, request] = object->second;
            events.push_back(event::SocketListed{at,
                                                 *netns_,
                                                 address,
                                                 s.who.cookie,
                                                 s.who.tuple,
                                                 s.state,
                                                 mini,
                                                 request,
                                                 false,
                                                 {},
                                                 {},
                                                 0,
                                                 event::Owner{}});
        });
        events.push_back(event::Snapshot{at, *netns_, TD_SNAPSHOT_END, true});
        return events;
    }

private:
    struct Object {
        std::uint64_t address;
        bool mini;
        bool request;
    };
    void note(const event::StateChange& e) {
        if (e.to != tcp::State::CLOSE) place(e.netns, e.tuple, {e.sock, false, false});
    }
    void note(const event::PortKnown& e) {
        if (netns_) place(*netns_, e.tuple, {e.sock, false, false});
    }
    void note(const event::TimewaitTimer& e) { place(e.netns, e.tuple, {e.mini, true, false}); }
    void note(const event::RequestTimer& e) { place(e.netns, e.tuple, {e.request, false, true}); }
    template <class Other>
    void note(const Other&) {}
    void place(std::uint32_t netns, const tcp::FourTuple& tuple, Object object) {
        netns_ = netns;
        objects_[{netns, tuple.local, tuple.remote}] = object;
    }

    TrackerRun truth_;
    std::optional<std::uint32_t> netns_; ///< of the last event
    std::map<std::tuple<std::uint32_t, tcp::Endpoint, tcp::Endpoint>, Object> objects_;
};

TEST_F(OccupancyProperty, streams_with_losses_and_listings) {
    for (const std::uint64_t seed : seeds(1000)) {
        std::mt19937_64 random(seed);
        const std::uint64_t one_in = 2 + random() % 20;
        SocketLister there;
        MonoTime listed =
            synth::kTestClock
                .mono; // never twice in the same moment: address and moment make the id
        event::LostTotals lost{MonoTime{}, {}};
        restart(seed);
        for (const synth::WireRecord& record : make_traffic(random_options(seed)).records) {
            if (random() % 8 == 0 && record.at - 1us > listed) {
                listed = record.at - 1us;
                for (const event::Event& event : there.list(listed)) feed(event);
            }
            there.feed(record);
            if (random() % one_in != 0) {
                feed(record.bytes);
                continue;
            }
            lost.at = record.at;
            ++lost.total[TD_PROBE_STATE];
            feed(encode(lost, synth::kTestClock));
        }
        finish();
        if (HasFailure()) return;
    }
}

TEST_F(OccupancyProperty, streams_with_damage) {
    for (const std::uint64_t seed : seeds(500)) {
        std::mt19937_64 random(seed);
        restart(seed);
        for (const synth::WireRecord& record : make_traffic(random_options(seed)).records) {
            std::vector<std::byte> bytes = record.bytes;
            if (random() % 8 == 0)
                bytes[random() % bytes.size()] = static_cast<std::byte>(random());
            feed(bytes);
        }
        finish();
        if (HasFailure()) return;
    }
}

TEST_F(OccupancyProperty, any_events_in_any_order) {
    for (const std::uint64_t seed : seeds(3000)) {
        std::mt19937_64 random(seed);
        restart(seed, {.max_connections = 1 + random() % 64});
        MonoTime now = synth::kTestClock.mono;
        for (std::size_t i = 0, events = 1 + random() % 300; i < events; ++i) {
            // Never twice the same moment: address and moment make the id.
            now += Nanoseconds(1 + random() % (random() % 2 == 0 ? 100'000 : 100'000'000));
            event::Event event = random_event_among_few(random, synth::kTestClock);
            std::visit(
                [&](auto& e) {
                    if constexpr (requires { e.at; }) e.at = now;
                },
                event);
            feed(event);
        }
        finish();
        if (HasFailure()) return;
    }
}

} // namespace
} // namespace tcpdwell::test
