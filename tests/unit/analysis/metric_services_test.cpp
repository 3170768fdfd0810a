// SPDX-License-Identifier: Apache-2.0
// A limited number of services with labels of their own, however many come and go.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "analysis/metrics.h"
#include "lines.h"

namespace tcpdwell::test {
namespace {

using analysis::MetricServices;

track::ConnectionIdentity serves(std::string_view comm, tcp::Port port) {
    track::ConnectionIdentity who;
    who.role = tcp::Role::server;
    who.tuple = tuple("10.0.0.1", port, "10.0.0.2", 50'000);
    who.process = process(100, comm);
    return who;
}

track::ConnectionIdentity connects(std::string_view comm, tcp::Port local_port) {
    track::ConnectionIdentity who;
    who.role = tcp::Role::client;
    who.tuple = tuple("10.0.0.1", local_port, "10.0.0.2", 80);
    who.process = process(100, comm);
    return who;
}

TEST(MetricServices, have_no_pid_no_address_and_no_ephemeral_port) {
    EXPECT_EQ(analysis::service_text(serves("nginx", 80)), "nginx:80");
    EXPECT_EQ(analysis::service_text(connects("curl", 43'210)), "curl");
    MetricServices services(10);
    EXPECT_EQ(services.row_of(connects("curl", 1), at(1s)),
              services.row_of(connects("curl", 2), at(1s)));
    EXPECT_NE(services.row_of(serves("nginx", 80), at(1s)),
              services.row_of(serves("nginx", 443), at(1s)));
}

TEST(MetricServices, hostile_names_make_no_second_row_of_one_label) {
    MetricServices services(10);
    EXPECT_EQ(services.row_of(connects("other", 1), at(1s)), MetricServices::kOther);
    services.row_of(connects("a\n", 1), at(1s));
    services.row_of(connects("a\\x0a", 1), at(1s)); // what "a\n" is shown as
    std::set<std::string> labels;
    for (const MetricServices::Row& row : services.rows())
        EXPECT_TRUE(labels.insert(row.label).second) << row.label;
    EXPECT_EQ(labels.size(), 2U);
}

TEST(MetricServices, the_rest_is_other_until_a_row_is_idle) {
    MetricServices services(2);
    const auto a = services.row_of(serves("a", 1), at(0s));
    const auto b = services.row_of(serves("b", 2), at(0s));
    services[a].counters.bytes_sent = 5;
    services[b].sockets = 1;
    EXPECT_EQ(services.row_of(serves("c", 3), at(10s)), MetricServices::kOther);
    EXPECT_EQ(services.folded(), 0U);
    // a is idle, b has a socket.
    const auto c = services.row_of(serves("c", 3), at(0s) + MetricServices::kIdle);
    EXPECT_EQ(c, a);
    EXPECT_EQ(services[c].label, "c:3");
    EXPECT_EQ(services[c].counters.bytes_sent, 0U);
    EXPECT_EQ(services[MetricServices::kOther].counters.bytes_sent, 5U);
    EXPECT_EQ(services.folded(), 1U);
    EXPECT_EQ(services.row_of(serves("d", 4), at(0s) + 2 * MetricServices::kIdle - 1s),
              MetricServices::kOther); // b can't go, and c isn't idle yet
}

/// A search through all rows takes long where each connection is of a service that is new.
TEST(MetricServices, an_idle_row_is_looked_for_once_a_second_at_most) {
    MetricServices services(1);
    const auto a = services.row_of(serves("a", 1), at(0s));
    const Nanoseconds idle = MetricServices::kIdle;
    EXPECT_EQ(services.row_of(serves("b", 2), at(idle - 1ms)), MetricServices::kOther);
    EXPECT_EQ(services.row_of(serves("b", 2), at(idle)), MetricServices::kOther);
    EXPECT_EQ(services.row_of(serves("b", 2), at(idle + 999ms)), a);
}

TEST(MetricServices, the_row_that_was_idle_for_the_longest_goes_first) {
    for (const bool reversed : {false, true}) {
        MetricServices services(3);
        const auto busy = services.row_of(serves("busy", 9), at(0s));
        services[busy].sockets = 1;
        const auto first = services.row_of(serves("a", 1), at(reversed ? 2s : 1s));
        const auto second = services.row_of(serves("b", 2), at(reversed ? 1s : 2s));
        const Nanoseconds later = MetricServices::kIdle + 10s;
        EXPECT_EQ(services.row_of(serves("c", 3), at(later)), reversed ? second : first);
        EXPECT_EQ(services.row_of(serves("busy", 9), at(later)), busy);
    }
}

/// An event that is known late takes back some of what was shown already; a counter never
/// decreases.
TEST(MetricServices, what_was_shown_of_two_rows_is_shown_of_their_sum) {
    analysis::HeldTime sum;
    analysis::HeldTime idle;
    sum.enter(at(0s));
    idle.enter(at(0s));
    EXPECT_NEAR(sum.seconds(at(10s)), 10, 1e-6);
    EXPECT_NEAR(idle.seconds(at(20s)), 20, 1e-6);
    sum.leave(at(9s));
    idle.leave(at(18s));
    sum.add(idle);
    EXPECT_NEAR(sum.seconds(at(30s)), 30, 1e-6);
}

/// Connections of a month, each of a service that nobody has seen before.
TEST(MetricServices, a_month_of_new_services_takes_constant_room_and_loses_no_count) {
    constexpr std::size_t kMost = 50;
    constexpr int kServices = 100'000;
    constexpr Nanoseconds kStep = Nanoseconds(30 * std::chrono::hours(24)) / kServices;
    analysis::Metrics metrics({.max_services = kMost});
    double before = 0;
    for (int i = 0; i < kServices; ++i) {
        track::ConnectionIdentity who =
            serves(fmt::format("svc{}", i), static_cast<tcp::Port>(1024 + i % 60'000));
        who.id = static_cast<std::uint64_t>(i) + 1;
        who.slot = 1 + static_cast<track::Slot>(i % 100);
        const MonoTime begin = at(kStep * i);
        metrics.on_move({begin, &who, std::nullopt, SYN_RECV, true});
        metrics.on_move({begin, &who, SYN_RECV, TIME_WAIT});
        metrics.on_move({begin + 60s, &who, TIME_WAIT, std::nullopt});
        track::ConnectionLine line{};
        line.who = &who;
        line.ending = tcp::Ending::fin;
        metrics.on_connection(line);
        if (i % 1000 != 999) continue;
        const auto families = metrics.families(begin + 60s, 0);
        double ended = 0;
        double held = 0;
        std::set<std::string> labels;
        for (const report::MetricFamily& family : families) {
            for (const report::MetricSample& sample : family.samples) {
                if (family.name == "tcpdwell_connections_ended_total") {
                    ended += sample.value;
                    labels.insert(sample.labels.front().value);
                }
                if (family.name == "tcpdwell_socket_seconds_total") held += sample.value;
            }
        }
        ASSERT_EQ(ended, i + 1);
        ASSERT_LE(labels.size(), kMost + 1);
        ASSERT_NEAR(held, 60.0 * (i + 1), 1e-3);
        ASSERT_GE(held, before);
        before = held;
    }
    EXPECT_EQ(metrics.services().rows().size(), kMost + 1);
    EXPECT_GT(metrics.services().folded(), 0U);
}

/// The value of a sample's label; "" if it has none.
std::string label_of_sample(const report::MetricSample& sample, std::string_view name) {
    for (const report::MetricLabel& label : sample.labels)
        if (label.name == name) return label.value;
    return {};
}

TEST(MetricServices, containers_are_labels_only_where_they_are_wanted) {
    const auto name_of = [](std::uint64_t cgroup) -> std::optional<std::string_view> {
        if (cgroup == 1) return "shop/cart-0/web";
        if (cgroup == 2) return "web-2";
        if (cgroup == 3) return "a\nb\"\xff";
        return std::nullopt;
    };
    for (const bool is_wanted : {false, true}) {
        analysis::Metrics metrics(
            {.container = is_wanted ? analysis::NameOfCgroup(name_of) : analysis::NameOfCgroup()});
        for (std::uint64_t cgroup = 0; cgroup <= 4; ++cgroup) {
            track::ConnectionIdentity who = serves("svc", 80);
            who.id = cgroup + 1;
            who.slot = static_cast<track::Slot>(cgroup + 1);
            who.cgroup = cgroup;
            metrics.on_move({at(1s), &who, std::nullopt, SYN_RECV, true});
        }
        std::set<std::string> containers;
        for (const report::MetricFamily& family : metrics.families(at(2s), 0)) {
            if (family.name != "tcpdwell_connections_opened_total") continue;
            EXPECT_EQ(family.samples.size(), is_wanted ? 4U : 1U) << "two aren't known";
            for (const report::MetricSample& sample : family.samples) {
                EXPECT_EQ(label_of_sample(sample, "service"), "svc:80");
                containers.insert(label_of_sample(sample, "container"));
                if (label_of_sample(sample, "container") != "web") continue;
                EXPECT_EQ(label_of_sample(sample, "pod"), "cart-0");
                EXPECT_EQ(label_of_sample(sample, "namespace"), "shop");
            }
        }
        EXPECT_EQ(containers, is_wanted
                                  ? (std::set<std::string>{"", "web", "web-2", "a\\x0ab\"\\xff"})
                                  : std::set<std::string>{""});
    }
}

TEST(MetricServices, containers_that_come_and_go_take_constant_room) {
    constexpr std::size_t kMost = 20;
    std::map<std::uint64_t, std::string> names;
    analysis::Metrics metrics({.max_services = kMost, .container = [&](std::uint64_t cgroup) {
                                   return std::optional<std::string_view>(names[cgroup]);
                               }});
    constexpr int kContainers = 5000;
    for (int i = 0; i < kContainers; ++i) {
        track::ConnectionIdentity who = serves("svc", 80);
        who.id = static_cast<std::uint64_t>(i) + 1;
        who.slot = 1;
        who.cgroup = who.id;
        names[who.cgroup] = fmt::format("shop/cart-{}/web", i);
        const MonoTime begin = at(Nanoseconds(std::chrono::minutes(10)) * i);
        metrics.on_move({begin, &who, std::nullopt, SYN_RECV, true});
        metrics.on_move({begin + 1s, &who, SYN_RECV, std::nullopt});
    }
    EXPECT_EQ(metrics.services().rows().size(), kMost + 1);
    double opened = 0;
    for (const report::MetricFamily& family : metrics.families(at(1s), 0))
        if (family.name == "tcpdwell_connections_opened_total")
            for (const report::MetricSample& sample : family.samples) opened += sample.value;
    EXPECT_EQ(opened, kContainers) << "none is lost";
}

TEST(MetricServices, count_bytes_as_far_as_they_are_known) {
    analysis::Metrics metrics({.max_services = 5, .sample = 3});
    track::ConnectionIdentity who = serves("svc", 80);
    event::SocketNumbers known;
    known.bytes_sent = 10;
    known.bytes_received = 20;
    known.segments_retransmitted = 2;
    event::SocketNumbers unknown;
    for (const event::SocketNumbers* numbers : {&known, &unknown}) {
        track::ConnectionLine line{};
        line.who = &who;
        line.ending = tcp::Ending::fin;
        line.numbers = numbers;
        metrics.on_connection(line);
    }
    const auto& counters = metrics.services().rows().at(1).counters;
    EXPECT_EQ(counters.bytes_sent, 30u);
    EXPECT_EQ(counters.bytes_received, 60u);
    EXPECT_EQ(counters.segments_retransmitted, 6u);
}

} // namespace
} // namespace tcpdwell::test
