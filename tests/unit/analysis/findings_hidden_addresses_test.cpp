// SPDX-License-Identifier: Apache-2.0
// Findings on connects that failed, where the filter may leave out another address of the same try.
#include "rule_test.h"

namespace tcpdwell::test {
namespace {

class HiddenAddresses : public RuleTest {
protected:
    HiddenAddresses() {
        clients(scenario("refused_then_retried"), 10);
        clients(scenario("connect_given_up"), 10, 45'000, "10.0.0.6");
    }
    bool is_said_of(std::string_view id) {
        const report::Finding* f = found(id, kLater);
        EXPECT_NE(f, nullptr) << id;
        return f && advice(*f).find("look without that filter") != std::string::npos;
    }
};

TEST_F(HiddenAddresses, are_pointed_out_only_where_there_may_be_some) {
    for (const std::string_view filter :
         {"--addr 10.0.0.5", "-6", "--port 80 -4", "--netns 7 recorded with --addr ::1"}) {
        options.run.filter = filter;
        EXPECT_TRUE(is_said_of("connects_unanswered")) << filter;
        EXPECT_TRUE(is_said_of("connects_refused")) << filter;
    }
    for (const std::string_view filter : {"", "--port 5432", "--netns 7", "--comm app"}) {
        options.run.filter = filter;
        EXPECT_FALSE(is_said_of("connects_unanswered")) << filter;
        EXPECT_FALSE(is_said_of("connects_refused")) << filter;
    }
}

} // namespace
} // namespace tcpdwell::test
