// SPDX-License-Identifier: Apache-2.0
// The verbs of full sockets and requests, and the book of what is true. Mini-sockets:
// storyteller_mini.cpp.
#include "synth/record_generator.h"

#include <algorithm>
#include <string_view>

#include "event/encode.h"

namespace tcpdwell::synth {
namespace {

using namespace std::chrono_literals;
using enum tcp::State;

constexpr std::uint32_t kUid = 1000;
constexpr std::uint64_t kCgroup = 4242;

event::Process make_process(std::uint32_t pid, std::string_view comm) {
    event::Process process{pid, {}};
    std::copy(comm.begin(), comm.end(), process.comm_bytes.begin());
    return process;
}

} // namespace

RecordGenerator::RecordGenerator(const Setting& stage, KernelMemory& memory)
    : stage_(stage), memory_(memory), random_(stage.seed), now_(stage.start),
      app_(make_process(stage.first_pid, "app")), task_(app_) {}

event::Process RecordGenerator::worker() const {
    return make_process(stage_.first_pid + 1, "worker");
}

event::Process RecordGenerator::admin() const { return make_process(stage_.first_pid + 2, "ss"); }

GeneratedConnection RecordGenerator::finish() {
    if (listener_sock_ != 0) {
        wait(1ms);
        stops_listening();
    }
    if (listener_) story_.outcomes.push_back(*listener_);
    std::stable_sort(story_.records.begin(), story_.records.end(),
                     [](const WireRecord& a, const WireRecord& b) { return a.at < b.at; });
    return std::move(story_);
}

void RecordGenerator::wait(Nanoseconds typical) {
    if (stage_.seed == 0)
        now_ += typical;
    else
        now_ += Nanoseconds(std::uniform_int_distribution<std::int64_t>(
            typical.count() / 2, typical.count() * 3 / 2)(random_));
}

void RecordGenerator::wait_for_tick() {
    const Nanoseconds tick = Nanoseconds(1s) / kTestClock.hz;
    const auto rest = (now_ - kTestClock.mono) % tick;
    if (rest != 0ns) now_ += tick - rest;
}

void RecordGenerator::write(const event::Event& event) {
    story_.records.push_back(WireRecord{now_, encode(event, kTestClock)});
}

void RecordGenerator::release(KernelMemory::Slab slab, std::uint64_t& address) {
    if (address != 0) memory_.give_back(slab, address, now_ + 1us);
    address = 0;
}

void RecordGenerator::listens() {
    listener_sock_ = memory_.take(KernelMemory::Slab::socket, now_);
    listener_cookie_ = kernel().cookies ? memory_.new_cookie() : 0;
    tcp::Endpoint local = tuple().local;
    local.address =
        tuple().local.address.is_v4() ? *tcp::IpAddress::parse("0.0.0.0") : tcp::IpAddress{};
    const tcp::FourTuple where{local, tcp::Endpoint{}, tuple().family};
    listener_ = Outcome{stage_.netns,
                        where,
                        listener_cookie_,
                        tcp::Role::server,
                        app_,
                        std::nullopt,
                        kUid,
                        kCgroup,
                        {{now_, CLOSE, LISTEN, std::nullopt}},
                        std::nullopt};
    listening_since_ = now_;
    write(event::StateChange{now_, stage_.netns, listener_sock_, listener_cookie_, where, CLOSE,
                             LISTEN, 0, 0, TD_STATE_OWNED | TD_STATE_HAS_SOCKET,
                             event::Owner{app_, kUid, kCgroup}});
    wait(100ms);
}

void RecordGenerator::stops_listening(const Circumstances& how) {
    const event::Process by = how.by.value_or(app_);
    write(event::StateChange{now_, stage_.netns, listener_sock_, listener_cookie_, listener_->tuple,
                             LISTEN, CLOSE, how.error, std::uint8_t(how.by ? 0 : 3),
                             TD_STATE_OWNED | TD_STATE_HAS_SOCKET,
                             event::Owner{by, kUid, kCgroup}});
    listener_->transitions.push_back({now_, LISTEN, CLOSE, now_ - *listening_since_});
    listener_->closed_by = by;
    release(KernelMemory::Slab::socket, listener_sock_);
}

void RecordGenerator::begin_connection(tcp::Role role, const event::Process& process) {
    Outcome outcome{stage_.netns, tuple(), cookie_, role, process,
                    std::nullopt, kUid,    kCgroup, {},   OutcomeLine{}};
    outcome.line->opened = now_;
    story_.outcomes.push_back(outcome);
    task_ = process;
    shutdown_ = 0;
    timeouts_ = 0;
    orphan_ = fin_received_ = answered_syn_ = false;
    since_.reset();
}

void RecordGenerator::connects(LocalPort port) {
    if (sock_ == 0) {
        sock_ = memory_.take(KernelMemory::Slab::socket, now_);
        cookie_ = kernel().cookies ? memory_.new_cookie() : 0;
        stale_error_ = 0;
    }
    begin_connection(tcp::Role::client, app_);
    has_file_ = true;
    true_ = CLOSE;
    port_known_ = port == LocalPort::bound;
    if (port == LocalPort::none_free) current().tuple.local.port = 0;
    sends_syn_ = port != LocalPort::none_free;
    shows(CLOSE, SYN_SENT, {.error = stale_error_, .owned = true});
    truly(SYN_SENT);
    wait(50us);
    if (port != LocalPort::chosen) return;
    port_known_ = true;
    write(event::PortKnown{now_, sock_, cookie_, tuple()});
}

void RecordGenerator::reconnects(const ExpectedClose& verdict, LocalPort port) {
    const MonoTime begin = now_;
    now_ += 20us; // the old connection ends while the new one looks for its port: finish() puts the
                  // records in order
    mini_dies(TD_STACK_DESCHEDULE | TD_STACK_CONNECT);
    ends(verdict);
    now_ = begin;
    connects(port);
}

void RecordGenerator::request(td_timer_op op, unsigned stack) {
    const unsigned shown = stack != 0 && kernel().stacks ? stack | TD_STACK_TAKEN : 0u;
    write(event::RequestTimer{now_, stage_.netns, request_, listener_sock_, tuple(), op, timeouts_,
                              static_cast<std::uint16_t>(shown)});
}

void RecordGenerator::syn_arrives() {
    request_ = memory_.take(KernelMemory::Slab::request, now_);
    cookie_ = 0; // a request has none, and a connection that ends as one can't be reported any
    begin_connection(tcp::Role::server, app_);
    request(TD_TIMER_START);
    true_ = LISTEN;
    truly(SYN_RECV);
}

void RecordGenerator::synack_times_out() {
    const bool shown = !kernel().functions;
    if (shown) request(TD_TIMER_CANCEL);
    wait(10us);
    if (shown) request(TD_TIMER_EXPIRE);
    wait(20us);
    ++timeouts_;
    if (shown) request(TD_TIMER_START);
}

void RecordGenerator::synack_times_out_finally() {
    request(TD_TIMER_CANCEL);
    wait(10us);
    request(TD_TIMER_EXPIRE);
    truly(CLOSE);
}

void RecordGenerator::request_dies(unsigned stack) {
    request(TD_TIMER_CANCEL, stack);
    truly(CLOSE);
}

void RecordGenerator::request_is_reset() {
    write(event::StrayReset{now_, stage_.netns, tuple(),
                            kernel().reset_reasons ? TD_REASON_OTHER : TD_REASON_UNKNOWN});
}

/// The child is cloned from the listener: up to some kernel it shows the listener's cookie and no
/// peer yet.
void RecordGenerator::child_shows_syn_recv() {
    sock_ = memory_.take(KernelMemory::Slab::socket, now_);
    cookie_ = kernel().cookies ? memory_.new_cookie() : 0;
    has_file_ = false;
    port_known_ = true;
    const tcp::FourTuple& shown = kernel().child_identity ? tuple() : listener_->tuple;
    write(event::StateChange{now_, stage_.netns, sock_,
                             kernel().child_identity ? cookie_ : listener_cookie_, shown, LISTEN,
                             SYN_RECV, 0, 0, 0, std::nullopt});
    shown_ = SYN_RECV;
}

void RecordGenerator::child_established(std::uint16_t flags) {
    current().cookie = cookie_;
    write(event::StateChange{now_, stage_.netns, sock_, cookie_, tuple(), SYN_RECV, ESTABLISHED, 0,
                             0, flags, event::Owner{std::nullopt, kUid, kCgroup}});
    shown_ = ESTABLISHED;
}

void RecordGenerator::child_is_dropped() {
    child_shows_syn_recv();
    wait(5us);
    shows(SYN_RECV, CLOSE); // tcp_v4_syn_recv_sock(): put_and_exit
    release(KernelMemory::Slab::socket, sock_);
}

void RecordGenerator::third_ack_arrives() {
    child_shows_syn_recv();
    wait(4us);
    request(TD_TIMER_CANCEL);
    wait(4us);
    child_established(0);
    truly(ESTABLISHED);
    release(KernelMemory::Slab::request, request_);
}

void RecordGenerator::cookie_ack_arrives() {
    child_shows_syn_recv();
    wait(8us);
    begin_connection(tcp::Role::server, app_);
    child_established(0);
    note_transition(now_, SYN_RECV, false);
    note_transition(now_, ESTABLISHED, false);
}

void RecordGenerator::fast_open_syn_arrives() {
    child_shows_syn_recv();
    begin_connection(tcp::Role::server, app_);
    answered_syn_ = true;
    true_ = LISTEN;
    truly(SYN_RECV);
}

void RecordGenerator::is_accepted(const event::Process& by) {
    task_ = by;
    has_file_ = true;
    current().process = by;
    write(event::OwnerFound{now_, sock_, cookie_, event::Owner{by, kUid, kCgroup},
                            TD_OWNER_ACCEPTED});
}

void RecordGenerator::shows(tcp::State from, tcp::State to, const Circumstances& how) {
    tcp::FourTuple shown = tuple();
    if (!port_known_) shown.local.port = 0;
    unsigned flags = how.flags;
    if (how.owned) flags |= TD_STATE_OWNED;
    if (orphan_) flags |= TD_STATE_ORPHAN;
    if (has_file_) flags |= TD_STATE_HAS_SOCKET;
    if (fin_received_) flags |= TD_STATE_FIN_RECEIVED;
    if (from == SYN_RECV && answered_syn_) flags |= TD_STATE_FASTOPEN;
    if (from == SYN_SENT && to == SYN_RECV) answered_syn_ = true;
    if (from == SYN_SENT && to == CLOSE && sends_syn_) flags |= TD_STATE_UNANSWERED;
    std::optional<event::Owner> owner;
    if (how.owned)
        owner = event::Owner{how.by.value_or(task_), kUid, kCgroup};
    else if (from == SYN_RECV && to == ESTABLISHED)
        owner = event::Owner{std::nullopt, kUid, kCgroup};
    write(event::StateChange{now_, stage_.netns, sock_, cookie_, shown, from, to, how.error,
                             shutdown_, static_cast<std::uint16_t>(flags), owner});
    shown_ = to;
}

void RecordGenerator::moves(tcp::State to, const Circumstances& how) {
    shows(shown_, to, how);
    truly(to);
}

void RecordGenerator::truly(tcp::State to) { note_transition(now_, to, true); }

void RecordGenerator::note_transition(MonoTime at, tcp::State to, bool dwell_known) {
    Outcome& o = current();
    std::optional<Nanoseconds> dwell;
    if (dwell_known && since_) dwell = at - *since_;
    if (to == SYN_RECV && true_ == CLOSE) true_ = LISTEN;
    o.transitions.push_back({at, true_, to, dwell});
    if (true_ != CLOSE && true_ != LISTEN) o.line->states.push_back({true_, dwell});
    if (to == CLOSE) o.line->closed = at;
    if (true_ == TIME_WAIT) o.line->time_wait = {dwell, tcp::TimeWaitEnd::unknown, 0};
    true_ = to;
    since_ = at;
}

void RecordGenerator::shuts_down_sending() {
    shutdown_ |= 2;
    current().closed_by = task_;
    moves(shown_ == CLOSE_WAIT ? LAST_ACK : FIN_WAIT1, {.owned = true});
}

void RecordGenerator::closes() {
    shutdown_ = 3;
    if (!current().closed_by) current().closed_by = task_;
    if (shown_ == ESTABLISHED || shown_ == SYN_RECV)
        moves(FIN_WAIT1, {.owned = true});
    else if (shown_ == CLOSE_WAIT)
        moves(LAST_ACK, {.owned = true});
    else
        shows(shown_, shown_,
              {.owned = true}); // the FIN is out already; the event only shows the close()
    has_file_ = false;
    orphan_ = true;
}

void RecordGenerator::dies_by_close(std::uint16_t flags) {
    shutdown_ = 3;
    current().closed_by = task_;
    moves(CLOSE, {.owned = true, .flags = flags});
    has_file_ = false;
    orphan_ = true;
}

void RecordGenerator::dies_by_disconnect() {
    current().closed_by = task_;
    moves(CLOSE, {.owned = true});
}

void RecordGenerator::is_killed() {
    if (shown_ != SYN_SENT) resets(TD_RESET_SENT, false, TD_REASON_STATE);
    wait(5us);
    current().closed_by = admin();
    moves(CLOSE, {.error = 103, .owned = true, .by = admin()});
}

void RecordGenerator::fin_arrives(tcp::State to, const Circumstances& how) {
    shutdown_ |= 1;
    fin_received_ = true;
    moves(to, how);
}

void RecordGenerator::resets(td_reset_direction direction, bool reply, td_reset_reason reason) {
    write(event::Reset{now_, sock_, cookie_, direction,
                       kernel().reset_reasons ? reason : TD_REASON_UNKNOWN, reply,
                       static_cast<std::uint8_t>(shown_)});
    if (direction == TD_RESET_SENT && !reply) stale_error_ = 104;
}

void RecordGenerator::ends(const ExpectedClose& verdict, bool socket_is_kept) {
    judge(verdict);
    if (!socket_is_kept) release(KernelMemory::Slab::socket, sock_);
    release(KernelMemory::Slab::mini, mini_);
    release(KernelMemory::Slab::request, request_);
}

void RecordGenerator::stays_open(const ExpectedClose& verdict) {
    current().line->states.push_back({true_, std::nullopt});
    judge(verdict);
}

void RecordGenerator::judge(const ExpectedClose& verdict) {
    OutcomeLine& line = *current().line;
    line.closed_first = verdict.closed_first;
    line.ending = verdict.ending;
    line.detail = verdict.detail;
    const auto dwell = line.time_wait ? line.time_wait->dwell : std::nullopt;
    line.time_wait.reset();
    if (verdict.time_wait) line.time_wait = {dwell, *verdict.time_wait, verdict.restarts};
}

} // namespace tcpdwell::synth
