// SPDX-License-Identifier: Apache-2.0
// After random traffic the tracer's table of connections is the kernel's own, end by end and state by state. The
// oracle is sock_diag, which the tracer doesn't ask.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "listing.h"
#include "moment.h"
#include "netns.h"
#include "random_traffic.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);
// What the kernel does without an event (FIN_WAIT2 to TIME_WAIT in a mini-socket) is noticed within about a second.
constexpr auto kSettle = 1500ms;
constexpr int kActs = 3000;

// Threads that do nothing but work, more than there are CPUs.
class Burden {
public:
    Burden() {
        for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i)
            threads_.emplace_back([this] {
                while (!done_.load(std::memory_order_relaxed)) {}
            });
    }
    ~Burden() {
        done_ = true;
        for (std::thread& thread : threads_) thread.join();
    }
    Burden(const Burden&) = delete;
    Burden& operator=(const Burden&) = delete;

private:
    std::atomic<bool> done_ = false;
    std::vector<std::thread> threads_;
};

// The test's own, unless the environment names one to explore with.
std::uint32_t seed_or(std::uint32_t otherwise) {
    const char* text = std::getenv("TCPDWELL_TEST_SEED");
    return text != nullptr ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10)) : otherwise;
}

std::set<std::string> states_in(const Listing& listing) {
    std::set<std::string> states;
    for (const Listed& each : listing) states.insert(each.state);
    return states;
}

class Agreement : public ::testing::Test {
protected:
    void SetUp() override {
        rlimit files{};
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        enter_new_netns();
        add_phantom_network();
    }

    static std::unique_ptr<Tracer> start_tracer() {
        auto tracer = std::make_unique<Tracer>(std::vector<std::string>{
            "trace", "--connections", "--idle", "--format", "jsonl", "--netns", std::to_string(current_netns())});
        if (!tracer->await_first_line(kPatience)) throw std::runtime_error("no first line: " + tracer->complaints());
        return tracer;
    }

    // Nothing must happen in the namespace any more, but for what settles by itself.
    static void expect_agreement(Tracer& tracer, nanoseconds settle = kSettle) {
        pause(settle);
        const Listing kernel = kernel_listing();
        EXPECT_EQ(tracer.interrupt(kPatience), 0);
        EXPECT_EQ(kernel, kernel_listing()) << "the kernel's list changed meanwhile: the test is wrong";
        EXPECT_EQ(tracer.complaints().find("LOST"), std::string::npos) << tracer.complaints();
        EXPECT_EQ(differences(kernel, tracer_listing(tracer.lines()), tracer.lines()), "");
        EXPECT_EQ(states_in(kernel),
                  (std::set<std::string>{"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
                                         "CLOSE_WAIT", "LAST_ACK", "CLOSING"}))
            << "the traffic left too little behind to prove anything";
    }
};

TEST_F(Agreement, tracedFromTheBeginning) {
    const std::uint32_t seed = seed_or(1);
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto tracer = start_tracer();
    RandomTraffic traffic(seed);
    traffic.act(kActs);
    expect_agreement(*tracer);
}

TEST_F(Agreement, muchWasOpenBefore) {
    const std::uint32_t seed = seed_or(2);
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomTraffic traffic(seed);
    traffic.act(kActs);
    const auto tracer = start_tracer();
    traffic.act(kActs);
    expect_agreement(*tracer);
}

TEST_F(Agreement, nothingHappensWhileTraced) {
    const std::uint32_t seed = seed_or(3);
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomTraffic traffic(seed);
    traffic.act(kActs);
    const auto tracer = start_tracer();
    expect_agreement(*tracer);
}

TEST_F(Agreement, joinedInTheMiddle) {
    const std::uint32_t seed = seed_or(4);
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomTraffic traffic(seed);
    std::atomic<bool> traced = false;
    std::exception_ptr trouble;
    std::thread other([&] {
        try {
            while (!traced) traffic.act(10);
            traffic.act(kActs);
        } catch (...) {
            trouble = std::current_exception();
        }
    });
    const auto tracer = start_tracer();
    traced = true;
    other.join();
    if (trouble) std::rethrow_exception(trouble);
    expect_agreement(*tracer);
}

TEST_F(Agreement, underLoad) {
    const std::uint32_t seed = seed_or(5);
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto tracer = start_tracer();
    RandomTraffic traffic(seed);
    {
        const Burden burden;
        traffic.act(kActs);
    }
    // A sweep that was slow because of the load is followed by a longer rest.
    expect_agreement(*tracer, 2 * kSettle);
}

} // namespace

} // namespace tcpdwell::test
