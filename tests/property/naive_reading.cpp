// SPDX-License-Identifier: Apache-2.0
// What the events of one strand say, read from the first to the last.
#include <algorithm>

#include "naive_tracker.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;
using enum tcp::State;

bool near(MonoTime a, MonoTime b) { return a <= b + kExplained && b <= a + kExplained; }

/// Takes the story in, event by event.
class Reader {
public:
    Reader(const std::vector<event::Event>& stream, const NaiveConnection& strand)
        : stream_(stream) {
        o_.netns = strand.netns;
        o_.tuple = strand.tuple;
        if (!strand.listener) o_.line.emplace();
        for (const std::size_t i : strand.events) {
            place_ = i;
            std::visit([&](const auto& e) { read(e); }, stream[i]);
        }
        if (request_stopped_ && !socket_seen_) step(CLOSE, *request_stopped_);
    }

    synth::Outcome outcome(const std::optional<event::Owner>& listener) {
        if (listener && o_.role == tcp::Role::server) {
            if (!o_.process) o_.process = listener->process;
            if (!o_.uid) o_.uid = listener->uid;
            if (o_.cgroup == 0) o_.cgroup = listener->cgroup;
        }
        if (o_.line) judge();
        return o_;
    }

private:
    void step(tcp::State to, MonoTime at) {
        std::optional<Nanoseconds> dwell;
        if (since_) dwell = at - *since_;
        o_.transitions.push_back({at, state_, to, dwell});
        if (o_.line && state_ != CLOSE && state_ != LISTEN)
            o_.line->states.push_back({state_, dwell});
        if (o_.line && to == CLOSE) o_.line->closed = at;
        if (state_ == TIME_WAIT) time_wait_dwell_ = dwell;
        state_ = to;
        since_ = at;
    }
    void open(tcp::Role role, tcp::State from, tcp::State to, MonoTime at) {
        o_.role = role;
        state_ = from;
        since_.reset();
        step(to, at);
        if (o_.line) o_.line->opened = at;
    }

    void read(const event::StateChange& e) {
        if (e.from == LISTEN && e.to == SYN_RECV) {
            born_ = e.at;
            return;
        }
        if (o_.cookie == 0) o_.cookie = e.cookie;
        if (e.owner && e.owner->uid) o_.uid = e.owner->uid;
        if (e.owner && e.owner->cgroup != 0) o_.cgroup = e.owner->cgroup;
        if (e.from == CLOSE) {
            open(e.to == LISTEN ? tcp::Role::server : tcp::Role::client, CLOSE, e.to, e.at);
            if (e.owner) o_.process = e.owner->process;
            return;
        }
        if (e.from == SYN_RECV && born_ && !socket_seen_ &&
            !request_stopped_) { // no request: Fast Open, or a SYN cookie
            const bool cookie = e.to == ESTABLISHED && !e.has(TD_STATE_FASTOPEN);
            open(tcp::Role::server, LISTEN, SYN_RECV, cookie ? e.at : *born_);
            if (cookie) since_.reset();
        }
        socket_seen_ = true;
        note_closer(e);
        if (e.from == e.to || mini_started_) return;
        if (first_ == tcp::ClosedFirst::unknown && e.to == FIN_WAIT1)
            first_ = tcp::ClosedFirst::local;
        if (first_ == tcp::ClosedFirst::unknown && e.to == CLOSE_WAIT)
            first_ = tcp::ClosedFirst::remote;
        if (e.to == CLOSING) first_ = tcp::ClosedFirst::both;
        step(e.to, e.at);
        if (e.to == CLOSE) last_ = e;
    }
    void note_closer(const event::StateChange& e) {
        if (o_.closed_by || !e.owner || !e.has(TD_STATE_OWNED)) return;
        const bool sends_fin = e.to == FIN_WAIT1 || e.to == LAST_ACK;
        const bool never_tried =
            e.from == SYN_SENT && e.shutdown == 0 && !e.has(TD_STATE_UNANSWERED);
        const bool aborts = e.to == CLOSE && ((e.error == 0 && !never_tried) || e.error == 103);
        if (sends_fin || aborts || e.from == e.to) o_.closed_by = e.owner->process;
    }

    void read(const event::TimewaitTimer& e) {
        if (!mini_started_) {
            mini_started_ = e.at;
            if (e.substate == TIME_WAIT) step(TIME_WAIT, e.at);
        } else if (e.op == TD_TIMER_START) {
            if (e.substate == TIME_WAIT && state_ == TIME_WAIT && *e.expires > *expires_)
                ++restarts_;
            if (e.substate == TIME_WAIT) be_in_time_wait(e.expires, e.entered);
        } else if (e.op == TD_TIMER_REARM) {
            if (state_ == TIME_WAIT)
                ++restarts_;
            else
                step(TIME_WAIT, e.at);
        } else if (e.op == TD_TIMER_EXPIRE || mini_dies(stream_, place_)) {
            if (e.substate == TIME_WAIT) be_in_time_wait(e.expires, e.entered);
            step(CLOSE, e.at);
            last_timer_ = place_;
        }
        if (e.op != TD_TIMER_CANCEL) expires_ = e.expires;
    }
    void be_in_time_wait(std::optional<MonoTime> expires, std::optional<MonoTime> entered) {
        const MonoTime armed = *expires - 60s;
        if (state_ != TIME_WAIT)
            step(TIME_WAIT, entered && *entered > *mini_started_ + 2ms ? *entered : armed);
        if (restarts_ == 0 && armed > *since_ + 10ms) restarts_ = 1;
        expires_ = expires;
    }

    void read(const event::RequestTimer& e) {
        if (e.op == TD_TIMER_START && o_.transitions.empty())
            open(tcp::Role::server, LISTEN, SYN_RECV, e.at);
        if (e.op == TD_TIMER_START)
            request_stopped_.reset();
        else
            request_stopped_ = e.at;
        request_expired_ = e.op == TD_TIMER_EXPIRE;
        request_stack_ = e.stack;
    }
    void read(const event::StrayReset&) { listener_sent_reset_ = true; }
    void read(const event::Reset& e) { resets_.push_back(e); }
    void read(const event::OwnerFound& e) { o_.process = e.owner.process; }
    void read(const event::SocketListed& e) {
        if (e.state == TIME_WAIT) be_in_time_wait(e.expires, e.entered);
    }
    template <class Other>
    void read(const Other&) {}

    [[nodiscard]] const event::Reset* reset(td_reset_direction direction) const {
        for (const event::Reset& r : resets_)
            if (r.direction == direction && near(r.at, *o_.line->closed)) return &r;
        return nullptr;
    }
    void end_as(tcp::Ending ending, tcp::EndingDetail detail = tcp::EndingDetail::none) {
        o_.line->ending = ending;
        o_.line->detail = detail;
    }

    void judge() {
        synth::OutcomeLine& line = *o_.line;
        if (last_timer_)
            judge_mini(std::get<event::TimewaitTimer>(stream_[*last_timer_]));
        else if (last_)
            judge_socket(*last_);
        else if (state_ == CLOSE)
            end_as(tcp::Ending::handshake_failed,
                   request_expired_       ? tcp::EndingDetail::timeout
                   : listener_sent_reset_ ? tcp::EndingDetail::reset_sent
                   : request_stack_ != 0  ? tcp::EndingDetail::reset_received
                                          : tcp::EndingDetail::none);
        else
            judge_open();
        line.closed_first = first_;
        if (first_ != tcp::ClosedFirst::unknown) return;
        line.closed_first =
            line.ending == tcp::Ending::reset_sent || line.ending == tcp::Ending::dropped_silently
                ? tcp::ClosedFirst::local
            : line.ending == tcp::Ending::reset_received ? tcp::ClosedFirst::remote
                                                         : tcp::ClosedFirst::none;
    }
    void judge_open() {
        o_.line->states.push_back({state_, std::nullopt});
        end_as(state_ == TIME_WAIT ? tcp::Ending::fin : tcp::Ending::open);
        if (state_ == TIME_WAIT)
            o_.line->time_wait = {std::nullopt, tcp::TimeWaitEnd::open, restarts_};
    }
    void judge_mini(const event::TimewaitTimer& e) {
        const auto frame = [&](td_stack bit) { return (e.stack & bit) != 0; };
        if (e.substate == TIME_WAIT) {
            end_as(tcp::Ending::fin);
            const tcp::TimeWaitEnd end = e.op == TD_TIMER_EXPIRE   ? tcp::TimeWaitEnd::expired
                                         : frame(TD_STACK_CONNECT) ? tcp::TimeWaitEnd::reused
                                         : frame(TD_STACK_ABORT)   ? tcp::TimeWaitEnd::killed
                                         : frame(TD_STACK_PURGE)   ? tcp::TimeWaitEnd::purged
                                         : frame(TD_STACK_TIMEWAIT_PROCESS)
                                             ? tcp::TimeWaitEnd::reset
                                         : frame(TD_STACK_RECEIVE) ? tcp::TimeWaitEnd::recycled
                                                                   : follower(e);
            o_.line->time_wait = {time_wait_dwell_, end, restarts_};
        } else if (e.op == TD_TIMER_EXPIRE) {
            end_as(tcp::Ending::fin_wait2_expired);
        } else if (reset(TD_RESET_SENT) ||
                   (frame(TD_STACK_RECEIVE) && !frame(TD_STACK_TIMEWAIT_PROCESS))) {
            end_as(tcp::Ending::reset_sent, tcp::EndingDetail::data_after_close);
        } else if (frame(TD_STACK_TIMEWAIT_PROCESS)) {
            end_as(tcp::Ending::reset_received);
        } else {
            end_as(tcp::Ending::unknown,
                   frame(TD_STACK_ABORT) ? tcp::EndingDetail::admin_kill : tcp::EndingDetail::none);
        }
    }
    /// Who has taken the four-tuple of a killed mini-socket.
    [[nodiscard]] tcp::TimeWaitEnd follower(const event::TimewaitTimer& killed) const {
        for (const event::Event& event : stream_) {
            const auto follows = [&](const auto& e) {
                return e.at >= killed.at && e.at <= killed.at + kExplained &&
                       e.tuple.local == killed.tuple.local && e.tuple.remote == killed.tuple.remote;
            };
            const auto* request = std::get_if<event::RequestTimer>(&event);
            if (request && request->netns == killed.netns && follows(*request))
                return tcp::TimeWaitEnd::recycled;
            const auto* change = std::get_if<event::StateChange>(&event);
            if (change && change->netns == killed.netns && change->from == SYN_SENT &&
                follows(*change))
                return tcp::TimeWaitEnd::reused;
        }
        return tcp::TimeWaitEnd::unknown;
    }
    void judge_connect(const event::StateChange& e) {
        if (e.error == 111 && reset(TD_RESET_RECEIVED)) return end_as(tcp::Ending::refused);
        const bool given_up = e.shutdown == 3 || e.has(TD_STATE_UNANSWERED);
        const tcp::EndingDetail detail = e.error == 110   ? tcp::EndingDetail::timeout
                                         : e.error == 103 ? tcp::EndingDetail::admin_kill
                                         : e.error != 0   ? tcp::EndingDetail::unreachable
                                         : given_up       ? tcp::EndingDetail::given_up
                                                          : tcp::EndingDetail::no_port;
        end_as(tcp::Ending::connect_failed, detail);
    }
    void judge_socket(const event::StateChange& e) {
        const event::Reset* sent = reset(TD_RESET_SENT);
        if (e.from == SYN_SENT) return judge_connect(e);
        if (e.from == SYN_RECV) // 104: tcp_reset(); a child of Fast Open has no four-tuple before
            return end_as(tcp::Ending::handshake_failed, e.error == 104 || reset(TD_RESET_RECEIVED)
                                                             ? tcp::EndingDetail::reset_received
                                                             : tcp::EndingDetail::none);
        if (reset(TD_RESET_RECEIVED) && sent && sent->reply)
            return end_as(tcp::Ending::reset_sent, tcp::EndingDetail::data_after_close);
        if (e.error == 104 || e.error == 32) return end_as(tcp::Ending::reset_received);
        if (e.error == 103) return end_as(tcp::Ending::reset_sent, tcp::EndingDetail::admin_kill);
        if (e.error != 0)
            return end_as(tcp::Ending::timed_out, sent ? tcp::EndingDetail::keepalive
                                                  : e.has(TD_STATE_USER_TIMEOUT)
                                                      ? tcp::EndingDetail::user_timeout
                                                      : tcp::EndingDetail::retransmission);
        if (e.has(TD_STATE_REPAIR))
            return end_as(tcp::Ending::dropped_silently, tcp::EndingDetail::repair);
        if (sent) return judge_abort(e);
        end_as(tcp::Ending::fin);
        if (e.from == LAST_ACK) return;
        o_.line->time_wait = {std::nullopt, tcp::TimeWaitEnd::overflow, 0};
        if (!e.has(TD_STATE_FIN_RECEIVED)) o_.line->detail = tcp::EndingDetail::peer_fin_not_seen;
    }
    void judge_abort(const event::StateChange& e) {
        const bool orphan = e.has(TD_STATE_ORPHAN);
        const bool owned = e.has(TD_STATE_OWNED);
        if (e.has(TD_STATE_FASTCLOSE))
            return end_as(tcp::Ending::reset_sent, tcp::EndingDetail::mptcp_fastclose);
        if (e.has(TD_STATE_LINGER2_NEG))
            return end_as(tcp::Ending::reset_sent, tcp::EndingDetail::linger2);
        // The ACK of the FIN brought data; a timer answers nothing.
        if (e.from == FIN_WAIT2 && reset(TD_RESET_SENT)->reply)
            return end_as(tcp::Ending::reset_sent, tcp::EndingDetail::data_after_close);
        if (e.from == FIN_WAIT2 && orphan && !owned) return end_as(tcp::Ending::fin_wait2_expired);
        if (orphan) return end_as(tcp::Ending::reset_sent, tcp::EndingDetail::orphan_limit);
        if (!owned) return end_as(tcp::Ending::reset_sent, tcp::EndingDetail::listener_closed);
        if (e.shutdown != 3) return end_as(tcp::Ending::reset_sent, tcp::EndingDetail::disconnect);
        end_as(tcp::Ending::reset_sent, e.has(TD_STATE_LINGER_ZERO)
                                            ? tcp::EndingDetail::so_linger_zero
                                            : tcp::EndingDetail::unread_data);
    }

    const std::vector<event::Event>& stream_;
    std::size_t place_ = 0;
    synth::Outcome o_;
    tcp::State state_ = CLOSE;
    std::optional<MonoTime> since_;
    std::optional<MonoTime> born_;
    bool socket_seen_ = false;
    tcp::ClosedFirst first_ = tcp::ClosedFirst::unknown;
    std::optional<event::StateChange> last_;
    std::vector<event::Reset> resets_;
    std::optional<MonoTime> request_stopped_;
    bool request_expired_ = false;
    std::uint16_t request_stack_ = 0;
    bool listener_sent_reset_ = false;
    std::optional<MonoTime> mini_started_;
    std::optional<MonoTime> expires_;
    std::optional<std::size_t> last_timer_;
    std::optional<Nanoseconds> time_wait_dwell_;
    std::uint32_t restarts_ = 0;
};

} // namespace

synth::Outcome read_story(const std::vector<event::Event>& stream, const NaiveConnection& strand,
                          const std::optional<event::Owner>& listener) {
    return Reader(stream, strand).outcome(listener);
}

} // namespace tcpdwell::test
