// SPDX-License-Identifier: Apache-2.0
// After random traffic the tracer's table of connections is the kernel's own, end by end and state
// by state. The oracle is sock_diag, which the tracer doesn't ask.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lines.h"
#include "listing.h"
#include "netns.h"
#include "random_traffic.h"
#include "sockets.h"
#include "support/moment.h"
#include "support/program.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);
// What the kernel does without an event (FIN_WAIT2 to TIME_WAIT in a mini-socket) is noticed within
// about a second.
constexpr auto kSettle = 1500ms;
constexpr int kActs = 1500;

// Threads that do nothing but work, more than there are CPUs.
class BackgroundLoad {
public:
    BackgroundLoad() {
        for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i)
            threads_.emplace_back([this] {
                while (!done_.load(std::memory_order_relaxed)) {}
            });
    }
    ~BackgroundLoad() {
        done_ = true;
        for (std::thread& thread : threads_) thread.join();
    }
    BackgroundLoad(const BackgroundLoad&) = delete;
    BackgroundLoad& operator=(const BackgroundLoad&) = delete;

private:
    std::atomic<bool> done_ = false;
    std::vector<std::thread> threads_;
};

// The test's own, unless the environment names one to explore with.
std::uint32_t seed_or(std::uint32_t otherwise) {
    const char* text = std::getenv("TCPDWELL_TEST_SEED");
    return text != nullptr ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10))
                           : otherwise;
}

std::set<std::string> states_in(const Listing& listing) {
    std::set<std::string> states;
    for (const Listed& each : listing) states.insert(each.state);
    return states;
}

std::unique_ptr<Tracer> start_tracer() {
    auto tracer = std::make_unique<Tracer>(
        std::vector<std::string>{"trace", "--connections", "--idle", "--format", "jsonl", "--netns",
                                 std::to_string(current_netns())});
    if (!tracer->await_first_line(kPatience))
        throw std::runtime_error("no first line: " + tracer->complaints());
    return tracer;
}

// Makes traffic, and starts a tracer before, meanwhile or afterwards.
using Round = std::function<std::unique_ptr<Tracer>(RandomTraffic&)>;

class Agreement : public ::testing::Test {
protected:
    void SetUp() override { allow_many_descriptors(); }

    // Once the kernel's list has been the same for `settle`, the tracer's must be equal to it. What
    // changes while the tracer ends may be as it was before or after. No second try here: it is
    // scripts/test that repeats and counts.
    static void expect_agreement(std::uint32_t seed, nanoseconds settle, const Round& round) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        enter_new_netns();
        add_phantom_network();
        RandomTraffic traffic(seed);
        const std::unique_ptr<Tracer> tracer = round(traffic);

        const Listing before = settled_kernel_listing(settle, kPatience);
        EXPECT_EQ(tracer->interrupt(kPatience), 0) << tracer->complaints();
        const Listing after = kernel_listing();
        EXPECT_EQ(states_in(before), (std::set<std::string>{"ESTABLISHED", "SYN_SENT", "SYN_RECV",
                                                            "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
                                                            "CLOSE_WAIT", "LAST_ACK", "CLOSING"}))
            << "the traffic left too little behind to prove anything";

        const Listing listed = tracer_listing(tracer->lines());
        const Listing kernel = adjusted(before, after, listed);
        const std::string difference = differences(kernel, listed, tracer->lines());
        // It happens that the kernel doesn't run a program at an event, and leaves no trace of
        // that. Then the tracer can't but be late.
        EXPECT_EQ(difference, "") << (is_merely_late(kernel, listed, tracer->lines())
                                          ? "the tracer is merely late"
                                          : "the tracer is wrong");
    }
};

TEST_F(Agreement, tracedFromTheBeginning) {
    expect_agreement(seed_or(1), kSettle, [](RandomTraffic& traffic) {
        auto tracer = start_tracer();
        traffic.act(kActs);
        return tracer;
    });
}

TEST_F(Agreement, muchWasOpenBefore) {
    expect_agreement(seed_or(2), kSettle, [](RandomTraffic& traffic) {
        traffic.act(kActs);
        auto tracer = start_tracer();
        traffic.act(kActs);
        return tracer;
    });
}

TEST_F(Agreement, nothingHappensWhileTraced) {
    expect_agreement(seed_or(3), kSettle, [](RandomTraffic& traffic) {
        traffic.act(kActs);
        return start_tracer();
    });
}

TEST_F(Agreement, joinedInTheMiddle) {
    expect_agreement(seed_or(4), kSettle, [](RandomTraffic& traffic) {
        std::atomic<bool> go_on = true;
        auto acting = std::async(std::launch::async, [&] {
            while (go_on) traffic.act(10);
            traffic.act(kActs);
        });
        try {
            auto tracer = start_tracer();
            go_on = false;
            acting.get();
            return tracer;
        } catch (...) {
            go_on = false;
            throw;
        }
    });
}

TEST_F(Agreement, underLoad) {
    // A sweep that was slow because of the load is followed by a longer rest.
    expect_agreement(seed_or(5), 2 * kSettle, [](RandomTraffic& traffic) {
        auto tracer = start_tracer();
        const BackgroundLoad burden;
        traffic.act(kActs);
        return tracer;
    });
}

// --- the edges of tracing

// What can't be true of such a connection, whichever part of it was traced; "" if nothing.
std::string untrue_in(const ConnectionLine& line, std::uint16_t server_port) {
    const bool is_client = line.who.remote.port == server_port;
    const bool has_closed = line.states.back().state != "ESTABLISHED" && line.states.size() > 1;
    if (line.ending != "fin" && line.ending != "open" && line.ending != "unknown") return "ending";
    if (line.ending == "unknown" && line.seen == "whole")
        return "an unknown ending of what was seen as a whole";
    // A slow machine takes longer than a minute for all of it.
    // One that was about to end when tracing began may be seen at its end only.
    const auto& dwell = line.time_wait ? line.time_wait->dwell : std::nullopt;
    const bool long_enough = dwell ? *dwell >= 60s - jiffy() : line.seen != "whole";
    const bool over = line.time_wait && line.time_wait->end == "expired" && long_enough;
    // A FIN that was sent twice is acknowledged from TIME_WAIT, to a socket that is gone: it
    // resets.
    const bool cut_short =
        line.time_wait && (line.time_wait->end == "reused" || line.time_wait->end == "reset");
    if (line.time_wait && !over && !cut_short && line.time_wait->end != "open")
        return "end of TIME_WAIT";
    if (has_closed && line.closed_first == (is_client ? "remote" : "local")) return "closed_first";
    return "";
}

// Probes are attached and detached one after the other, while connections come and go.
TEST(Edges, nothingUntrueIsClaimedOfWhatWasThereWhenTracingBeganOrEnded) {
    enter_new_netns();
    write_sysctl("ipv4/tcp_max_tw_buckets",
                 "262144"); // a small machine has room for a few thousand
    const Fd listener = listen_on({"127.0.0.1", 0});
    std::atomic<bool> go_on = true;
    auto acting = std::async(std::launch::async, [&] {
        while (go_on) {
            open_and_close(listener);
            pause(2s / crowd_size()); // without a pause the ports run out
        }
    });
    std::size_t lines = 0;
    for (int i = 0; i < 6; ++i) {
        Tracer tracer({"trace", "--connections", "--format", "jsonl", "--netns",
                       std::to_string(current_netns())});
        EXPECT_TRUE(tracer.await_first_line(kPatience)) << tracer.complaints();
        pause(200ms);
        EXPECT_EQ(tracer.interrupt(kPatience), 0) << tracer.complaints();
        for (const nlohmann::json& text : tracer.lines()) {
            if (text.at("type") != "connection") continue;
            const ConnectionLine line = parse_connection(text);
            EXPECT_EQ(untrue_in(line, local_of(listener).port), "") << line.text;
            ++lines;
        }
    }
    go_on = false;
    acting.get();
    EXPECT_GT(lines, 1000U);
}

} // namespace

} // namespace tcpdwell::test
