// SPDX-License-Identifier: Apache-2.0
// Each piece of evidence decides: the rules of the classifier one by one, and next to each what is
// the same but for one condition.
#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "outcome_collector.h"
#include "track/close_classifier.h"

namespace tcpdwell::test {
namespace {

using enum tcp::State;
using tcp::Ending;
using tcp::EndingDetail;
using track::MiniClose;
using track::SocketClose;

/// What close() leaves of a socket that no process holds any more.
constexpr std::uint16_t kOrphan = TD_STATE_ORPHAN;
constexpr std::uint8_t kClosed = 3; ///< SHUTDOWN_MASK

struct Expected {
    Ending ending;
    EndingDetail detail = EndingDetail::none;
};

void expect(const Expected& expected, const track::Classification& found) {
    EXPECT_EQ(found.ending, expected.ending);
    EXPECT_EQ(found.detail, expected.detail);
}

SocketClose own_reset(tcp::State from, std::uint16_t flags,
                      td_reset_reason reason = TD_REASON_UNKNOWN) {
    SocketClose c{};
    c.from = from;
    c.flags = flags;
    c.shutdown = kClosed;
    c.has_local_port = true;
    c.reset_sent = true;
    c.reset_reason = reason;
    return c;
}

TEST(CloseClassifier, an_orphan_that_waits_in_vain_for_the_fin_expires) {
    for (const td_reset_reason reason : {TD_REASON_UNKNOWN, TD_REASON_OTHER, TD_REASON_STATE,
                                         TD_REASON_ABORT_ON_LINGER, TD_REASON_TIMEWAIT}) {
        SCOPED_TRACE(reason);
        const SocketClose c = own_reset(FIN_WAIT2, kOrphan, reason);
        expect({Ending::fin_wait2_expired}, classify(c));
        SocketClose held = c;
        held.flags |= TD_STATE_OWNED;
        EXPECT_EQ(classify(held).ending, Ending::reset_sent);
        SocketClose reply = c;
        reply.reset_reply = true;
        EXPECT_EQ(classify(reply).ending, Ending::reset_sent);
        SocketClose earlier = c;
        earlier.from = FIN_WAIT1;
        EXPECT_EQ(classify(earlier).ending, Ending::reset_sent);
        SocketClose no_orphan = c;
        no_orphan.flags = TD_STATE_HAS_SOCKET;
        EXPECT_EQ(classify(no_orphan).ending, Ending::reset_sent);
    }
}

TEST(CloseClassifier, a_negative_linger2_ends_at_the_ack_of_the_fin) {
    constexpr std::uint16_t negative = kOrphan | TD_STATE_LINGER2_NEG;
    const Expected linger2{Ending::reset_sent, EndingDetail::linger2};
    const Expected data{Ending::reset_sent, EndingDetail::data_after_close};
    for (const tcp::State from : {FIN_WAIT1, FIN_WAIT2}) {
        expect(linger2, classify(own_reset(from, negative, TD_REASON_ABORT_ON_DATA)));
        expect(data, classify(own_reset(from, kOrphan, TD_REASON_ABORT_ON_DATA)));
        expect(linger2, classify(own_reset(from, negative, TD_REASON_ABORT_ON_LINGER)));
    }
    expect(linger2, classify(own_reset(FIN_WAIT1, kOrphan, TD_REASON_ABORT_ON_LINGER)));
    // Where the kernel gives no reason.
    expect(linger2, classify(own_reset(FIN_WAIT2, negative)));
    SocketClose reply = own_reset(FIN_WAIT2, kOrphan);
    reply.reset_reply = true;
    expect(data, classify(reply));
    reply.from = CLOSING;
    expect({Ending::reset_sent, EndingDetail::orphan_limit}, classify(reply));
    expect({Ending::reset_sent, EndingDetail::orphan_limit},
           classify(own_reset(CLOSING, negative)));
}

TEST(CloseClassifier, data_for_a_closed_socket_shows_an_rst_in_both_directions) {
    SocketClose c = own_reset(FIN_WAIT1, kOrphan);
    c.error = EPIPE;
    c.reset_received = c.reset_reply = true;
    expect({Ending::reset_sent, EndingDetail::data_after_close}, classify(c));
    for (bool SocketClose::*const part :
         {&SocketClose::reset_received, &SocketClose::reset_sent, &SocketClose::reset_reply}) {
        SocketClose without = c;
        without.*part = false;
        expect({Ending::reset_received}, classify(without));
    }
}

TEST(CloseClassifier, an_rst_may_be_an_own_one_only_of_an_orphan_of_which_something_was_lost) {
    for (const tcp::State from : {ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSING}) {
        for (const bool orphan : {false, true}) {
            for (const bool uncertain : {false, true}) {
                SocketClose c{};
                c.from = from;
                c.flags = orphan ? kOrphan : 0;
                c.uncertain = uncertain;
                const bool in_doubt =
                    orphan && uncertain && (from == FIN_WAIT1 || from == FIN_WAIT2);
                const Ending expected = in_doubt ? Ending::unknown : Ending::reset_received;
                c.error = ECONNRESET;
                EXPECT_EQ(classify(c).ending, expected) << name(from);
                c.error = EPIPE;
                EXPECT_EQ(classify(c).ending, expected) << name(from);
                c.error = 0;
                c.reset_received = true;
                EXPECT_EQ(classify(c).ending, expected) << name(from);
            }
        }
    }
}

TEST(CloseClassifier, the_reason_of_an_own_rst_decides) {
    const auto detail = [](td_reset_reason reason, std::uint16_t flags = TD_STATE_OWNED) {
        return classify(own_reset(ESTABLISHED, flags, reason)).detail;
    };
    EXPECT_EQ(detail(TD_REASON_ABORT_ON_CLOSE), EndingDetail::unread_data);
    EXPECT_EQ(detail(TD_REASON_ABORT_ON_MEMORY), EndingDetail::orphan_limit);
    EXPECT_EQ(detail(TD_REASON_STATE), EndingDetail::disconnect);
    EXPECT_EQ(detail(TD_REASON_STATE, TD_STATE_OWNED | TD_STATE_LINGER_ZERO),
              EndingDetail::so_linger_zero);
    EXPECT_EQ(detail(TD_REASON_STATE, kOrphan), EndingDetail::disconnect);
    EXPECT_EQ(detail(TD_REASON_STATE, 0), EndingDetail::listener_closed);
    expect({Ending::timed_out, EndingDetail::keepalive},
           classify(own_reset(ESTABLISHED, TD_STATE_OWNED, TD_REASON_KEEPALIVE)));
}

TEST(CloseClassifier, without_a_reason_the_flags_of_the_socket_decide) {
    const auto detail = [](std::uint16_t flags, std::uint8_t shutdown = kClosed) {
        SocketClose c = own_reset(ESTABLISHED, flags);
        c.shutdown = shutdown;
        return classify(c).detail;
    };
    EXPECT_EQ(detail(kOrphan), EndingDetail::orphan_limit);
    EXPECT_EQ(detail(TD_STATE_OWNED), EndingDetail::unread_data);
    EXPECT_EQ(detail(TD_STATE_OWNED, 2), EndingDetail::disconnect);
    EXPECT_EQ(detail(TD_STATE_OWNED | TD_STATE_LINGER_ZERO), EndingDetail::so_linger_zero);
    EXPECT_EQ(detail(TD_STATE_OWNED | TD_STATE_LINGER_ZERO, 2), EndingDetail::disconnect);
    EXPECT_EQ(detail(TD_STATE_HAS_SOCKET), EndingDetail::disconnect);
    EXPECT_EQ(detail(TD_STATE_HAS_SOCKET | TD_STATE_LINGER_ZERO), EndingDetail::so_linger_zero);
    EXPECT_EQ(detail(0), EndingDetail::listener_closed);
    EXPECT_EQ(detail(TD_STATE_LINGER_ZERO), EndingDetail::listener_closed);
}

TEST(CloseClassifier, these_errors_are_those_of_a_timeout) {
    const std::set<int> timeouts{ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN,
                                 ENONET,    EPROTO,       ENOPROTOOPT, EOPNOTSUPP};
    for (int error = 1; error < 134; ++error) {
        SCOPED_TRACE(error);
        SocketClose c{};
        c.from = ESTABLISHED;
        c.error = static_cast<std::uint8_t>(error);
        EXPECT_EQ(classify(c).ending == Ending::timed_out, timeouts.contains(error));
        c.from = SYN_RECV;
        EXPECT_EQ(classify(c).detail == EndingDetail::timeout, timeouts.contains(error));
        c.from = SYN_SENT;
        EXPECT_EQ(classify(c).detail == EndingDetail::unreachable,
                  error == ECONNREFUSED || (error != ETIMEDOUT && timeouts.contains(error)));
    }
}

TEST(CloseClassifier, which_timer_gave_up) {
    SocketClose c{};
    c.from = ESTABLISHED;
    c.error = ETIMEDOUT;
    expect({Ending::timed_out, EndingDetail::retransmission}, classify(c));
    c.flags = TD_STATE_USER_TIMEOUT;
    expect({Ending::timed_out, EndingDetail::user_timeout}, classify(c));
    c.uncertain = true; // the RST of keepalive may be what was lost
    expect({Ending::timed_out}, classify(c));
    c.reset_sent = true;
    expect({Ending::timed_out, EndingDetail::keepalive}, classify(c));
}

TEST(CloseClassifier, errors_that_say_all) {
    SocketClose c{};
    c.from = ESTABLISHED;
    c.error = ECONNABORTED;
    expect({Ending::reset_sent, EndingDetail::admin_kill}, classify(c));
    c.from = SYN_SENT;
    expect({Ending::connect_failed, EndingDetail::admin_kill}, classify(c));
    c.error = EINVAL;
    expect({Ending::connect_failed}, classify(c));
    c.from = LAST_ACK;
    expect({Ending::unknown}, classify(c));
}

TEST(CloseClassifier, how_a_connect_fails) {
    SocketClose c{};
    c.from = SYN_SENT;
    c.role = tcp::Role::client;
    expect({Ending::connect_failed, EndingDetail::no_port}, classify(c));
    c.has_local_port = true;
    expect({Ending::connect_failed}, classify(c));
    c.shutdown = kClosed;
    expect({Ending::connect_failed, EndingDetail::given_up}, classify(c));
    c.has_local_port = false;
    expect({Ending::connect_failed, EndingDetail::given_up}, classify(c));
    c.shutdown = 2;
    c.flags = TD_STATE_UNANSWERED;
    expect({Ending::connect_failed, EndingDetail::given_up}, classify(c));
    c.error = EINVAL;
    expect({Ending::connect_failed}, classify(c));
    c.flags = 0;
    c.error = ETIMEDOUT;
    expect({Ending::connect_failed, EndingDetail::timeout}, classify(c));
    c.error = ECONNREFUSED;
    expect({Ending::connect_failed, EndingDetail::unreachable}, classify(c));
    c.uncertain = true;
    expect({Ending::unknown}, classify(c));
    c.reset_received = true;
    expect({Ending::refused}, classify(c));
}

TEST(CloseClassifier, whose_handshake_fails) {
    SocketClose c{};
    c.from = SYN_RECV;
    c.role = tcp::Role::server;
    expect({Ending::handshake_failed}, classify(c));
    c.reset_received = true;
    expect({Ending::handshake_failed, EndingDetail::reset_received}, classify(c));
    c.reset_sent = true; // both: what was first isn't known
    expect({Ending::handshake_failed}, classify(c));
    c.reset_received = false;
    expect({Ending::handshake_failed, EndingDetail::reset_sent}, classify(c));
    c.role = tcp::Role::client;
    expect({Ending::connect_failed}, classify(c));
}

TEST(CloseClassifier, why_a_request_ends) {
    using track::RequestClose;
    constexpr std::uint16_t checked = TD_STACK_TAKEN | TD_STACK_CHECK_REQUEST | TD_STACK_RECEIVE;
    const std::pair<RequestClose, EndingDetail> cases[] = {
        {{true, 0, false}, EndingDetail::timeout},
        {{true, 0, true}, EndingDetail::timeout}, // the RST was for another segment
        {{false, checked, false}, EndingDetail::reset_received},
        {{false, checked, true}, EndingDetail::reset_sent},
        {{false, 0, true}, EndingDetail::reset_sent},
        {{false, TD_STACK_TAKEN | TD_STACK_ABORT, false}, EndingDetail::admin_kill},
        {{false, TD_STACK_TAKEN | TD_STACK_RECEIVE, false},
         EndingDetail::none}, // no listener any more
        {{false, 0, false}, EndingDetail::none},
    };
    for (const auto& [close, detail] : cases)
        expect({Ending::handshake_failed, detail}, classify(close));
}

TEST(CloseClassifier, silence_is_the_end_of_a_passive_closer_or_a_mini_socket_that_is_missing) {
    SocketClose c{};
    c.from = LAST_ACK;
    expect({Ending::fin}, classify(c));
    EXPECT_EQ(classify(c).time_wait, std::nullopt);
    c.from = ESTABLISHED;
    expect({Ending::unknown}, classify(c));
    c.from = FIN_WAIT2;
    expect({Ending::fin, EndingDetail::peer_fin_not_seen}, classify(c));
    EXPECT_EQ(classify(c).time_wait, tcp::TimeWaitEnd::overflow);
    c.flags = TD_STATE_FIN_RECEIVED;
    expect({Ending::fin}, classify(c));
    EXPECT_EQ(classify(c).time_wait, tcp::TimeWaitEnd::overflow);
    c.from = CLOSING;
    c.flags = 0;
    expect({Ending::fin}, classify(c));
    c.uncertain = true;
    expect({Ending::unknown}, classify(c));
    EXPECT_EQ(classify(c).time_wait, tcp::TimeWaitEnd::unknown);
}

TEST(CloseClassifier, the_first_known_caller_says_who_killed_a_time_wait) {
    MiniClose c{TIME_WAIT, false, TD_STACK_TAKEN, false, std::nullopt};
    const auto end = [&c] {
        EXPECT_EQ(classify(c).ending, Ending::fin);
        return classify(c).time_wait;
    };
    EXPECT_EQ(end(), tcp::TimeWaitEnd::unknown);
    c.follower = tcp::TimeWaitEnd::reused;
    EXPECT_EQ(end(), tcp::TimeWaitEnd::reused);
    const std::pair<td_stack, tcp::TimeWaitEnd> by_priority[] = {
        {TD_STACK_RECEIVE, tcp::TimeWaitEnd::recycled},
        {TD_STACK_TIMEWAIT_PROCESS, tcp::TimeWaitEnd::reset},
        {TD_STACK_CONNECT, tcp::TimeWaitEnd::reused},
        {TD_STACK_ABORT, tcp::TimeWaitEnd::killed},
        {TD_STACK_PURGE, tcp::TimeWaitEnd::purged}};
    for (const auto& [bit, expected] : by_priority) {
        c.stack = static_cast<std::uint16_t>(c.stack | bit); // and all of the lower ones
        EXPECT_EQ(end(), expected);
    }
    c.expired = true;
    EXPECT_EQ(end(), tcp::TimeWaitEnd::expired);
}

TEST(CloseClassifier, how_a_mini_socket_in_fin_wait2_ends) {
    const auto ending = [](unsigned stack, bool expired = false, bool answered = false) {
        return classify(
            MiniClose{FIN_WAIT2, expired, static_cast<std::uint16_t>(stack), answered, {}});
    };
    const Expected data{Ending::reset_sent, EndingDetail::data_after_close};
    expect({Ending::fin_wait2_expired}, ending(0, true));
    expect({Ending::fin_wait2_expired}, ending(0, true, true));
    expect(data, ending(0, false, true));
    expect({Ending::unknown}, ending(0));
    expect({Ending::unknown}, ending(TD_STACK_RECEIVE)); // not taken: it can't be
    expect({Ending::unknown}, ending(TD_STACK_TAKEN));
    expect(data, ending(TD_STACK_TAKEN | TD_STACK_RECEIVE));
    expect({Ending::reset_received},
           ending(TD_STACK_TAKEN | TD_STACK_RECEIVE | TD_STACK_TIMEWAIT_PROCESS));
    expect({Ending::unknown},
           ending(TD_STACK_TAKEN | TD_STACK_PURGE | TD_STACK_TIMEWAIT_PROCESS | TD_STACK_RECEIVE));
    expect({Ending::unknown, EndingDetail::admin_kill},
           ending(TD_STACK_TAKEN | TD_STACK_PURGE | TD_STACK_ABORT | TD_STACK_RECEIVE));
    EXPECT_EQ(ending(TD_STACK_TAKEN).time_wait, std::nullopt);
}

TEST(CloseClassifier, an_ending_says_who_closed_first_where_no_fin_did) {
    for (const tcp::Ending ending : {Ending::timed_out, Ending::refused, Ending::connect_failed,
                                     Ending::handshake_failed, Ending::open})
        EXPECT_EQ(track::closed_first_by(ending), tcp::ClosedFirst::none) << name(ending);
    for (const tcp::Ending ending : {Ending::fin, Ending::fin_wait2_expired, Ending::unknown})
        EXPECT_EQ(track::closed_first_by(ending), tcp::ClosedFirst::unknown) << name(ending);
    EXPECT_EQ(track::closed_first_by(Ending::reset_sent), tcp::ClosedFirst::local);
    EXPECT_EQ(track::closed_first_by(Ending::reset_received), tcp::ClosedFirst::remote);
}

} // namespace
} // namespace tcpdwell::test
