// SPDX-License-Identifier: Apache-2.0
// Filters of the running kernel: wanted and excluded, with every list as long as the kernel side
// has room for, and longer.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>

#include "netns.h"
#include "report_run.h"
#include "sockets.h"
#include "tracer.h"

namespace tcpdwell::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 60s;

/// "1,2,3" with `mark` before each.
std::string listed(int first, std::size_t count, const std::string& mark = "") {
    std::string all;
    for (std::size_t i = 0; i < count; ++i)
        all += (i == 0 ? "" : ",") + mark + std::to_string(first + static_cast<int>(i));
    return all;
}

class KernelFilters : public testing::Test {
protected:
    void SetUp() override {
        enter_new_netns();
        first_ = listen_on({"127.0.0.1", kFirst});
        second_ = listen_on({"127.0.0.1", kFirst + 1});
    }

    /// Makes a connection to each of two listeners, and returns the ports of these listeners of
    /// which there are lines.
    std::set<int> traced(const std::vector<std::string>& filters) {
        std::vector<std::string> arguments{"trace", "--format", "jsonl", "--netns",
                                           std::to_string(current_netns())};
        arguments.insert(arguments.end(), filters.begin(), filters.end());
        Tracer tracer(arguments);
        EXPECT_TRUE(tracer.await_first_line(kLimit)) << tracer.complaints();
        for (const Fd* listener : {&first_, &second_}) {
            const Fd client = tcp_socket(AF_INET);
            connect_to(client, local_of(*listener));
            const Fd server = accept_from(*listener);
        }
        std::this_thread::sleep_for(100ms);
        EXPECT_EQ(tracer.interrupt(kLimit), 0) << tracer.complaints();
        tracer.read_more();
        std::set<int> ports;
        for (const nlohmann::json& line : tracer.lines()) {
            if (line.at("type") != "transition") continue;
            for (const char* end : {"local", "remote"}) {
                const nlohmann::json& port = line.at(end).at("port");
                if (port.is_null()) continue; // a connect() that hasn't got one yet
                if (port == kFirst || port == kFirst + 1) ports.insert(port.get<int>());
            }
        }
        return ports;
    }

    static constexpr int kFirst = 7104;
    static constexpr std::size_t kPortRoom = 16;
    Fd first_;
    Fd second_;
};

const std::set<int> kBoth{7104, 7105};
const std::set<int> kOnlyFirst{7104};
const std::set<int> kOnlySecond{7105};

TEST_F(KernelFilters, portsByRangeAndExcluded) {
    EXPECT_EQ(traced({"--port", "7000-7104"}), kOnlyFirst);
    EXPECT_EQ(traced({"--port", "!7104"}), kOnlySecond);
    EXPECT_EQ(traced({"--port", "7104-7105,!7105"}), kOnlyFirst);
    EXPECT_EQ(traced({"--local-port", "!7104", "--remote-port", "!7104"}), kOnlySecond);
    EXPECT_EQ(traced({"--addr", "!10.0.0.0/8"}), kBoth);
    EXPECT_EQ(traced({"--addr", "!127.0.0.0/8"}), std::set<int>());
    EXPECT_EQ(traced({"--comm", "!no-such-program"}), kBoth);
}

// Whose they are is known only after they are listed, and nothing moves then.
TEST_F(KernelFilters, whatWaitsIsSelectedByItsProcess) {
    const Fd client = tcp_socket(AF_INET);
    connect_to(client, local_of(first_));
    const Fd server = accept_from(first_);
    const std::string pid = std::to_string(getpid());
    for (const auto& [option, value, is_ours] : {std::tuple("--pid", pid, true),
                                                 {"--comm", "kernel_filters*", true},
                                                 {"--pid", "!" + pid, false},
                                                 {"--comm", "!kernel_filters*", false}}) {
        ReportRun run({"--netns", std::to_string(current_netns()), option, value});
        run.await_tracing();
        run.interrupt();
        const nlohmann::json report = run.only_report();
        EXPECT_EQ(report.at("quality").at("open"), is_ours ? 2 : 0) << option << ' ' << value;
        const nlohmann::json& states = report.at("states");
        EXPECT_EQ(states.at("ESTABLISHED").at("open"), is_ours ? 2 : 0) << option << ' ' << value;
        EXPECT_EQ(states.at("LISTEN").at("open"), is_ours ? 2 : 0) << option << ' ' << value;
    }
}

TEST_F(KernelFilters, everyListIsFull) {
    const std::string unused = listed(40000, kPortRoom, "!");
    const std::string ports = "7104," + listed(100, kPortRoom - 1);
    EXPECT_EQ(
        traced({"--port", ports + "," + unused, //
                "--local-port", "1024-65535," + listed(1, kPortRoom - 1) + "," + unused,
                "--remote-port", "1024-65535," + listed(1, kPortRoom - 1) + "," + unused, "--addr",
                "127.0.0.0/8,10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5,10.0.0.6,10.0.0.7,"
                "!10.0.1.0,!10.0.1.1,!10.0.1.2,!10.0.1.3,!10.0.1.4,!10.0.1.5,!10.0.1.6,"
                "!10.0.1.7"}),
        kOnlyFirst);
}

TEST_F(KernelFilters, listsLongerThanTheirRoomSelectTheSame) {
    EXPECT_EQ(traced({"--port", "7104," + listed(100, 40)}), kOnlyFirst);
    EXPECT_EQ(traced({"--port", "!7104," + listed(100, 40, "!")}), kOnlySecond);
}

} // namespace
} // namespace tcpdwell::test
