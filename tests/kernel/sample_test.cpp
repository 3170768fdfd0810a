// SPDX-License-Identifier: Apache-2.0
// One flow in so many, chosen in the kernel: the same flows at both ends, by the same hash as in
// user space, with the same states as without a sample.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "event/decode.h"
#include "lines.h"
#include "netns.h"
#include "recording/recording_source.h"
#include "sockets.h"
#include "support/moment.h"
#include "support/program.h"
#include "support/temporary_folder.h"
#include "tcp/flow.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 60s;
constexpr int kConnections = 60; // of each family
constexpr std::uint64_t kSample = 4;
constexpr std::uint16_t kPort = 7104;

/// As both ends see it: client first.
using Flow = std::pair<Endpoint, Endpoint>;

struct Less {
    bool operator()(const Flow& a, const Flow& b) const { return text(a) < text(b); }
    static std::string text(const Flow& flow) {
        return flow.first.addr + " " + std::to_string(flow.first.port) + " " + flow.second.addr +
               " " + std::to_string(flow.second.port);
    }
};
using Flows = std::set<Flow, Less>;

bool is_sampled(const Flow& flow) {
    const auto end_of = [](const Endpoint& end) {
        return tcp::Endpoint{tcp::IpAddress::parse(end.addr).value(), end.port};
    };
    return tcp::flow_of({end_of(flow.first), end_of(flow.second), tcp::Family::ipv4}) % kSample ==
           0;
}

Flows sample_of_flows(const Flows& flows) {
    Flows sample;
    for (const Flow& flow : flows)
        if (is_sampled(flow)) sample.insert(flow);
    return sample;
}

/// The states that each end went through, and whether their beginnings are known.
struct Seen {
    std::map<std::string, std::vector<std::string>> by_end; ///< "role, flow"
    Flows flows[2];                                         ///< of clients, of servers
    std::set<std::uint16_t> listeners;
};

Seen seen_by(const Tracer& tracer) {
    Seen seen;
    for (const nlohmann::json& json : tracer.lines()) {
        if (json.at("type") != "transition") continue;
        const TransitionLine line = parse_transition(json);
        if (line.to == "LISTEN" || line.from == "LISTEN")
            if (line.who.remote.port == 0) {
                seen.listeners.insert(line.who.local.port);
                continue;
            }
        const bool is_server = line.who.role == "server";
        const Flow flow = is_server ? Flow(line.who.remote, line.who.local)
                                    : Flow(line.who.local, line.who.remote);
        seen.flows[is_server ? 1 : 0].insert(flow);
        seen.by_end[line.who.role + " " + Less::text(flow)].push_back(line.from + " " + line.to);
    }
    return seen;
}

class KernelSample : public testing::Test {
protected:
    void SetUp() override {
        enter_new_netns();
        for (const char* address : {"127.0.0.1", "::1"}) {
            listeners_.push_back(listen_on({address, kPort}));
            listeners_.push_back(listen_on({address, kPort + 1}));
        }
    }

    [[nodiscard]] static std::vector<std::string> in_here(std::vector<std::string> words) {
        words.insert(words.end(), {"--netns", std::to_string(current_netns())});
        return words;
    }

    /// Connections that close in order, and some that are reset.
    Flows make_traffic() {
        Flows flows;
        for (int i = 0; i < kConnections; ++i) {
            for (const Fd& listener : listeners_) {
                Fd client = tcp_socket(Address(local_of(listener)).family());
                connect_to(client, local_of(listener));
                Fd server = accept_from(listener);
                flows.insert({local_of(client), remote_of(client)});
                if (i % 3 == 0) {
                    abort_socket(server);
                } else {
                    Fd& first = i % 3 == 1 ? client : server;
                    Fd& second = i % 3 == 1 ? server : client;
                    first.reset();
                    read_to_end(second);
                }
            }
        }
        return flows;
    }

    std::vector<Fd> listeners_;
};

TEST_F(KernelSample, both_ends_of_the_same_flows_are_traced_with_all_of_their_states) {
    const std::string sample = std::to_string(kSample);
    Tracer all(in_here({"trace", "--format", "jsonl"}));
    Tracer some(in_here({"trace", "--format", "jsonl", "--sample", sample}));
    for (Tracer* tracer : {&all, &some})
        ASSERT_TRUE(tracer->await_first_line(kLimit)) << tracer->complaints();
    const Flows made = make_traffic();
    const Fd late = listen_on({"127.0.0.1", kPort + 2});
    pause(300ms);
    for (Tracer* tracer : {&all, &some}) {
        ASSERT_EQ(tracer->interrupt(kLimit), 0) << tracer->complaints();
        tracer->read_more();
    }
    const Seen whole = seen_by(all);
    const Seen part = seen_by(some);
    const Flows expected = sample_of_flows(made);
    ASSERT_GT(expected.size(), made.size() / 8);
    for (const Flows& flows : whole.flows) EXPECT_EQ(flows, made);
    for (const Flows& flows : part.flows) EXPECT_EQ(flows, expected);
    EXPECT_TRUE(part.listeners.contains(kPort + 2));
    ASSERT_EQ(part.by_end.size(), 2 * expected.size());
    for (const auto& [end, states] : part.by_end) EXPECT_EQ(states, whole.by_end.at(end)) << end;
}

TEST_F(KernelSample, the_kernel_chooses_as_user_space_does) {
    const TemporaryFolder folder;
    const std::string path = folder.path() / "sample.tdw";
    Program program(
        tcpdwell_command(in_here({"record", "-o", path, "--sample", std::to_string(kSample)})));
    ASSERT_TRUE(program.await_saying("tracing one connection in 4", kLimit)) << program.said();
    pause(1s);
    const Flows made = make_traffic();
    pause(300ms);
    ASSERT_EQ(program.stop(SIGINT, kLimit), 0) << program.said();

    std::set<std::uint64_t> recorded;
    std::size_t wrong = 0;
    auto source = recording::RecordingSource::open({path});
    ASSERT_TRUE(source) << source.error().message;
    ASSERT_EQ((*source)->head().filters.size(), 1U);
    EXPECT_EQ((*source)->head().filters.front().sample, kSample);
    event::Decoder decoder;
    const auto note = [&](const tcp::FourTuple& tuple) {
        if (tuple.local.port == 0 || tuple.remote.port == 0) return;
        const std::uint64_t flow = tcp::flow_of(tuple);
        recorded.insert(flow);
        wrong += flow % kSample != 0 ? 1 : 0;
    };
    const auto take = [&](std::span<const std::byte> bytes) {
        const auto event = decoder.decode(bytes);
        if (!event) return;
        std::visit(
            [&](const auto& each) {
                if constexpr (requires { each.tuple; }) note(each.tuple);
            },
            *event);
    };
    for (auto status = event::EventSource::Status::more;
         status != event::EventSource::Status::finished;) {
        const auto polled = (*source)->poll(take);
        ASSERT_TRUE(polled) << polled.error().message;
        status = *polled;
    }
    EXPECT_EQ(wrong, 0U);
    EXPECT_EQ(recorded.size(), sample_of_flows(made).size());
}

} // namespace
} // namespace tcpdwell::test
