// SPDX-License-Identifier: Apache-2.0
// The plan for a host that has everything, and what changes when one thing is missing.
#include "live/probe_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "full_support.h"

namespace tcpdwell::test {
namespace {

using namespace live;
using testing::AllOf, testing::HasSubstr;
using Status = FunctionFact::Status;

using Change = std::function<void(KernelSupport&)>;

ProbePlan plan_with(const Change& change) {
    KernelSupport support = full_support();
    change(support);
    auto plan = plan_probes(support);
    EXPECT_TRUE(plan) << plan.error().message;
    return plan.value_or(ProbePlan{});
}

std::string refusal_with(const Change& change) {
    KernelSupport support = full_support();
    change(support);
    const auto plan = plan_probes(support);
    EXPECT_FALSE(plan);
    if (plan) return {};
    EXPECT_EQ(plan.error().code, ErrorCode::cannot_trace);
    return plan.error().message;
}

std::size_t loaded(const ProbePlan& plan) {
    std::size_t count = 0;
    for (const ProgramChoice& choice : plan.programs) {
        EXPECT_NE(choice.load, !choice.why_not.empty()) << choice.hook;
        count += choice.load ? 1 : 0;
    }
    return count;
}

TEST(ProbePlan, AHostWithEverythingLoadsEverything) {
    const ProbePlan plan = plan_with([](KernelSupport&) {});
    EXPECT_EQ(plan.set, ProbeSet::timer);
    EXPECT_EQ(plan.programs.size(), 11u);
    EXPECT_EQ(loaded(plan), 11u);
    EXPECT_EQ(plan.timer_functions, TimerFunctions::by_symbol);
    EXPECT_EQ(plan.tw_timer_handler, tw_address);
    EXPECT_EQ(plan.reqsk_timer_handler, reqsk_address);
    EXPECT_EQ(plan.stack_ranges.size(), 1u);
    for (const FeatureChoice* feature : plan.features())
        // What takes functions.
        EXPECT_NE(feature->on, feature == &plan.exact_restarts || feature == &plan.all_accepts)
            << feature->name;
}

TEST(ProbePlan, ProgramsStandInTheOrderOfTheEnum) {
    for (const Support& fentry : {Support::yes(), Support::no("gone")}) {
        const auto plan = plan_probes(full_support(), fentry);
        ASSERT_TRUE(plan);
        EXPECT_TRUE(
            std::is_sorted(plan->programs.begin(), plan->programs.end(),
                           [](const auto& a, const auto& b) { return a.program < b.program; }));
    }
}

TEST(ProbePlan, ListenersThatTakeNothingOverAreNoObstacle) {
    KernelSupport support = full_support();
    support.migrations = Support::no("too old");
    const auto plan = plan_probes(support, Support::yes());
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->set, ProbeSet::fentry);
    EXPECT_FALSE(plan->loads(Program::request_migrate));
    EXPECT_EQ(loaded(*plan), 15u);
}

TEST(ProbePlan, AcceptIsSeenInTheFunctionOrInItsSystemCalls) {
    KernelSupport support = full_support();
    for (const bool known : {true, false}) {
        support.accept_function = known ? Support::yes() : Support::no("changed");
        for (const bool fentry : {true, false}) {
            const auto plan =
                plan_probes(support, fentry ? Support::yes() : Support::no("refused"));
            ASSERT_TRUE(plan);
            EXPECT_EQ(plan->loads(Program::accepted), known && fentry);
            EXPECT_NE(plan->loads(Program::accept), known && fentry);
            EXPECT_NE(plan->loads(Program::accept4), known && fentry);
            EXPECT_EQ(plan->all_accepts.on, known && fentry);
        }
    }
}

TEST(ProbePlan, FunctionsThatFireAreBetterThanTimers) {
    const auto plan = plan_probes(full_support(), Support::yes());
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->set, ProbeSet::fentry);
    EXPECT_EQ(plan->programs.size(), 16u);
    EXPECT_EQ(loaded(*plan), 16u);
    for (const Program timer : {Program::timer_start, Program::timer_cancel, Program::timer_expire})
        EXPECT_FALSE(plan->loads(timer));
    EXPECT_EQ(plan->timer_functions, std::nullopt);
    for (const FeatureChoice* feature : plan->features()) EXPECT_TRUE(feature->on) << feature->name;
}

TEST(ProbePlan, FunctionsNeedNoTimers) {
    KernelSupport support = full_support();
    support.timer_start = Support::no("gone");
    support.tw_timer_handler = {Status::hidden, 0, "hidden"};
    support.capabilities.sys_admin = false;
    const auto plan = plan_probes(support, Support::yes());
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->set, ProbeSet::fentry);
}

TEST(ProbePlan, HooksAreThoseOfTheKernel) {
    const auto hook = [](bool schedules) {
        KernelSupport support = full_support();
        support.hashdance_schedules = schedules;
        const auto plan = plan_probes(support, Support::yes());
        for (const ProgramChoice& choice : plan->programs)
            if (choice.program == Program::mini_begin) return choice.hook;
        return std::string();
    };
    EXPECT_EQ(hook(false), "fentry/inet_twsk_hashdance");
    EXPECT_EQ(hook(true), "fentry/inet_twsk_hashdance_schedule");
}

TEST(ProbePlan, TheWishIsGrantedOrRefused) {
    const auto timer = plan_probes(full_support(), Support::yes(), ProbeSet::timer);
    ASSERT_TRUE(timer);
    EXPECT_EQ(timer->set, ProbeSet::timer);
    const auto automatic = plan_probes(full_support(), Support::no("it didn't fire"));
    ASSERT_TRUE(automatic);
    EXPECT_EQ(automatic->set, ProbeSet::timer);
    EXPECT_EQ(automatic->why_not_fentry, "it didn't fire");
    const auto fentry =
        plan_probes(full_support(), Support::no("it didn't fire"), ProbeSet::fentry);
    ASSERT_FALSE(fentry);
    EXPECT_EQ(fentry.error().code, ErrorCode::cannot_trace);
    EXPECT_THAT(fentry.error().message,
                AllOf(HasSubstr("it didn't fire"), HasSubstr("tcpdwell check")));
}

struct OptionalCase {
    const char* what;
    Change take_away;
    Program program;
};

TEST(ProbePlan, OptionalProgramsAreLeftOutWithTheirReason) {
    const Support gone = Support::no("gone");
    const OptionalCase cases[] = {
        {"reset_received", [&](auto& s) { s.tcp_receive_reset = gone; }, Program::reset_received},
        {"reset_sent", [&](auto& s) { s.tcp_send_reset = gone; }, Program::reset_sent},
        {"retransmit", [&](auto& s) { s.tcp_retransmit_skb = gone; }, Program::retransmit},
        {"fork", [&](auto& s) { s.sched_process_fork = gone; }, Program::fork},
        {"accept", [&](auto& s) { s.accept_id.reset(), s.why_no_accept = "gone"; },
         Program::accept},
        {"accept4", [&](auto& s) { s.accept4_id.reset(), s.why_no_accept = "gone"; },
         Program::accept4},
    };
    for (const OptionalCase& each : cases) {
        const ProbePlan plan = plan_with(each.take_away);
        EXPECT_EQ(loaded(plan), 10u) << each.what;
        EXPECT_FALSE(plan.loads(each.program)) << each.what;
        for (const ProgramChoice& choice : plan.programs) {
            if (choice.program == each.program) {
                EXPECT_EQ(choice.why_not, "gone") << each.what;
            }
        }
    }
}

TEST(ProbePlan, AProgramThatNobodyWantsIsLeftOut) {
    ProbePlan plan = plan_with([](KernelSupport&) {});
    plan.leave_out(Program::fork, "not wanted");
    EXPECT_FALSE(plan.loads(Program::fork));
    EXPECT_TRUE(plan.loads(Program::retransmit));
    EXPECT_EQ(loaded(plan), 10u);
}

TEST(ProbePlan, FeaturesGoOffOneByOne) {
    const Support gone = Support::no("gone");
    const std::pair<Change, FeatureChoice ProbePlan::*> cases[] = {
        {[&](auto& s) { s.stacks = gone; }, &ProbePlan::stacks},
        {[&](auto& s) { s.socket_cookie = gone; }, &ProbePlan::cookies},
        {[&](auto& s) { s.reset_reason = gone; }, &ProbePlan::reset_reason},
        {[&](auto& s) { s.entry_stamp = gone; }, &ProbePlan::entry_stamp},
    };
    for (const auto& [take_away, feature] : cases) {
        const ProbePlan plan = plan_with(take_away);
        EXPECT_FALSE((plan.*feature).on);
        EXPECT_EQ((plan.*feature).why_not, "gone");
        EXPECT_EQ(loaded(plan), 11u);
    }
    EXPECT_TRUE(plan_with([&](auto& s) { s.stacks = gone; }).stack_ranges.empty());
}

TEST(ProbePlan, HiddenOrAbsentTimersAreCalibrated) {
    for (const Status status : {Status::hidden, Status::absent}) {
        for (FunctionFact KernelSupport::*timer :
             {&KernelSupport::tw_timer_handler, &KernelSupport::reqsk_timer_handler}) {
            const ProbePlan plan = plan_with([&](auto& s) { s.*timer = {status, 0, "gone"}; });
            EXPECT_EQ(plan.timer_functions, TimerFunctions::by_calibration);
            EXPECT_TRUE(plan.loads(Program::listing));
        }
    }
}

TEST(ProbePlan, RefusesWhatCouldNotSeeTimeWait) {
    const auto without = [](Status status) {
        return refusal_with([status](auto& s) {
            s.tw_timer_handler = {status, 0, "the handler is gone"};
            s.tcp_iterator = Support::no("the iterator is gone");
        });
    };
    EXPECT_THAT(without(Status::hidden),
                AllOf(HasSubstr("TIME_WAIT"), HasSubstr("the handler is gone"),
                      HasSubstr("the iterator is gone"), HasSubstr("kptr_restrict")));
    EXPECT_THAT(without(Status::absent), AllOf(HasSubstr("TIME_WAIT"), HasSubstr("newer kernel")));
}

TEST(ProbePlan, CalibrationTakesANamespaceOfItsOwn) {
    EXPECT_THAT(refusal_with([](auto& s) {
                    s.tw_timer_handler = {Status::hidden, 0, "the addresses are hidden"};
                    s.capabilities.sys_admin = false;
                }),
                AllOf(HasSubstr("the addresses are hidden"), HasSubstr("CAP_SYS_ADMIN"),
                      HasSubstr("sudo")));
}

TEST(ProbePlan, RefusesOldKernels) {
    const auto old = [](auto& s) { s.version = {5, 7}, s.release = "5.7.19"; };
    EXPECT_THAT(refusal_with(old), AllOf(HasSubstr("5.7.19"), HasSubstr("5.8")));
    EXPECT_EQ(loaded(plan_with([](auto& s) { s.version = {5, 8}; })), 11u);
}

TEST(ProbePlan, NamesTheMissingCapabilities) {
    const auto with = [](bool bpf, bool perfmon, bool root) {
        return refusal_with([=](auto& s) {
            s.capabilities = {};
            s.capabilities.bpf = bpf;
            s.capabilities.perfmon = perfmon;
            s.root = root;
        });
    };
    EXPECT_THAT(with(false, false, false),
                AllOf(HasSubstr("CAP_BPF and CAP_PERFMON"), HasSubstr("sudo")));
    EXPECT_THAT(with(true, false, false),
                AllOf(HasSubstr("needs CAP_PERFMON,"), HasSubstr("sudo")));
    EXPECT_THAT(with(false, true, false), AllOf(HasSubstr("needs CAP_BPF,"), HasSubstr("sudo")));
    EXPECT_THAT(with(false, false, true),
                AllOf(HasSubstr("container"), testing::Not(HasSubstr("sudo"))));

    EXPECT_EQ(loaded(plan_with([](auto& s) { s.capabilities = {.bpf = true, .perfmon = true}; })),
              11u);
    EXPECT_EQ(loaded(plan_with([](auto& s) { s.capabilities = {.sys_admin = true}; })), 11u);
}

TEST(ProbePlan, RefusesWithoutBtfAndSaysWhatToDo) {
    const auto without = [](auto& s) {
        s.btf = s.types = Support::no("no /sys/kernel/btf/vmlinux");
    };
    EXPECT_THAT(refusal_with(without),
                AllOf(HasSubstr("/sys/kernel/btf/vmlinux"), HasSubstr("CONFIG_DEBUG_INFO_BTF"),
                      HasSubstr("--btf FILE"), HasSubstr("6.18.1-amd64")));
}

TEST(ProbePlan, RefusesWithoutRoomForMaps) {
    EXPECT_THAT(refusal_with([](auto& s) { s.memlock = Support::no("RLIMIT_MEMLOCK is low"); }),
                AllOf(HasSubstr("RLIMIT_MEMLOCK is low"), HasSubstr("ulimit")));
}

TEST(ProbePlan, RefusesWithoutARequiredTracepoint) {
    for (Support KernelSupport::*fact :
         {&KernelSupport::inet_sock_set_state, &KernelSupport::timer_start,
          &KernelSupport::timer_cancel, &KernelSupport::timer_expire_entry})
        EXPECT_THAT(refusal_with([fact](auto& s) { s.*fact = Support::no("it is gone"); }),
                    HasSubstr("it is gone"));
}

TEST(ProbePlan, RefusesWhereTheKernelTakesNoPrograms) {
    const auto refused = [](auto& s) {
        s.tracing_programs = Support::no("Operation not permitted");
    };
    EXPECT_THAT(refusal_with(refused),
                AllOf(HasSubstr("Operation not permitted"), HasSubstr("container")));
    EXPECT_THAT(refusal_with([&](auto& s) { refused(s), s.lockdown = "confidentiality"; }),
                HasSubstr("lockdown"));
}

/// A kernel without BTF whose types the user has given; Linux 5.8, which has some, but not what
/// takes them, is the same without a file.
void make_raw(KernelSupport& s) {
    s.raw = true;
    s.tcp_iterator = Support::no("the iterator is gone");
    s.socket_cookie = Support::no("not on raw tracepoints");
}
void give_types(KernelSupport& s) {
    make_raw(s);
    s.btf = Support::no("no /sys/kernel/btf/vmlinux");
    s.btf_file = "/boot/btf";
}

TEST(ProbePlan, TypesThatAreGivenAreUsedByRawTracepoints) {
    const ProbePlan plan = plan_with(give_types);
    EXPECT_EQ(plan.hooks, Hooks::raw);
    EXPECT_EQ(plan.listing, Listing::sock_diag);
    EXPECT_EQ(plan.btf_file, "/boot/btf");
    EXPECT_EQ(loaded(plan), 11u);
    EXPECT_FALSE(plan.cookies.on);
    EXPECT_TRUE(plan.stacks.on);
    for (const ProgramChoice& choice : plan.programs) {
        EXPECT_THAT(choice.hook, testing::Not(HasSubstr("tp_btf")))
            << "typed programs can't be loaded";
        EXPECT_THAT(choice.hook, testing::Not(HasSubstr("iter/")));
    }
    EXPECT_EQ(plan.programs.front().hook, "raw_tp/inet_sock_set_state");
    EXPECT_EQ(plan.programs.back().hook, "sock_diag");
}

TEST(ProbePlan, KernelWithTypesButWithoutIteratorUsesItsOwn) {
    const ProbePlan plan = plan_with(make_raw);
    EXPECT_EQ(plan.hooks, Hooks::raw);
    EXPECT_EQ(plan.listing, Listing::sock_diag);
    EXPECT_EQ(plan.btf_file, "");
}

TEST(ProbePlan, TypedHooksStayWhereTheyAre) {
    const ProbePlan plan = plan_with([](auto&) {});
    EXPECT_EQ(plan.hooks, Hooks::typed);
    EXPECT_EQ(plan.listing, Listing::iterator);
    EXPECT_EQ(plan.programs.front().hook, "tp_btf/inet_sock_set_state");
    EXPECT_EQ(plan.programs.back().hook, "iter/tcp");
}

TEST(ProbePlan, WithoutJiffiesMoreStacksAreTaken) {
    EXPECT_TRUE(plan_with([](auto&) {}).knows_jiffies);
    EXPECT_FALSE(
        plan_with([](auto& s) { s.jiffies = Support::no("unknown function"); }).knows_jiffies);
}

TEST(ProbePlan, AWrongFileIsBadUsage) {
    KernelSupport support = full_support();
    give_types(support);
    support.types = Support::no("/boot/btf is neither BTF nor a vmlinux");
    const auto plan = plan_probes(support);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::usage);
    EXPECT_THAT(plan.error().message, AllOf(HasSubstr("--btf"), HasSubstr("/boot/btf is neither"),
                                            HasSubstr("6.18.1-amd64")));
}

TEST(ProbePlan, RawProgramsNeedTheAddressesOfTheTimers) {
    const auto hidden = [](auto& s) {
        give_types(s);
        s.tw_timer_handler = {Status::hidden, 0, "the addresses are hidden"};
    };
    EXPECT_THAT(refusal_with(hidden),
                AllOf(HasSubstr("the addresses are hidden"), HasSubstr("kptr_restrict")));
}

TEST(ProbePlan, RefusesWhereExistingSocketsCouldNotBeListed) {
    EXPECT_THAT(refusal_with([](auto& s) {
                    give_types(s);
                    s.sock_diag = Support::no("run 'modprobe tcp_diag'");
                }),
                AllOf(HasSubstr("the iterator is gone"), HasSubstr("modprobe tcp_diag")));
}

TEST(ProbePlan, RawTracepointsThatAreMissingAreNamedSo) {
    EXPECT_THAT(refusal_with([](auto& s) {
                    give_types(s);
                    s.timer_start = Support::no("it is gone");
                }),
                AllOf(HasSubstr("raw_tp/timer_start"), HasSubstr("it is gone")));
    const ProbePlan plan = plan_with([](auto& s) {
        give_types(s);
        s.tcp_send_reset = s.reset_reason = Support::no("it is gone");
    });
    EXPECT_FALSE(plan.loads(Program::reset_sent));
}

} // namespace
} // namespace tcpdwell::test
