// SPDX-License-Identifier: Apache-2.0
// Filters as words and as text.
#include "event/filter_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using Words = std::vector<std::string>;

TEST(FilterText, words_are_options_with_one_value_each) {
    event::Filter filter;
    filter.ports = {80, 443};
    filter.addresses = {*tcp::Cidr::parse("10.0.0.0/8"), *tcp::Cidr::parse("2001:db8::/32"),
                        *tcp::Cidr::parse("0.0.0.0/0"), *tcp::Cidr::parse("::/0")};
    filter.trees = {7, 8};
    filter.comms = {"a,b \xff%"};
    filter.role = tcp::Role::client;
    filter.family = tcp::Family::ipv6;
    filter.sample = 1'000'000;
    filter.sampled = 2;
    const Words words = event::filter_words(filter);
    EXPECT_THAT(words,
                ElementsAre("--port", "80", "--port", "443", "--addr", "10.0.0.0/8", "--addr",
                            "2001:db8::/32", "--addr", "0.0.0.0/0", "--addr", "::/0", "--tree", "7",
                            "--tree", "8", "--comm", "a,b %FF%25", "--role", "client", "--sample",
                            "1000000", "--sampled", "2", "-6"));
    EXPECT_EQ(event::filter_from_words(words), filter);
}

TEST(FilterText, what_is_excluded_has_words_that_older_versions_pass_over) {
    event::Filter filter;
    filter.ports.wanted = {{8000, 8100}};
    filter.ports.excluded = {8080, {8090, 8095}};
    filter.comms.wanted = {"!x"}; // as an older version's head may have it
    filter.comms.excluded = {"-4", "!", "a%"};
    filter.netns.excluded = {7};
    const Words words = event::filter_words(filter);
    EXPECT_THAT(words, ElementsAre("--port", "8000-8100", "!--port", "!8080", "!--port",
                                   "!8090-8095", "--comm", "!x", "!--comm", "!-4", "!--comm", "!!",
                                   "!--comm", "!a%25", "!--netns", "!7"));
    EXPECT_EQ(event::filter_from_words(words), filter);
    EXPECT_EQ(event::filter_as_given(filter),
              "--port 8000-8100 --port !8080 --port !8090-8095 --comm !x --comm !-4 --comm !! "
              "--comm !a%25 --netns !7");
}

TEST(FilterText, what_cannot_be_read_selects_more) {
    event::Filter port;
    port.ports = {80};
    for (const Words& more : {Words{"--later", "5"},
                              {"--pid", "x"},
                              {"--comm", "a%"},
                              {"--comm", "a%XY"},
                              {"--addr", "1"},
                              {"--netns", "web"},
                              {"--role", "both"},
                              {"-4", "-6"},
                              {"--sample", "0"},
                              {"--sample", "1000001"},
                              {"--sample", "2", "--sample", "3"},
                              {"!--sample", "!2"},
                              {"--sampled"},
                              {"!-4"},
                              {"!--comm", "sshd"},
                              {"!--port", "!0"},
                              {"!--port", "!1,2"},
                              {"!--later", "!5"},
                              {"!--pid"},
                              {"--pid"}}) {
        Words words{"--port", "80"};
        words.insert(words.end(), more.begin(), more.end());
        EXPECT_EQ(event::filter_from_words(words), port) << more.front();
    }
    EXPECT_TRUE(event::filter_from_words(Words{"--port", "80", "--port", "x"}).empty());
}

} // namespace
} // namespace tcpdwell::test
