// SPDX-License-Identifier: Apache-2.0
// A tracer that can't keep up: what it has lost it says, what it doesn't know it doesn't claim, and
// once it has read the kernel's tables again it is right about everything that is left.
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <regex>
#include <string>
#include <vector>

#include "expected_ends.h"
#include "listing.h"
#include "netns.h"
#include "support/moment.h"
#include "support/program.h"
#include "tracer.h"

namespace tcpdwell::test {

namespace {

constexpr auto kPatience = std::chrono::seconds(30);
// Until the kernel's tables have been read again after a loss.
constexpr auto kResync = 10s;
// Connections of each kind: so many that the smallest buffer, which holds some 600 events, can't
// take a tenth of them; and so few that it takes all of them.
constexpr int kTooMany = 150;
constexpr int kFew = 12;

struct Connection {
    Fd client;
    Fd server;
    ExpectedEnds::Ports client_end;
    ExpectedEnds::Ports server_end;
};

class Loss : public ::testing::Test {
protected:
    void SetUp() override {
        allow_many_descriptors();
        enter_new_netns();
        listener_ = listen_on({"127.0.0.1", 0});
        began_ = monotonic_now();
    }

    std::unique_ptr<Tracer> start_tracer(std::vector<std::string> options = {}) const {
        std::vector<std::string> words{
            "trace",    "--connections", "--idle",
            "--format", "jsonl",         "--buffer-size",
            "64k",      "--netns",       std::to_string(current_netns())};
        words.insert(words.end(), options.begin(), options.end());
        auto tracer = std::make_unique<Tracer>(words);
        if (!tracer->await_first_line(kPatience))
            throw std::runtime_error("no first line: " + tracer->complaints());
        pause(500ms); // until it has read what is there
        return tracer;
    }

    std::vector<Connection> open(int count) {
        std::vector<Connection> connections;
        for (int i = 0; i < count; ++i) {
            Fd client = tcp_socket();
            bind_to(client, {"127.0.0.1", ++last_port_}); // the kernel might take one again
            connect_to(client, local_of(listener_));
            Fd server = accept_from(listener_);
            const ExpectedEnds::Ports client_end{local_of(client).port, remote_of(client).port};
            const ExpectedEnds::Ports server_end{client_end.second, client_end.first};
            ledger_.of(client_end).path = {"SYN_SENT", "ESTABLISHED"};
            ledger_.of(server_end).path = {"SYN_RECV", "ESTABLISHED"};
            connections.push_back({std::move(client), std::move(server), client_end, server_end});
        }
        return connections;
    }

    void add(const ExpectedEnds::Ports& end, std::initializer_list<const char*> states,
             const char* closed_first, const char* ending) {
        ExpectedEnd& truth = ledger_.of(end);
        truth.path.insert(truth.path.end(), states.begin(), states.end());
        truth.closed_first = closed_first;
        truth.ending = ending;
    }

    // The FIN has arrived when the other end closes: the two don't cross.
    void close_client_first(std::vector<Connection>& connections) {
        for (Connection& each : connections) {
            each.client.reset();
            await_readable(each.server);
            each.server.reset();
            add(each.client_end, {"FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"}, "local", "fin");
            add(each.server_end, {"CLOSE_WAIT", "LAST_ACK"}, "remote", "fin");
        }
    }

    void close_server_first(std::vector<Connection>& connections) {
        for (Connection& each : connections) {
            each.server.reset();
            await_readable(each.client);
            each.client.reset();
            add(each.server_end, {"FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"}, "local", "fin");
            add(each.client_end, {"CLOSE_WAIT", "LAST_ACK"}, "remote", "fin");
        }
    }

    void close_clients(std::vector<Connection>& connections) {
        for (Connection& each : connections) {
            each.client.reset();
            add(each.client_end, {"FIN_WAIT1", "FIN_WAIT2"}, "local", "open");
            add(each.server_end, {"CLOSE_WAIT"}, "remote", "open");
        }
    }

    void reset_by_clients(std::vector<Connection>& connections) {
        for (Connection& each : connections) {
            abort_socket(each.client);
            await_readable(each.server);
            add(each.client_end, {}, "local", "reset_sent");
            add(each.server_end, {}, "remote", "reset_received");
        }
    }

    // Born and gone without the tracer's noticing.
    void may_be_unknown(const std::vector<Connection>& connections, bool to_client_too) {
        for (const Connection& each : connections) {
            if (to_client_too) ledger_.of(each.client_end).known_to_tracer = false;
            ledger_.of(each.server_end).known_to_tracer = false;
        }
    }

    // While the tracer is stopped.
    std::vector<Connection> overwhelm(std::array<std::vector<Connection>, 4>& old) {
        std::vector<Connection> staying = open(kTooMany);
        close_client_first(old[0]);
        close_clients(old[1]);
        std::vector<Connection> closing = open(kTooMany);
        close_client_first(closing);
        may_be_unknown(closing, false);
        reset_by_clients(old[2]);
        std::vector<Connection> resetting = open(kTooMany);
        reset_by_clients(resetting);
        may_be_unknown(resetting, true);
        return staying;
    }

    static std::int64_t reported_losses(const Tracer& tracer) {
        std::int64_t sum = 0;
        for (const nlohmann::json& line : tracer.lines())
            if (line.at("type") == "lost") sum += line.at("events").get<std::int64_t>();
        return sum;
    }

    static std::int64_t summed_losses(const Tracer& tracer) {
        const std::string said = tracer.complaints();
        std::smatch found;
        if (!std::regex_search(said, found, std::regex("([0-9]+) EVENTS LOST"))) return 0;
        return std::stoll(found[1]);
    }

    static std::vector<ConnectionLine> reported_connections(const Tracer& tracer) {
        std::vector<ConnectionLine> lines;
        for (const nlohmann::json& line : tracer.lines())
            if (line.at("type") == "connection") lines.push_back(parse_connection(line));
        return lines;
    }

    nanoseconds began_{};
    Fd listener_;
    std::uint16_t last_port_ = 10000;
    ExpectedEnds ledger_;
};

TEST_F(Loss, claimsNothingUntrueAndRecovers) {
    std::array<std::vector<Connection>, 4> old;
    for (auto& kind : old) kind = open(kTooMany);
    const auto tracer = start_tracer();

    kill(tracer->pid(), SIGSTOP);
    std::vector<Connection> born_unseen = overwhelm(old);
    kill(tracer->pid(), SIGCONT);
    pause(kResync);

    std::vector<Connection> later = open(kFew);
    close_server_first(later);
    for (const Connection& each : later)
        for (const auto& end : {each.client_end, each.server_end})
            ledger_.of(end).reported_as_whole = true;
    std::vector<Connection> closed_later;
    std::move(born_unseen.end() - kFew, born_unseen.end(), std::back_inserter(closed_later));
    close_server_first(closed_later);
    for (const Connection& each : closed_later) {
        ledger_.of(each.client_end).reported_at_least = 3;
        ledger_.of(each.server_end).reported_at_least = 4;
    }
    pause(1500ms);

    const Listing kernel = kernel_listing();
    EXPECT_EQ(tracer->interrupt(kPatience), 0);
    EXPECT_EQ(differences(kernel, tracer_listing(tracer->lines()), tracer->lines()), "");
    EXPECT_GT(reported_losses(*tracer), 0);
    EXPECT_EQ(reported_losses(*tracer), summed_losses(*tracer)) << tracer->complaints();
    for (const std::string& error :
         ledger_.errors_in(reported_connections(*tracer), monotonic_now() - began_))
        ADD_FAILURE() << error;
}

TEST_F(Loss, isAFailureIfStrict) {
    const auto tracer = start_tracer({"--strict"});
    kill(tracer->pid(), SIGSTOP);
    std::vector<Connection> lost = open(kTooMany);
    kill(tracer->pid(), SIGCONT);
    pause(500ms);
    EXPECT_EQ(tracer->interrupt(kPatience), 4) << tracer->complaints();
    EXPECT_GT(reported_losses(*tracer), 0);
    EXPECT_EQ(reported_losses(*tracer), summed_losses(*tracer)) << tracer->complaints();
}

TEST_F(Loss, isNoneAndSoNoFailureIfStrict) {
    const auto tracer = start_tracer({"--strict"});
    const std::vector<Connection> few = open(kFew);
    pause(500ms);
    EXPECT_EQ(tracer->interrupt(kPatience), 0) << tracer->complaints();
    EXPECT_EQ(reported_losses(*tracer), 0);
    EXPECT_EQ(reported_connections(*tracer).size(), 2 * few.size());
}

} // namespace

} // namespace tcpdwell::test
