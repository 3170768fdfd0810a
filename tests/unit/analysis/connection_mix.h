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

namespace tcpdwell {

inline Scenario scenario(std::string_view name) {
    for (const Scenario& s : all_scenarios())
        if (s.name == name) return s;
    throw std::invalid_argument("no scenario " + std::string(name));
}

inline IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

/// "10.0.0.1" and 80 to "10.0.0.2" and 50000; IPv6 in the same way.
inline FourTuple tuple(std::string_view local, Port local_port, std::string_view remote,
                       Port remote_port) {
    const bool v4 = address(local).is_v4();
    return {{address(local), local_port},
            {address(remote), remote_port},
            v4 ? Family::ipv4 : Family::ipv6};
}

/// Collects stories, then tells them in the order of their begins, as the kernel's memory needs it.
class ConnectionMix {
public:
    enum class Vary { local_port, remote_port };

    void add(const Scenario& what, const Setting& stage) { plans_.push_back({what, stage}); }
    /// `count` stories of the same kind, a millisecond after each other, from or to ports in a row.
    void add(const Scenario& what, Setting stage, std::size_t count, Vary vary) {
        for (std::size_t i = 0; i < count; ++i) {
            add(what, stage);
            ++(vary == Vary::local_port ? stage.tuple.local : stage.tuple.remote).port;
            stage.start += std::chrono::milliseconds(1);
        }
    }

    GeneratedConnection tell() {
        std::stable_sort(plans_.begin(), plans_.end(), [](const Plan& a, const Plan& b) {
            return a.stage.start < b.stage.start;
        });
        KernelMemory memory;
        GeneratedConnection all;
        for (const Plan& plan : plans_) {
            GeneratedConnection story = tcpdwell::tell(plan.what, plan.stage, memory);
            std::move(story.records.begin(), story.records.end(), std::back_inserter(all.records));
            std::move(story.outcomes.begin(), story.outcomes.end(),
                      std::back_inserter(all.outcomes));
        }
        std::stable_sort(all.records.begin(), all.records.end(),
                         [](const WireRecord& a, const WireRecord& b) { return a.at < b.at; });
        return all;
    }

private:
    struct Plan {
        Scenario what;
        Setting stage;
    };
    std::vector<Plan> plans_;
};

// Stories that the catalog hasn't, since they are about what never ends.

inline constexpr ExpectedClose kStaysOpen{ClosedFirst::none, Ending::open};

/// The peer has closed, and nobody here does.
inline const Scenario kLeaks{"leaks",
                             [](RecordGenerator& t) {
                                 open_as_client(t);
                                 t.fin_arrives(TcpState::CLOSE_WAIT);
                                 t.stays_open({ClosedFirst::remote, Ending::open});
                             },
                             false};
/// NullListener acknowledges the FIN that answers the peer's.
inline const Scenario kLastAckStays{"last_ack_stays",
                                    [](RecordGenerator& t) {
                                        open_as_client(t);
                                        t.fin_arrives(TcpState::CLOSE_WAIT);
                                        t.wait(std::chrono::milliseconds(10));
                                        t.closes();
                                        t.stays_open({ClosedFirst::remote, Ending::open});
                                    },
                                    false};
inline const Scenario kClosingStays{"closing_stays",
                                    [](RecordGenerator& t) {
                                        open_as_client(t);
                                        t.closes();
                                        t.wait(std::chrono::microseconds(100));
                                        t.fin_arrives(TcpState::CLOSING);
                                        t.stays_open({ClosedFirst::both, Ending::open});
                                    },
                                    false};
/// The third ACK never comes, and the request hasn't timed out yet.
inline const Scenario kSynRecvStays{"syn_recv_stays",
                                    [](RecordGenerator& t) {
                                        t.listens();
                                        t.syn_arrives();
                                        t.wait(std::chrono::milliseconds(100));
                                        t.stays_open(kStaysOpen);
                                    },
                                    false};

} // namespace tcpdwell
