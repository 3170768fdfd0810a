// SPDX-License-Identifier: Apache-2.0
// The dice for each kind of event.
#include "random_event.h"

#include <algorithm>
#include <tuple>

#include "event/record.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

class RandomSource {
public:
    RandomSource(std::mt19937_64& random, const ClockAnchor& clock)
        : random_(random), clock_(clock) {}

    std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
    template <class Integer>
    Integer any() {
        return static_cast<Integer>(below(3) == 0 ? below(4)
                                                  : random_()); // small values are special ones
    }
    bool coin() { return below(2) == 0; }
    tcp::State state() { return kAllOf<tcp::State>[below(kAllOf<tcp::State>.size())]; }
    tcp::State substate() { return coin() ? tcp::State::FIN_WAIT2 : tcp::State::TIME_WAIT; }
    MonoTime time() { return clock_.mono + Nanoseconds(below(8'640'000'000'000'000)); } // 100 days
    std::optional<MonoTime> tick() {
        if (coin()) return std::nullopt;
        return clock_.from_jiffies(clock_.jiffies + 1 + below(1'000'000));
    }
    std::optional<MonoTime> millisecond_before(MonoTime at) {
        if (coin()) return std::nullopt;
        const auto now = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch());
        const auto longest = std::min<std::int64_t>(now.count(), 20ll * 24 * 3600 * 1000);
        const auto then =
            now - std::chrono::milliseconds(below(static_cast<std::uint64_t>(longest)));
        if (static_cast<std::uint32_t>(then.count()) == 0)
            return std::nullopt; // can't be distinguished from no stamp
        return MonoTime(then);
    }
    tcp::Endpoint endpoint(bool v4) {
        tcp::Endpoint e;
        for (auto& byte : e.address.bytes) byte = any<std::uint8_t>();
        if (v4) {
            std::fill_n(e.address.bytes.begin(), 10, std::uint8_t(0));
            std::fill_n(e.address.bytes.begin() + 10, 2, std::uint8_t(0xff));
        }
        e.port = static_cast<tcp::Port>(1 + below(65535));
        return e;
    }
    tcp::FourTuple tuple() {
        const bool v4 = coin();
        tcp::FourTuple t{endpoint(v4), endpoint(v4),
                         v4 && coin() ? tcp::Family::ipv4 : tcp::Family::ipv6};
        if (below(4) == 0) t.remote = tcp::Endpoint{};
        if (below(4) == 0) t.local.port = 0;
        return t;
    }
    event::Owner owner(bool may_have_process = true) {
        event::Owner o;
        if (may_have_process && coin()) {
            o.process = event::Process{static_cast<std::uint32_t>(1 + below(4'000'000)), {}};
            for (std::size_t i = 0, n = below(TD_COMM_LEN); i < n; ++i)
                o.process->comm_bytes[i] = static_cast<char>(1 + below(255));
            if (coin()) o.process->thread_bytes[0] = static_cast<char>(1 + below(255));
        }
        if (coin()) o.uid = static_cast<std::uint32_t>(below(TD_NO_UID));
        o.cgroup = any<std::uint64_t>();
        return o;
    }
    std::string text(std::size_t longest) {
        std::string s(1 + below(longest), ' ');
        for (char& c : s) c = static_cast<char>(1 + below(255));
        return s;
    }
    OptionalNumber<std::uint32_t> number() { return any<std::uint32_t>(); }
    OptionalNumber<std::uint32_t> duration_ms() { // whole ticks
        if (coin() || clock_.hz == 0) return {};
        return static_cast<std::uint32_t>((below(1'000'000) * 1000 + clock_.hz / 2) / clock_.hz);
    }
    event::SocketNumbers numbers() {
        event::SocketNumbers n;
        n.bytes_sent = any<std::uint64_t>();
        n.bytes_acked = any<std::uint64_t>();
        n.bytes_received = any<std::uint64_t>();
        for (auto* field :
             {&n.unsent, &n.unacked, &n.unread, &n.segments_sent, &n.segments_received,
              &n.segments_retransmitted, &n.rtt_us, &n.rtt_min_us, &n.peer_window})
            *field = number();
        for (auto* field : {&n.receiver_limited_ms, &n.send_buffer_limited_ms, &n.since_received_ms,
                            &n.since_sent_ms})
            *field = duration_ms();
        n.timeouts = any<std::uint8_t>();
        n.probes = any<std::uint8_t>();
        n.flags = any<std::uint8_t>();
        return n;
    }
    td_timer_op op() { return static_cast<td_timer_op>(1 + below(3)); }

private:
    std::mt19937_64& random_;
    const ClockAnchor& clock_;
};

auto fields(const event::Owner& o) { return std::make_tuple(o.process, o.uid, o.cgroup); }
auto fields(const event::StateChange& e) {
    return std::make_tuple(e.at, e.netns, e.sock, e.cookie, e.tuple, e.from, e.to, e.error,
                           e.shutdown, e.flags, e.signal,
                           e.owner ? std::optional(fields(*e.owner)) : std::nullopt);
}
auto fields(const event::TimewaitTimer& e) {
    return std::make_tuple(e.at, e.netns, e.mini, e.cookie, e.tuple, e.op, e.substate, e.expires,
                           e.entered, e.stack);
}
auto fields(const event::RequestTimer& e) {
    return std::make_tuple(e.at, e.netns, e.request, e.listener, e.tuple, e.op, e.timeouts,
                           e.stack);
}
auto fields(const event::Reset& e) {
    return std::make_tuple(e.at, e.sock, e.cookie, e.direction, e.reason, e.reply, e.state);
}
auto fields(const event::OwnerFound& e) {
    return std::make_tuple(e.at, e.sock, e.cookie, fields(e.owner), e.how);
}
auto fields(const event::SocketListed& e) {
    return std::make_tuple(e.at, e.netns, e.sock, e.cookie, e.tuple, e.state, e.mini, e.request,
                           e.sweep, e.expires, e.entered, e.listener, fields(e.owner), e.held);
}
auto fields(const event::Snapshot& e) { return std::make_tuple(e.at, e.netns, e.op, e.complete); }
auto fields(const event::LostTotals& e) { return std::make_tuple(e.at, e.total, e.before); }
auto fields(const event::ClockReading& e) {
    return std::make_tuple(e.anchor.mono, e.anchor.wall, e.anchor.jiffies, e.anchor.hz);
}
auto fields(const event::CgroupPath& e) { return std::make_tuple(e.id, e.path); }
auto fields(const event::ContainerName& e) { return std::make_tuple(e.cgroup, e.text); }
auto fields(const event::Fact& e) { return std::make_tuple(e.netns, e.key, e.value); }
auto fields(const event::Gap& e) { return std::make_tuple(e.at, e.until, e.new_run); }
auto fields(const event::NumbersRead& e) {
    return std::make_tuple(e.at, e.netns, e.sock, e.cookie, e.state, e.mptcp_state, e.backlog,
                           e.numbers);
}
auto fields(const event::HoldersFound& e) {
    return std::make_tuple(e.at, e.sock, e.cookie, e.count, e.processes, e.partial);
}
auto fields(const event::StrayReset& e) {
    return std::make_tuple(e.at, e.netns, e.tuple, e.reason, e.left_out);
}
auto fields(const event::KernelCounters& e) { return std::make_tuple(e.at, e.netns, e.counters); }
auto fields(const event::RecordingStopped& e) { return std::make_tuple(e.at); }
auto fields(const event::ProcessForked& e) { return std::make_tuple(e.at, e.parent, e.pid); }
auto fields(const event::PortKnown& e) { return std::make_tuple(e.at, e.sock, e.cookie, e.tuple); }

} // namespace

event::Event random_event(std::mt19937_64& random, const ClockAnchor& clock) {
    RandomSource d(random, clock);
    const MonoTime at = d.time();
    const auto netns = d.any<std::uint32_t>();
    const auto object = d.any<std::uint64_t>();
    const auto cookie = d.any<std::uint64_t>();
    switch (d.below(std::variant_size_v<event::Event>)) {
    case 0: {
        event::StateChange e{at,
                             netns,
                             object,
                             cookie,
                             d.tuple(),
                             d.state(),
                             d.state(),
                             d.any<std::uint8_t>(),
                             d.any<std::uint8_t>(),
                             d.any<std::uint16_t>(),
                             std::nullopt,
                             d.any<std::uint8_t>()};
        if (d.coin()) e.owner = d.owner();
        return e;
    }
    case 1:
        return event::TimewaitTimer{at,
                                    netns,
                                    object,
                                    cookie,
                                    d.tuple(),
                                    d.op(),
                                    d.substate(),
                                    d.tick(),
                                    d.millisecond_before(at),
                                    d.any<std::uint16_t>()};
    case 2:
        return event::RequestTimer{at,
                                   netns,
                                   object,
                                   d.any<std::uint64_t>(),
                                   d.tuple(),
                                   d.op(),
                                   d.any<std::uint8_t>(),
                                   d.any<std::uint16_t>()};
    case 3:
        return event::Reset{at,
                            object,
                            cookie,
                            static_cast<td_reset_direction>(1 + d.below(2)),
                            static_cast<td_reset_reason>(d.below(11)),
                            d.coin(),
                            d.any<std::uint8_t>()};
    case 4:
        return event::OwnerFound{at, object, cookie, d.owner(),
                                 static_cast<td_owner_how>(1 + d.below(2))};
    case 5:
        return event::SocketListed{at,
                                   netns,
                                   object,
                                   cookie,
                                   d.tuple(),
                                   d.state(),
                                   d.coin(),
                                   d.coin(),
                                   d.coin(),
                                   d.tick(),
                                   d.millisecond_before(at),
                                   d.any<std::uint64_t>(),
                                   d.owner(false),
                                   d.coin() ? std::optional(d.coin()) : std::nullopt};
    case 6:
        return event::Snapshot{at, netns, static_cast<td_snapshot_op>(1 + d.below(2)), d.coin()};
    case 7: {
        event::LostTotals e{at, {}, d.coin()};
        for (auto& total : e.total) total = d.below(event::kMostLost + 1);
        return e;
    }
    case 8:
        return event::ClockReading{{at, WallTime(Nanoseconds(d.below(3'000'000'000'000'000'000))),
                                    d.any<std::uint64_t>(),
                                    static_cast<std::uint32_t>(d.below(1'000'001))}};
    case 9: return event::CgroupPath{object, d.text(4096)};
    case 10: return event::Fact{netns, d.text(60), d.coin() ? d.text(300) : ""};
    case 11: {
        const MonoTime other = d.time();
        return event::Gap{std::min(at, other), std::max(at, other), d.coin()};
    }
    case 12:
        return event::NumbersRead{at,
                                  netns,
                                  object,
                                  cookie,
                                  d.state(),
                                  d.coin() ? std::optional(d.state()) : std::nullopt,
                                  d.any<std::uint32_t>(),
                                  d.numbers()};
    case 13: {
        event::HoldersFound e{at, object, cookie, 0, {}, d.coin()};
        for (auto n = d.below(TD_MOST_HOLDERS + 1); n > 0; --n)
            if (auto process = d.owner().process) {
                process->thread_bytes = {};
                e.processes.push_back(*process);
            }
        e.count = static_cast<std::uint32_t>(e.processes.size());
        if (e.count == TD_MOST_HOLDERS) e.count += static_cast<std::uint32_t>(d.below(1000));
        return e;
    }
    case 14:
        return event::StrayReset{at, netns, d.tuple(), static_cast<td_reset_reason>(d.below(11)),
                                 static_cast<std::uint32_t>(d.below(1000))};
    case 15: {
        event::KernelCounters e{at, netns, {}};
        for (auto n = d.below(40); n > 0; --n)
            e.counters.push_back({"TcpExt.N" + std::to_string(n), d.any<std::uint64_t>()});
        return e;
    }
    case 16: return event::RecordingStopped{at};
    case 17: return event::ProcessForked{at, d.any<std::uint32_t>(), d.any<std::uint32_t>()};
    case 18: return event::ContainerName{object, d.text(300)};
    default: return event::PortKnown{at, object, cookie, d.tuple()};
    }
}

event::Event random_event_among_few(std::mt19937_64& random, const ClockAnchor& clock) {
    event::Event event = random_event(random, clock);
    const auto choose = [&](auto& e) {
        if constexpr (requires { e.sock; }) e.sock = random() % 8;
        if constexpr (requires { e.substate; }) e.mini = random() % 8;
        if constexpr (requires { e.timeouts; }) e.request = random() % 8;
        if constexpr (requires { e.cookie; }) e.cookie = random() % 3;
        if constexpr (requires { e.netns; }) e.netns = random() % 2;
        if constexpr (requires { e.tuple; })
            if (random() % 2 == 0)
                e.tuple = {
                    {*tcp::IpAddress::parse("10.0.0.1"), static_cast<tcp::Port>(random() % 3)},
                    {*tcp::IpAddress::parse("10.0.0.2"), 80},
                    tcp::Family::ipv4};
    };
    std::visit(choose, event);
    return event;
}

bool same(const event::Event& a, const event::Event& b) {
    if (a.index() != b.index()) return false;
    return std::visit(
        [&](const auto& event) {
            return fields(event) == fields(std::get<std::decay_t<decltype(event)>>(b));
        },
        a);
}

} // namespace tcpdwell::test
