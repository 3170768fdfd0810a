// SPDX-License-Identifier: Apache-2.0
#include "live/types_trial.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "event/record.h"
#include "live/trial.h"
#include "tcp/state.h"

namespace tcpdwell::live {
namespace {

bool is_between(const td_tuple& tuple, std::uint16_t local, std::uint16_t remote) {
    constexpr std::array<std::uint8_t, 16> loopback = {0, 0, 0,    0,    0,   0, 0, 0,
                                                       0, 0, 0xff, 0xff, 127, 0, 0, 1};
    return tuple.family == AF_INET && tuple.local_port == local && tuple.remote_port == remote &&
           std::equal(loopback.begin(), loopback.end(), tuple.local_addr) &&
           std::equal(loopback.begin(), loopback.end(), tuple.remote_addr);
}

/// The connection as it was. Of another namespace than its own there are no records.
class ConnectionSeen final : public TrialObserver {
public:
    void on_record(const OwnConnection& connection, std::span<const std::byte> record) override {
        const auto [client, server] = connection;
        switch (event::read_header(record).kind) {
        case TD_STATE: {
            const auto r = event::as<td_state>(record);
            if (!r) return;
            const bool is_server = is_between(r->tuple, server, client);
            if (r->to == static_cast<int>(tcp::State::ESTABLISHED)) {
                client_ |= is_between(r->tuple, client, server);
                server_ |= is_server;
            }
            // Its port, which it wasn't bound to, is stored elsewhere by then (inet_sport).
            closed_ |= is_server && r->to == static_cast<int>(tcp::State::CLOSE);
            return;
        }
        case TD_REQUEST: {
            const auto r = event::as<td_request>(record);
            request_ |= r && r->op == TD_TIMER_START && is_between(r->tuple, server, client);
            return;
        }
        case TD_TIMEWAIT: {
            const auto r = event::as<td_timewait>(record);
            if (!r || !is_between(r->tuple, client, server)) return;
            fin_wait2_ |=
                r->op == TD_TIMER_START && r->substate == static_cast<int>(tcp::State::FIN_WAIT2);
            time_wait_ |= r->substate == static_cast<int>(tcp::State::TIME_WAIT);
            return;
        }
        default: return;
        }
    }
    [[nodiscard]] std::string_view missing() const override {
        if (!client_) return "addresses and ports";
        if (!server_) return "other end";
        if (!request_) return "SYN_RECV";
        if (!fin_wait2_) return "FIN_WAIT2";
        if (!time_wait_) return "TIME_WAIT";
        return closed_ ? "" : "end";
    }

private:
    bool client_ = false;
    bool server_ = false;
    bool closed_ = false;
    bool request_ = false;
    bool fin_wait2_ = false;
    bool time_wait_ = false;
};

ProbePlan plan_of_timers(const KernelSupport& support) {
    ProbePlan plan = trial_plan(ProbeSet::timer, {Program::state, Program::timer_start,
                                                  Program::timer_cancel, Program::timer_expire});
    plan.hooks = Hooks::raw;
    plan.btf_file = support.btf_file;
    plan.tw_timer_handler = support.tw_timer_handler.address;
    plan.reqsk_timer_handler = support.reqsk_timer_handler.address;
    return plan;
}

/// What prevents a trial.
Support can_be_tried(const KernelSupport& support) {
    for (const Support& needed :
         {support.types, support.tracing_programs, support.inet_sock_set_state, support.timer_start,
          support.timer_cancel, support.timer_expire_entry})
        if (!needed) return needed;
    for (const FunctionFact* function : {&support.tw_timer_handler, &support.reqsk_timer_handler})
        if (function->address == 0) return Support::no(function->why_not);
    return Support::yes();
}

} // namespace

TypesTrial try_types(const KernelSupport& support) {
    if (const Support ready = can_be_tried(support); !ready) return {support.types, ready};
    ConnectionSeen sight;
    const Trial trial = try_programs(plan_of_timers(support), sight);
    switch (trial.outcome) {
    case Trial::Outcome::not_seen:
        return {Support::no(fmt::format(
                    "{} is the BTF of another kernel: read with it, a connection of our own "
                    "doesn't show its {}",
                    support.btf_file, trial.why)),
                Support::yes()};
    case Trial::Outcome::refused:
        return {Support::no(fmt::format(
                    "{} is the BTF of another kernel: this one refuses the programs that result "
                    "({})",
                    support.btf_file, trial.why)),
                Support::yes()};
    case Trial::Outcome::not_made: return {support.types, Support::no(trial.why)};
    case Trial::Outcome::seen: break;
    }
    return {support.types, Support::yes()};
}

} // namespace tcpdwell::live
