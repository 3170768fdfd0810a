// SPDX-License-Identifier: Apache-2.0
// Many stories at once, between the ends that a test chooses. Also used by the golden files.
#pragma once

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "synth/scenario.h"

namespace tcpdwell::test {

inline synth::Scenario scenario(std::string_view name) {
    for (const synth::Scenario& s : synth::all_scenarios())
        if (s.name == name) return s;
    throw std::invalid_argument("no scenario " + std::string(name));
}

inline tcp::IpAddress address(std::string_view text) { return tcp::IpAddress::parse(text).value(); }

/// "10.0.0.1" and 80 to "10.0.0.2" and 50000; IPv6 in the same way.
inline tcp::FourTuple tuple(std::string_view local, tcp::Port local_port, std::string_view remote,
                            tcp::Port remote_port) {
    const bool v4 = address(local).is_v4();
    return {{address(local), local_port},
            {address(remote), remote_port},
            v4 ? tcp::Family::ipv4 : tcp::Family::ipv6};
}

/// Collects stories, then reports them in the order of their begins, as the kernel's memory needs
/// it.
class ConnectionMix {
public:
    enum class Vary { local_port, remote_port };

    void add(const synth::Scenario& what, const synth::Setting& stage) {
        plans_.push_back({what, stage});
    }
    /// `count` stories of the same kind, a millisecond after each other, from or to ports in a row.
    void add(const synth::Scenario& what, synth::Setting stage, std::size_t count, Vary vary) {
        for (std::size_t i = 0; i < count; ++i) {
            add(what, stage);
            ++(vary == Vary::local_port ? stage.tuple.local : stage.tuple.remote).port;
            stage.start += std::chrono::milliseconds(1);
        }
    }

    synth::GeneratedConnection tell() {
        std::stable_sort(plans_.begin(), plans_.end(), [](const Plan& a, const Plan& b) {
            return a.stage.start < b.stage.start;
        });
        synth::KernelMemory memory;
        synth::GeneratedConnection all;
        for (const Plan& plan : plans_) {
            synth::GeneratedConnection story = synth::tell(plan.what, plan.stage, memory);
            std::move(story.records.begin(), story.records.end(), std::back_inserter(all.records));
            std::move(story.outcomes.begin(), story.outcomes.end(),
                      std::back_inserter(all.outcomes));
        }
        std::stable_sort(
            all.records.begin(), all.records.end(),
            [](const synth::WireRecord& a, const synth::WireRecord& b) { return a.at < b.at; });
        return all;
    }

private:
    struct Plan {
        synth::Scenario what;
        synth::Setting stage;
    };
    std::vector<Plan> plans_;
};

// Stories that the catalog hasn't, since they are about what never ends.

inline constexpr synth::ExpectedClose kStaysOpen{tcp::ClosedFirst::none, tcp::Ending::open};

/// The peer has closed, and nobody here does.
inline const synth::Scenario kLeaks{"leaks",
                                    [](synth::RecordGenerator& t) {
                                        open_as_client(t);
                                        t.fin_arrives(tcp::State::CLOSE_WAIT);
                                        t.stays_open({tcp::ClosedFirst::remote, tcp::Ending::open});
                                    },
                                    false};
/// NullListener acknowledges the FIN that answers the peer's.
inline const synth::Scenario kLastAckStays{
    "last_ack_stays",
    [](synth::RecordGenerator& t) {
        open_as_client(t);
        t.fin_arrives(tcp::State::CLOSE_WAIT);
        t.wait(std::chrono::milliseconds(10));
        t.closes();
        t.stays_open({tcp::ClosedFirst::remote, tcp::Ending::open});
    },
    false};
inline const synth::Scenario kClosingStays{
    "closing_stays",
    [](synth::RecordGenerator& t) {
        open_as_client(t);
        t.closes();
        t.wait(std::chrono::microseconds(100));
        t.fin_arrives(tcp::State::CLOSING);
        t.stays_open({tcp::ClosedFirst::both, tcp::Ending::open});
    },
    false};
/// The third ACK never comes, and the request hasn't timed out yet.
inline const synth::Scenario kSynRecvStays{"syn_recv_stays",
                                           [](synth::RecordGenerator& t) {
                                               t.listens();
                                               t.syn_arrives();
                                               t.wait(std::chrono::milliseconds(100));
                                               t.stays_open(kStaysOpen);
                                           },
                                           false};

} // namespace tcpdwell::test
