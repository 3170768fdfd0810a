// SPDX-License-Identifier: Apache-2.0
// For tests of findings on what ended connections: reports on lines made by hand.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "analysis/report_maker.h"
#include "ended_line.h"
#include "report_access.h"

namespace tcpdwell::test {

using testing::HasSubstr;
using testing::Not;

class CauseFindings : public testing::Test, private track::TrackerListener {
protected:
    void end(EndedLine ended, int times = 1) {
        for (int i = 0; i < times; ++i) {
            ++count_;
            ended.who.id = 0xabc00u + static_cast<unsigned>(count_);
            // Each between ports of its own, unless pairs are meant.
            auto& port = ended.who.role == tcp::Role::server ? ended.who.tuple.remote.port
                                                             : ended.who.tuple.local.port;
            if (!keeps_ports_) {
                port = static_cast<tcp::Port>(20'000 + count_);
                ended.line.closed = at(2s + count_ * 20ms);
            }
            const track::ConnectionLine& line = ended.get();
            maker_.on_move({at(1s), &ended.who, std::nullopt, ESTABLISHED, true});
            maker_.on_move({at(2s), &ended.who, ESTABLISHED, std::nullopt});
            maker_.on_connection(line);
        }
    }
    /// Its handshake is over.
    void connected(const track::ConnectionIdentity& who, Nanoseconds after = 1ms,
                   Nanoseconds when = 1s) {
        maker_.on_transition({at(when), &who, SYN_SENT, ESTABLISHED, after});
    }
    /// A socket begins to listen, or doesn't any more, closed by that process.
    void listener(tcp::Endpoint at_endpoint, Nanoseconds when, bool begins, std::uint32_t pid = 100,
                  std::uint32_t netns = kNetns,
                  const std::optional<event::Process>& closed_by = std::nullopt,
                  std::optional<tcp::ClosedHow> how = std::nullopt) {
        track::ConnectionIdentity who;
        who.id = 0xff00;
        who.slot = 9'999;
        who.netns = netns;
        who.closed_by = closed_by;
        who.role = tcp::Role::server;
        who.tuple = {at_endpoint, tcp::Endpoint{}, tcp::Family::ipv4};
        who.process = process(pid, "app");
        const std::optional<tcp::State> listen = tcp::State::LISTEN;
        maker_.on_move({at(when), &who, begins ? std::nullopt : listen,
                        begins ? listen : std::nullopt, begins, how});
    }
    /// The kernel has sent so many RSTs since the first reading.
    void rsts_sent(std::uint64_t count, std::uint32_t netns = kNetns) {
        const event::KernelCounters::Counter before[] = {{"Tcp.OutRsts", 0}};
        const event::KernelCounters::Counter after[] = {{"Tcp.OutRsts", count}};
        maker_.on_counters({at(0s), netns, before});
        maker_.on_counters({at(9s), netns, after});
    }
    /// A connect is answered.
    void answered(EndedLine& client, Nanoseconds when) {
        client.get();
        maker_.on_transition({at(when), &client.who, SYN_SENT, ESTABLISHED, 1ms});
    }
    /// What was reported before is forgotten.
    void begin_anew() {
        maker_.next_interval(at(0s));
        count_ = 0;
    }
    const report::Report& report() {
        const analysis::HostFacts host;
        report_ = maker_.make(tracker_, {}, host, synth::kTestClock, {}, at(10s));
        return report_;
    }
    std::vector<std::string_view> ids() {
        std::vector<std::string_view> found;
        for (const report::Finding& each : section<report::Findings>(report(), "findings").list)
            found.push_back(each.id);
        return found;
    }
    const report::Finding* found(std::string_view id) { return finding(report(), id); }

    bool keeps_ports_ = false;

private:
    void on_transition(const track::TransitionLine&) override {}
    void on_connection(const track::ConnectionLine&) override {}
    void on_lost(const track::LostLine&) override {}

    analysis::ReportMaker maker_{{}, at(0s)};
    track::Tracker tracker_{*this, {}};
    report::Report report_;
    int count_ = 0;
};

} // namespace tcpdwell::test
