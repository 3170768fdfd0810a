// SPDX-License-Identifier: Apache-2.0
// For tests of findings: stories on one host, reported up to a moment, and the report then.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "connection_mix.h"
#include "lines.h"
#include "report_access.h"
#include "tracked_report.h"

namespace tcpdwell::test {

using testing::HasSubstr;
using testing::Not;

class RuleTest : public testing::Test {
protected:
    using Vary = ConnectionMix::Vary;

    static synth::Setting here(const tcp::FourTuple& ends, Nanoseconds start = 0s,
                               std::uint32_t pid = 1000) {
        return synth::Setting{.netns = kNetns, .tuple = ends, .start = at(start), .first_pid = pid};
    }
    /// Clients here of one remote endpoint; `first` is the first local port.
    void clients(const synth::Scenario& what, std::size_t count, tcp::Port first = 40'000,
                 std::string_view remote = "10.0.0.5", Nanoseconds start = 0s) {
        town.add(what, here(tuple("10.0.0.1", first, remote, 5432), start), count,
                 Vary::local_port);
    }
    /// Connections to port 80 here.
    void served(const synth::Scenario& what, std::size_t count, tcp::Port first = 50'000,
                Nanoseconds start = 0s) {
        town.add(what, here(tuple("10.0.0.1", 80, "192.0.2.7", first), start, 100), count,
                 Vary::remote_port);
    }
    void sysctl(const std::string& name, const std::string& value, std::uint32_t netns = 0) {
        facts.push_back(event::Fact{netns, name, value});
    }
    void threshold(const std::string& text) { ASSERT_TRUE(options.thresholds.set(text)) << text; }

    /// A socket that a listing found at 1 s, and what was known of it then.
    struct Listed {
        tcp::State state;
        tcp::FourTuple ends;
        std::optional<event::Process> opener{};
        std::vector<event::Process> holders{};
        bool are_all = true; ///< the holders
        std::optional<event::SocketNumbers> numbers{};
        OptionalNumber<std::uint32_t> backlog{};
        std::optional<bool> held{};
        std::uint32_t netns = kNetns;
    };
    void listed(const Listed& socket) {
        const MonoTime then = at(1s);
        const std::uint64_t sock = 0x1000 + 0x100 * more.size();
        event::SocketListed found{};
        found.at = then;
        found.netns = socket.netns;
        found.sock = found.cookie = sock;
        found.tuple = socket.ends;
        found.state = socket.state;
        found.held = socket.held;
        more.emplace_back(1s, found);
        if (socket.opener)
            more.emplace_back(
                1s, event::OwnerFound{then, sock, sock, {socket.opener, {}, 0}, TD_OWNER_HOLDS});
        const auto count = static_cast<std::uint32_t>(socket.holders.size());
        if (count != 0)
            more.emplace_back(
                1s, event::HoldersFound{then, sock, sock, count, socket.holders, !socket.are_all});
        if (!socket.numbers) return;
        event::NumbersRead read{};
        read.at = then;
        read.netns = socket.netns;
        read.sock = read.cookie = sock;
        read.state = socket.state;
        read.numbers = *socket.numbers;
        read.backlog = socket.backlog;
        more.emplace_back(1s, read);
    }

    /// Everything that was reported before `now`, and the report at that time.
    const report::Report& report(Nanoseconds now) {
        run = std::make_unique<TrackedReport>(options);
        for (const event::Fact& fact : facts) run->feed(fact, at(0s));
        std::size_t fed = 0;
        const auto feed_more = [&](MonoTime until) {
            for (; fed < more.size() && at(more[fed].first) < until; ++fed)
                run->feed(more[fed].second, at(more[fed].first));
        };
        for (const synth::WireRecord& record : town.tell().records) {
            if (record.at >= at(now)) break;
            feed_more(record.at);
            run->feed(record);
        }
        feed_more(at(now));
        run->pass_time(at(now));
        last = run->report();
        return last;
    }
    /// Of the report at that time; nullptr if it has none of that id.
    const report::Finding* found(std::string_view id, Nanoseconds now) {
        return finding(report(now), id);
    }

    ConnectionMix town;
    analysis::ReportOptions options;
    std::vector<event::Fact> facts;
    std::vector<std::pair<Nanoseconds, event::Event>> more; ///< beside the stories, in order
    std::unique_ptr<TrackedReport> run;
    report::Report last;
};

/// After everything that ends has ended.
inline constexpr Nanoseconds kLater = 1h;

} // namespace tcpdwell::test
