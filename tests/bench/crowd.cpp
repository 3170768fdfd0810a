// SPDX-License-Identifier: Apache-2.0
// The records of a passive open, an active close and an expiry, as Linux 6.18 shows them.
#include "crowd.h"

#include "event/encode.h"
#include "synth/setting.h"

namespace tcpdwell::bench {
namespace {

using namespace std::chrono_literals;
using enum tcp::State;

constexpr std::uint32_t kNetns = 4026531840;
constexpr std::uint64_t kListeners = 0xffff880000000000; ///< kernel addresses by kind of object
constexpr std::uint64_t kSockets = 0xffff880100000000;
constexpr std::uint64_t kMinis = 0xffff888000000000;
constexpr std::uint64_t kRequests = 0xffff890000000000;
constexpr std::size_t kInFlight =
    256; ///< connections that are opened before the first of them is closed
constexpr std::size_t kWorkers = 4; ///< processes of one service

event::Process make_process(std::size_t pid, std::string_view name) {
    event::Process p{static_cast<std::uint32_t>(pid), {}};
    std::copy(name.begin(), name.end(), p.comm_bytes.begin());
    return p;
}

tcp::IpAddress address(std::uint8_t net, std::size_t host) {
    tcp::IpAddress a;
    a.bytes = {0,
               0,
               0,
               0,
               0,
               0,
               0,
               0,
               0,
               0,
               0xff,
               0xff,
               net,
               std::uint8_t(host >> 16),
               std::uint8_t(host >> 8),
               std::uint8_t(host)};
    return a;
}

} // namespace

struct Crowd::One {
    std::size_t service;
    bool closes;
    std::uint64_t sock;
    std::uint64_t mini;
    std::uint64_t request;
    std::uint64_t cookie;
    tcp::FourTuple tuple;
    event::Owner owner;
};

Crowd::Crowd(const CrowdOptions& options) : options_(options), now_(synth::kTestClock.mono) {}

MonoTime Crowd::tick() { return now_ += 3us; }

void Crowd::write(const event::Event& event, const Sink& sink) const {
    sink(encode(event, synth::kTestClock));
}

Crowd::One Crowd::one(std::size_t number) const {
    One c;
    c.service = number % options_.services;
    // What is opened to replace an expired connection is closed as that was.
    c.closes = number >= options_.connections || (number / options_.services + number) % 2 == 0;
    // A closed socket's memory is soon used again; that of an open one isn't.
    c.sock = kSockets + 0x1000 * (c.closes ? number % (2 * kInFlight) : 2 * kInFlight + number);
    c.mini = kMinis + 0x100 * number;
    c.request = kRequests + 0x200 * (number % kInFlight);
    c.cookie = 1 + options_.services + number;
    // 20 000 services on one address at most, and each client uses its ports one after the other.
    const std::size_t round = number / options_.services;
    c.tuple = {{address(10, 1), static_cast<tcp::Port>(10'000 + c.service)},
               {address(11, 1 + round / 20'000), static_cast<tcp::Port>(32'768 + round % 20'000)},
               tcp::Family::ipv4};
    c.owner =
        event::Owner{make_process(100'000 + c.service * kWorkers + round % kWorkers, "worker"), 33,
                     5000 + c.service};
    return c;
}

void Crowd::begin(const Sink& sink) {
    write(event::ClockReading{synth::kTestClock}, sink);
    for (std::size_t i = 0; i < options_.services; ++i) {
        const tcp::FourTuple local{
            {address(10, 1), static_cast<tcp::Port>(10'000 + i)}, {}, tcp::Family::ipv4};
        write(event::StateChange{tick(), kNetns, kListeners + 0x1000 * i, 1 + i, local, CLOSE,
                                 LISTEN, 0, 0, TD_STATE_OWNED | TD_STATE_HAS_SOCKET,
                                 event::Owner{make_process(10'000 + i, "service"), 33, 5000 + i}},
              sink);
    }
}

void Crowd::open(const One& c, const Sink& sink) {
    const std::uint64_t listener = kListeners + 0x1000 * c.service;
    const event::Owner nobody{std::nullopt, c.owner.uid, c.owner.cgroup};
    write(event::RequestTimer{tick(), kNetns, c.request, listener, c.tuple, TD_TIMER_START, 0},
          sink);
    write(event::StateChange{tick(), kNetns, c.sock, c.cookie, c.tuple, LISTEN, SYN_RECV, 0, 0, 0,
                             std::nullopt},
          sink);
    write(event::RequestTimer{tick(), kNetns, c.request, listener, c.tuple, TD_TIMER_CANCEL, 0},
          sink);
    write(event::StateChange{tick(), kNetns, c.sock, c.cookie, c.tuple, SYN_RECV, ESTABLISHED, 0, 0,
                             0, nobody},
          sink);
    write(event::OwnerFound{tick(), c.sock, c.cookie, c.owner, TD_OWNER_ACCEPTED}, sink);
}

void Crowd::close(const One& c, const Sink& sink) {
    write(event::StateChange{tick(), kNetns, c.sock, c.cookie, c.tuple, ESTABLISHED, FIN_WAIT1, 0,
                             3, TD_STATE_OWNED | TD_STATE_HAS_SOCKET, c.owner},
          sink);
    write(event::StateChange{tick(), kNetns, c.sock, c.cookie, c.tuple, FIN_WAIT1, FIN_WAIT2, 0, 3,
                             TD_STATE_ORPHAN, std::nullopt},
          sink);
    write(event::TimewaitTimer{tick(), kNetns, c.mini, c.cookie, c.tuple, TD_TIMER_START, TIME_WAIT,
                               now_ + 60s, now_, 0},
          sink);
    write(event::StateChange{tick(), kNetns, c.sock, c.cookie, c.tuple, FIN_WAIT2, CLOSE, 0, 3,
                             TD_STATE_ORPHAN, std::nullopt},
          sink);
}

void Crowd::expire(const One& c, const Sink& sink) {
    const auto stack = static_cast<std::uint16_t>(TD_STACK_TAKEN | TD_STACK_RUN_TIMERS);
    write(event::TimewaitTimer{tick(), kNetns, c.mini, c.cookie, c.tuple, TD_TIMER_CANCEL,
                               TIME_WAIT, now_, now_ - 60s, stack},
          sink);
    write(event::TimewaitTimer{tick(), kNetns, c.mini, c.cookie, c.tuple, TD_TIMER_EXPIRE,
                               TIME_WAIT, now_, now_ - 60s, 0},
          sink);
}

void Crowd::fill(const Sink& sink) {
    const std::size_t number = opened_++;
    open(one(number), sink);
    if (number < kInFlight) return;
    const One earlier = one(number - kInFlight);
    if (earlier.closes) close(earlier, sink);
}

void Crowd::churn(const Sink& sink) {
    fill(sink);
    while (!one(expired_).closes) ++expired_;
    expire(one(expired_++), sink);
}

} // namespace tcpdwell::bench
