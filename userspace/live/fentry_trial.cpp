// SPDX-License-Identifier: Apache-2.0
#include "live/fentry_trial.h"

#include <fmt/format.h>

#include "event/record.h"
#include "live/trial.h"

namespace tcpdwell::live {
namespace {

/// The functions that must have fired.
class FunctionsSeen final : public TrialObserver {
public:
    explicit FunctionsSeen(bool watches_accept) : accepted_(!watches_accept) {}

    void on_record(const OwnConnection& /*connection*/,
                   std::span<const std::byte> record) override {
        request_ |= event::read_header(record).kind == TD_REQUEST;
        accepted_ |= event::read_header(record).kind == TD_OWNER;
        const auto mini = event::as<td_timewait>(record);
        if (!mini || mini->h.kind != TD_TIMEWAIT) return;
        fin_wait2_ |= mini->op == TD_TIMER_START && mini->substate == 5;
        time_wait_ |= mini->op == TD_TIMER_REARM && mini->substate == 6;
        killed_ |= mini->op == TD_TIMER_KILL;
    }
    [[nodiscard]] std::string_view missing() const override {
        if (!request_) return "inet_csk_reqsk_queue_hash_add";
        if (!fin_wait2_) return "inet_twsk_hashdance";
        if (!time_wait_) return "__inet_twsk_schedule";
        if (!accepted_) return "inet_csk_accept";
        return killed_ ? "" : "inet_twsk_kill";
    }

private:
    bool accepted_;
    bool request_ = false;
    bool fin_wait2_ = false;
    bool time_wait_ = false;
    bool killed_ = false;
};

ProbePlan plan_of_functions(const KernelSupport& support) {
    ProbePlan plan = trial_plan(ProbeSet::fentry,
                                {Program::mini_begin, Program::mini_rearm, Program::mini_expire,
                                 Program::mini_kill, Program::request_begin, Program::request_drop,
                                 Program::request_put, Program::request_expire});
    plan.hashdance_schedules = support.hashdance_schedules;
    plan.hash_add_result = support.hash_add_result;
    plan.accept_result = support.accept_result;
    if (support.accept_function) plan.programs.push_back({Program::accepted, "", "", true, ""});
    return plan;
}

} // namespace

Support try_functions(const KernelSupport& support) {
    if (!support.tracing_programs) return support.tracing_programs;
    if (!support.functions) return support.functions;
    FunctionsSeen sight(support.accept_function.ok);
    const Trial trial = try_programs(plan_of_functions(support), sight);
    switch (trial.outcome) {
    case Trial::Outcome::seen: return Support::yes();
    case Trial::Outcome::not_seen:
        return Support::no(fmt::format("{}() didn't fire for a connection of our own", trial.why));
    case Trial::Outcome::refused:
        return Support::no(fmt::format("the kernel refuses them: {}", trial.why));
    case Trial::Outcome::not_made:
        return Support::no(fmt::format("it can't be tried: {}", trial.why));
    }
    return Support::no(trial.why);
}

} // namespace tcpdwell::live
