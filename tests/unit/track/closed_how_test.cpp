// SPDX-License-Identifier: Apache-2.0
// How a process brought the end about: by close(), shutdown(), disconnecting, exit, or a signal.
#include <gtest/gtest.h>

#include <optional>

#include "events.h"

namespace tcpdwell::test {
namespace {

struct MannerListener : track::TrackerListener {
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine& line) override {
        ++lines;
        how = line.closed_how;
        signal = line.closing_signal;
    }
    void on_lost(const track::LostLine&) override {}

    std::optional<tcp::ClosedHow> how;
    int signal = 0;
    int lines = 0;
};

/// Of a connection that is closed so, and then ended by the peer.
MannerListener closed_by(unsigned flags, tcp::State to = FIN_WAIT1, std::uint8_t signal = 0) {
    const TestSocket s;
    event::StateChange close =
        s.change(20ms, ESTABLISHED, to, 0, static_cast<std::uint16_t>(flags), kApp);
    close.signal = signal;
    MannerListener listener;
    track::Tracker tracker(listener, {});
    tracker.on_event(s.change(10ms, CLOSE, SYN_SENT, 0, 0, kApp));
    tracker.on_event(s.change(11ms, SYN_SENT, ESTABLISHED));
    tracker.on_event(close);
    if (to != CLOSE) tracker.on_event(s.change(30ms, to, CLOSE, 104));
    tracker.finish(at(1s));
    EXPECT_EQ(listener.lines, 1);
    return listener;
}

TEST(ClosedHow, differs_by_what_becomes_of_the_file) {
    EXPECT_EQ(closed_by(TD_STATE_RELEASED).how, tcp::ClosedHow::close);
    EXPECT_EQ(closed_by(TD_STATE_KEPT).how, tcp::ClosedHow::shutdown);
    EXPECT_EQ(closed_by(TD_STATE_RELEASED, CLOSE).how, tcp::ClosedHow::close);
    EXPECT_EQ(closed_by(TD_STATE_KEPT, CLOSE).how, tcp::ClosedHow::abort);
    EXPECT_EQ(closed_by(0).how, std::nullopt) << "a recording of 0.1.0";
}

TEST(ClosedHow, of_a_process_that_ends_is_not_that_of_its_descriptors) {
    EXPECT_EQ(closed_by(TD_STATE_EXITING | TD_STATE_RELEASED).how, tcp::ClosedHow::exit);
    const auto killed = closed_by(TD_STATE_EXITING | TD_STATE_RELEASED, FIN_WAIT1, 9);
    EXPECT_EQ(killed.how, tcp::ClosedHow::signal);
    EXPECT_EQ(killed.signal, 9);
    EXPECT_EQ(closed_by(TD_STATE_EXITING, CLOSE, 15).signal, 15);
}

TEST(ClosedHow, has_no_signal_but_that_which_ended_the_process) {
    EXPECT_EQ(closed_by(TD_STATE_RELEASED).signal, 0);
    EXPECT_EQ(closed_by(TD_STATE_EXITING | TD_STATE_RELEASED).signal, 0);
}

} // namespace
} // namespace tcpdwell::test
