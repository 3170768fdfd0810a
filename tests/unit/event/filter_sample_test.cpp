// SPDX-License-Identifier: Apache-2.0
// Filters that select one flow in so many.
#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "event/filter.h"

namespace tcpdwell::test {
namespace {

tcp::Endpoint flow_end(std::string_view address, tcp::Port port) {
    return {tcp::IpAddress::parse(address).value(), port};
}

event::Filter only(std::uint32_t event::Filter::*member, std::uint32_t sample) {
    event::Filter filter;
    filter.*member = sample;
    return filter;
}

event::Filter sample_of(std::uint32_t sample) { return only(&event::Filter::sample, sample); }

struct Flow {
    tcp::FourTuple tuple{flow_end("10.0.0.1", 80), flow_end("192.0.2.9", 50123), tcp::Family::ipv4};

    [[nodiscard]] bool selected_by(const event::Filter& filter) const {
        return filter.matches(
            {tuple, 1, tcp::Role::server, std::nullopt, std::nullopt, std::nullopt});
    }
};

TEST(FilterSample, a_sample_is_the_same_at_both_ends) {
    Flow subject; // the hash of its flow is 3 modulo 4
    subject.tuple.remote.port = 50124;
    Flow other;
    EXPECT_TRUE(subject.selected_by(sample_of(4)));
    EXPECT_FALSE(other.selected_by(sample_of(4)));
    for (Flow* each : {&subject, &other}) std::swap(each->tuple.local, each->tuple.remote);
    EXPECT_TRUE(subject.selected_by(sample_of(4)));
    EXPECT_FALSE(other.selected_by(sample_of(4)));
}

TEST(FilterSample, a_sample_keeps_one_flow_in_so_many) {
    const event::Filter filter = sample_of(10);
    Flow subject;
    int kept = 0;
    for (tcp::Port port = 10'000; port < 60'000; ++port) {
        subject.tuple.remote.port = port;
        kept += subject.selected_by(filter) ? 1 : 0;
    }
    EXPECT_NEAR(kept, 5000, 300);
}

TEST(FilterSample, listeners_are_in_each_sample_and_flows_that_are_not_known_in_none) {
    Flow subject;
    for (const auto member : {&event::Filter::sample, &event::Filter::sampled}) {
        const event::Filter filter = only(member, event::kMostSample);
        subject.tuple.local.port = 0;
        subject.tuple.remote = flow_end("192.0.2.9", 80);
        EXPECT_FALSE(subject.selected_by(filter));
        subject.tuple = {flow_end("0.0.0.0", 80), {}, tcp::Family::ipv4};
        EXPECT_TRUE(subject.selected_by(filter));
    }
    subject = Flow{};
    EXPECT_TRUE(subject.selected_by(only(&event::Filter::sampled, event::kMostSample)));
}

TEST(FilterSample, samples_of_samples) {
    const auto sample = [](std::uint32_t own, const std::vector<event::Filter>& recorded) {
        return event::sample_of(sample_of(own), recorded);
    };
    const auto ten = sample_of(10);
    const auto lost = only(&event::Filter::sampled, 10);
    event::Filter of_port_80;
    of_port_80.ports = {80};
    EXPECT_EQ(sample(1, {}), 1U);
    EXPECT_EQ(sample(7, {}), 7U);
    EXPECT_EQ(sample(1, {ten}), 10U);
    EXPECT_EQ(sample(100, {ten}), 100U);
    EXPECT_EQ(sample(4, {ten}), 20U);
    EXPECT_EQ(sample(1, {ten, sample_of(5)}), 5U);
    EXPECT_EQ(sample(1, {ten, of_port_80}), 1U);
    EXPECT_EQ(sample(10, {lost}), 100U); // of other addresses
    EXPECT_EQ(event::sample_of_both(~0ULL, ~0ULL - 1), event::kMostWeight);
}

} // namespace
} // namespace tcpdwell::test
