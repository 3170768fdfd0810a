// SPDX-License-Identifier: Apache-2.0
// One table of programs, one list of refusals, in the order in which a user would fix them.
#include "live/probe_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace tcpdwell::live {
namespace {

/// A program and the fact that decides about it.
struct ProgramRow {
    Program program;
    std::optional<ProbeSet> set; ///< nullopt: both
    std::string_view hook;
    std::string_view gives;
    Support (*available)(const KernelSupport&);
    bool required;
};

Support accept_support(const KernelSupport& support, const std::optional<std::uint64_t>& id) {
    return id ? Support::yes() : Support::no(support.why_no_accept);
}

/// A row of the set `fentry`, which works as a whole or not at all.
constexpr ProgramRow function_row(Program program, std::string_view hook, std::string_view gives) {
    return {
        program, ProbeSet::fentry, hook, gives, [](const KernelSupport& s) { return s.functions; },
        true};
}

constexpr auto timer = ProbeSet::timer;

constexpr std::array rows = {
    ProgramRow{Program::state,
               {},
               "tp_btf/inet_sock_set_state",
               "every state of a full socket",
               [](const KernelSupport& s) { return s.inet_sock_set_state; },
               true},
    ProgramRow{Program::timer_start, timer, "tp_btf/timer_start",
               "the beginning of TIME_WAIT and SYN_RECV",
               [](const KernelSupport& s) { return s.timer_start; }, true},
    ProgramRow{Program::timer_cancel, timer, "tp_btf/timer_cancel",
               "the early end of TIME_WAIT, the end of SYN_RECV",
               [](const KernelSupport& s) { return s.timer_cancel; }, true},
    ProgramRow{Program::timer_expire, timer, "tp_btf/timer_expire_entry",
               "TIME_WAIT and SYN_RECV that ran out",
               [](const KernelSupport& s) { return s.timer_expire_entry; }, true},
    function_row(Program::mini_begin, "fentry/inet_twsk_hashdance", "the beginning of TIME_WAIT"),
    function_row(Program::mini_rearm, "fentry/__inet_twsk_schedule",
                 "FIN_WAIT2 -> TIME_WAIT, and every restart"),
    function_row(Program::mini_expire, "fentry/tw_timer_handler", "TIME_WAIT that ran out"),
    function_row(Program::mini_kill, "fentry/inet_twsk_kill", "the early end of TIME_WAIT"),
    function_row(Program::request_begin, "fexit/inet_csk_reqsk_queue_hash_add",
                 "the beginning of SYN_RECV"),
    function_row(Program::request_drop, "fentry/inet_csk_reqsk_queue_drop", "the end of SYN_RECV"),
    function_row(Program::request_put, "fentry/inet_csk_reqsk_queue_drop_and_put",
                 "the end of SYN_RECV"),
    function_row(Program::request_expire, "fexit/reqsk_timer_handler", "SYN_RECV that ran out"),
    ProgramRow{Program::request_migrate, ProbeSet::fentry, "fexit/reuseport_migrate_sock",
               "SYN_RECV that another listener takes over",
               [](const KernelSupport& s) { return s.migrations; }, false},
    ProgramRow{Program::reset_received,
               {},
               "tp_btf/tcp_receive_reset",
               "resets by the peer",
               [](const KernelSupport& s) { return s.tcp_receive_reset; },
               false},
    ProgramRow{Program::reset_sent,
               {},
               "tp_btf/tcp_send_reset",
               "resets by this host",
               [](const KernelSupport& s) { return s.tcp_send_reset; },
               false},
    ProgramRow{Program::retransmit,
               {},
               "tp_btf/tcp_retransmit_skb",
               "the local port of connects that wait for an answer",
               [](const KernelSupport& s) { return s.tcp_retransmit_skb; },
               false},
    ProgramRow{Program::fork,
               {},
               "tp_btf/sched_process_fork",
               "the processes that a command starts",
               [](const KernelSupport& s) { return s.sched_process_fork; },
               false},
    ProgramRow{Program::accepted, ProbeSet::fentry, "fexit/inet_csk_accept",
               "the process that accepted a connection",
               [](const KernelSupport& s) { return s.accept_function; }, false},
    ProgramRow{Program::accept,
               {},
               "tracepoint/syscalls/sys_exit_accept",
               "the process that accepted a connection",
               [](const KernelSupport& s) { return accept_support(s, s.accept_id); },
               false},
    ProgramRow{Program::accept4,
               {},
               "tracepoint/syscalls/sys_exit_accept4",
               "the process that accepted a connection",
               [](const KernelSupport& s) { return accept_support(s, s.accept4_id); },
               false},
    ProgramRow{Program::listing,
               {},
               "iter/tcp",
               "connections that were open before",
               [](const KernelSupport& s) { return s.tcp_iterator; },
               false},
};

/// "tp_btf/x" of the table, or the same on the raw tracepoint.
std::string hook_of(const ProgramRow& row, Hooks hooks) {
    constexpr std::string_view typed = "tp_btf/";
    if (hooks == Hooks::typed || !row.hook.starts_with(typed)) return std::string(row.hook);
    return fmt::format("raw_tp/{}", row.hook.substr(typed.size()));
}
bool belongs_to(const ProgramRow& row, ProbeSet set) { return row.set.value_or(set) == set; }

/// Whether accept() is seen in the kernel's function: then its system calls are left alone.
bool sees_accept_function(ProbeSet set, const KernelSupport& support) {
    return set == ProbeSet::fentry && support.accept_function.ok;
}

bool is_accept_call(Program program) {
    return program == Program::accept || program == Program::accept4;
}

tl::unexpected<Error> refuse(std::string message) {
    return fail(ErrorCode::cannot_trace, std::move(message));
}

FeatureChoice feature(std::string_view name, std::string_view gives, const Support& support) {
    return {name, gives, support.ok, support.why_not};
}

/// Obstacles on the side of the user or of the kernel as a whole.
Result<void> check_ground(const KernelSupport& support) {
    if (support.version < KernelVersion{5, 8})
        return refuse(
            fmt::format("Linux {} is too old: tracing needs 5.8 or later", support.release));
    if (const auto missing = missing_capabilities(support); !missing.empty())
        return refuse(fmt::format(
            "tracing needs {}, which this process doesn't have; {}", fmt::join(missing, " and "),
            support.root ? "run it on the host, or give the container these capabilities"
                         : "run it with sudo"));
    if (!support.btf_file.empty() && !support.types)
        return fail(ErrorCode::usage,
                    fmt::format("--btf: {}; give the vmlinux of the running kernel, Linux {} {}, "
                                "or a BTF file made of "
                                "it (BTFHub has those of many distributions)",
                                support.types.why_not, support.release, support.machine));
    if (!support.types)
        return refuse(fmt::format(
            "this kernel doesn't describe its types (CONFIG_DEBUG_INFO_BTF): {}; give a "
            "description of exactly this kernel, Linux {} {}, with --btf FILE: its vmlinux with "
            "debug information after 'pahole -J', or a BTF file (BTFHub has those of many "
            "distributions)",
            support.types.why_not, support.release, support.machine));
    if (!support.memlock)
        return refuse(fmt::format("{}; {}raise the limit with 'ulimit -l unlimited'",
                                  support.memlock.why_not,
                                  support.root ? "give it that, or " : "run it with sudo, or "));
    return {};
}

Result<void> check_programs(const KernelSupport& support, ProbeSet set) {
    for (const ProgramRow& row : rows) {
        if (!row.required || !belongs_to(row, set)) continue;
        if (const Support available = row.available(support); !available)
            return refuse(fmt::format(
                "{}: {}; it needs CONFIG_TRACEPOINTS=y and CONFIG_BPF_EVENTS=y",
                hook_of(row, support.raw ? Hooks::raw : Hooks::typed), available.why_not));
    }
    if (support.tracing_programs) return {};
    if (support.lockdown == "confidentiality")
        return refuse("kernel lockdown is at 'confidentiality', which forbids to read kernel "
                      "memory; boot with "
                      "lockdown=integrity");
    return refuse(fmt::format(
        "{}; in a container, run it on the host or without the container's seccomp profile",
        support.tracing_programs.why_not));
}

/// The programs of the plan's set, depending on the rest of the plan.
std::vector<ProgramChoice> choose_programs(const ProbePlan& plan, const KernelSupport& support) {
    std::vector<ProgramChoice> programs;
    for (const ProgramRow& row : rows) {
        if (!belongs_to(row, plan.set)) continue;
        if (is_accept_call(row.program) && sees_accept_function(plan.set, support)) continue;
        const Support available = row.available(support);
        const bool schedules = row.program == Program::mini_begin && plan.hashdance_schedules;
        programs.push_back(
            {row.program,
             schedules ? "fentry/inet_twsk_hashdance_schedule" : hook_of(row, plan.hooks),
             row.gives, available.ok, available.why_not});
    }
    if (plan.listing == Listing::sock_diag)
        programs.back() = {
            Program::listing, std::string(name(plan.listing)),
            "connections that were open before, by four-tuple and to the millisecond",
            support.sock_diag.ok, support.sock_diag.why_not};
    return programs;
}

/// Neither way to get the addresses of the timer functions is available.
tl::unexpected<Error> refuse_blind(std::string_view no_symbol, std::string_view no_calibration,
                                   bool hidden) {
    return refuse(fmt::format(
        "TIME_WAIT and SYN_RECV couldn't be seen: {}, and {}; {}", no_symbol, no_calibration,
        hidden ? "run it with sudo, and with 'sysctl kernel.kptr_restrict=1' if that is 2"
               : "a newer kernel is needed"));
}

Result<void> plan_timer_functions(ProbePlan& plan, const KernelSupport& support) {
    using Status = FunctionFact::Status;
    const FunctionFact& tw = support.tw_timer_handler;
    const FunctionFact& reqsk = support.reqsk_timer_handler;
    plan.timer_functions = TimerFunctions::by_symbol;
    plan.tw_timer_handler = tw.address;
    plan.reqsk_timer_handler = reqsk.address;
    if (tw.status == Status::found && reqsk.status == Status::found) return {};
    const std::string& why = tw.status != Status::found ? tw.why_not : reqsk.why_not;
    const bool hidden = tw.status == Status::hidden || reqsk.status == Status::hidden;
    if (!support.tcp_iterator) return refuse_blind(why, support.tcp_iterator.why_not, hidden);
    if (!support.capabilities.sys_admin)
        return refuse_blind(
            why, "to learn them from a connection made for the purpose takes CAP_SYS_ADMIN",
            hidden);
    plan.timer_functions = TimerFunctions::by_calibration;
    return {};
}

} // namespace

std::string_view name(ProbeSet set) {
    switch (set) {
    case ProbeSet::timer: return "timer";
    case ProbeSet::fentry: return "fentry";
    }
    return {};
}

std::string_view name(Hooks hooks) {
    switch (hooks) {
    case Hooks::typed: return "tp_btf";
    case Hooks::raw: return "raw_tp";
    }
    return {};
}

std::string_view name(Listing listing) {
    switch (listing) {
    case Listing::iterator: return "iter/tcp";
    case Listing::sock_diag: return "sock_diag";
    }
    return {};
}

std::string_view name(TimerFunctions how) {
    switch (how) {
    case TimerFunctions::by_symbol: return "by_symbol";
    case TimerFunctions::by_calibration: return "by_calibration";
    }
    return {};
}

bool ProbePlan::loads(Program program) const {
    return std::any_of(programs.begin(), programs.end(), [program](const ProgramChoice& choice) {
        return choice.program == program && choice.load;
    });
}

void ProbePlan::leave_out(Program program, std::string_view why) {
    for (ProgramChoice& choice : programs)
        if (choice.program == program && choice.load) {
            choice.load = false;
            choice.why_not = why;
        }
}

std::vector<const FeatureChoice*> ProbePlan::features() const {
    return {&stacks,      &cookies,        &reset_reason, &stray_resets,
            &entry_stamp, &exact_restarts, &all_accepts};
}

std::vector<std::string_view> missing_capabilities(const KernelSupport& support) {
    std::vector<std::string_view> missing;
    if (support.capabilities.sys_admin) return missing;
    if (!support.capabilities.bpf) missing.emplace_back("CAP_BPF");
    if (!support.capabilities.perfmon) missing.emplace_back("CAP_PERFMON");
    return missing;
}

Result<ProbePlan> plan_probes(const KernelSupport& support, const Support& fentry, ProbeWish wish) {
    if (auto ground = check_ground(support); !ground) return tl::unexpected(ground.error());
    ProbePlan plan;
    plan.set = wish.value_or(fentry ? ProbeSet::fentry : ProbeSet::timer);
    plan.why_not_fentry = fentry.why_not;
    if (plan.set == ProbeSet::fentry && !fentry && support.tracing_programs)
        return refuse(fmt::format("the probe set fentry doesn't work here: {}; without --probes, "
                                  "'tcpdwell check' shows what does",
                                  fentry.why_not));
    if (auto programs = check_programs(support, plan.set); !programs)
        return tl::unexpected(programs.error());

    plan.hooks = support.raw ? Hooks::raw : Hooks::typed;
    plan.listing = support.tcp_iterator ? Listing::iterator : Listing::sock_diag;
    plan.btf_file = support.btf_file;
    plan.knows_jiffies = support.jiffies.ok;
    plan.pid_namespace = support.pid_namespace;
    plan.hashdance_schedules = support.hashdance_schedules;
    plan.hash_add_result = support.hash_add_result;
    plan.accept_result = support.accept_result;
    plan.programs = choose_programs(plan, support);
    if (plan.set == ProbeSet::timer) {
        if (auto planned = plan_timer_functions(plan, support); !planned)
            return tl::unexpected(planned.error());
    }

    plan.stacks = feature("stacks", "why a TIME_WAIT ended early", support.stacks);
    plan.cookies = feature("cookies", "ids of sockets that ss knows too", support.socket_cookie);
    plan.reset_reason =
        feature("reset_reason", "why this host reset a connection", support.reset_reason);
    plan.stray_resets =
        feature("stray_resets", "resets of segments that belong to no connection",
                support.reset_reason || !support.tcp_send_reset
                    ? support.reset_reason
                    : Support::no("before Linux 6.10 only those that listeners send"));
    plan.entry_stamp = feature("entry_stamp", "the exact time of the peer's FIN in FIN_WAIT2",
                               support.entry_stamp);
    plan.exact_restarts = feature(
        "exact_restarts", "every restart of a TIME_WAIT, and when FIN_WAIT2 became TIME_WAIT",
        plan.set == ProbeSet::fentry
            ? Support::yes()
            : Support::no("a timer that stays in its bucket shows no event"));
    plan.all_accepts =
        feature("all_accepts", "accepts by io_uring, too",
                plan.set == ProbeSet::timer ? Support::no("they make no system call of that name")
                                            : support.accept_function);
    if (plan.stacks.on) plan.stack_ranges = support.stack_ranges;
    if (plan.listing == Listing::sock_diag && !support.sock_diag)
        return refuse(fmt::format("sockets that exist already couldn't be listed: {}, and {}",
                                  support.tcp_iterator.why_not, support.sock_diag.why_not));
    return plan;
}

} // namespace tcpdwell::live
