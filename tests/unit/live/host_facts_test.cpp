// SPDX-License-Identifier: Apache-2.0
// The facts that head a stream: their order and values.
#include "live/host_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "event/decode.h"
#include "host/pid_namespace.h"

namespace tcpdwell::test {
namespace {

using testing::ElementsAre;
using testing::Pair;

std::vector<std::pair<std::string, std::string>>
decoded(const std::vector<std::vector<std::byte>>& records) {
    std::vector<std::pair<std::string, std::string>> facts;
    event::Decoder decoder;
    for (const auto& record : records) {
        const auto event = decoder.decode(record);
        const auto* fact = event ? std::get_if<event::Fact>(&*event) : nullptr;
        if (fact == nullptr) {
            ADD_FAILURE() << "not a fact";
            continue;
        }
        EXPECT_EQ(fact->netns, 0u);
        facts.emplace_back(fact->key, fact->value);
    }
    return facts;
}

TEST(HostFacts, InOrder) {
    const live::HostIdentity host{"box", "abc-def", {{"net.ipv4.tcp_fin_timeout", "60"}}};
    live::KernelSupport support;
    support.release = "6.1.0";
    support.machine = "x86_64";
    live::ProbePlan plan;
    plan.btf_file = "/boot/btf";
    plan.pid_namespace = 4026532178;
    plan.programs = {{live::Program::state, "tp_btf/a", "", true, ""},
                     {live::Program::timer_start, "tp_btf/b", "", false, "missing"},
                     {live::Program::timer_cancel, "tp_btf/c", "", true, ""}};
    const auto facts = decoded(host_facts(5, host, support, plan));
    EXPECT_THAT(facts,
                ElementsAre(Pair("version", TCPDWELL_VERSION), Pair("host", "box"),
                            Pair("kernel", "6.1.0"), Pair("machine", "x86_64"),
                            Pair("boot_id", "abc-def"), Pair("probes", "timer tp_btf/a tp_btf/c"),
                            Pair("pid_namespace", "4026532178"), Pair("btf", "/boot/btf"),
                            Pair("net.ipv4.tcp_fin_timeout", "60")));
}

TEST(HostFacts, WhatIsNotKnownIsLeftOut) {
    live::ProbePlan plan;
    plan.set = live::ProbeSet::fentry;
    plan.pid_namespace = host::kInitialPidNamespace; // the usual one
    const auto facts = decoded(
        host_facts(5, live::HostIdentity{"box", std::nullopt, {}}, live::KernelSupport{}, plan));
    EXPECT_THAT(facts,
                ElementsAre(Pair("version", TCPDWELL_VERSION), Pair("host", "box"),
                            Pair("kernel", ""), Pair("machine", ""), Pair("probes", "fentry")));
}

TEST(HostFacts, PidNamespaceOfProcThatIsNotKnownIsSaid) {
    const auto facts = decoded(host_facts(5, live::HostIdentity{"box", std::nullopt, {}},
                                          live::KernelSupport{}, live::ProbePlan{}));
    EXPECT_THAT(facts, testing::Contains(Pair("pid_namespace", "unknown")));
}

TEST(HostFacts, OfThisHost) {
    const live::HostIdentity host = live::read_host_identity();
    EXPECT_FALSE(host.name.empty());
    ASSERT_TRUE(host.boot_id);
    EXPECT_EQ(host.boot_id->size(), 36u); // a UUID, without the newline of the file
    EXPECT_FALSE(host.sysctls.empty());
}

} // namespace
} // namespace tcpdwell::test
