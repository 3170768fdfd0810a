// SPDX-License-Identifier: Apache-2.0
// Gathers the facts: files of /proc and /sys, the kernel's type information, and trial loads where
// only trying shows.
#include "live/kernel_support.h"

#include <bpf/btf.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "host/pid_namespace.h"
#include "host/proc_file.h"
#include "live/capabilities.h"
#include "live/kernel_symbols.h"
#include "live/kernel_types.h"
#include "live/sock_diag.h"
#include "live/tracefs.h"
#include "live/trial_load.h"
#include "tcp/state.h"

namespace tcpdwell::live {
namespace {

constexpr std::string_view tw_timer = "tw_timer_handler";
constexpr std::string_view reqsk_timer = "reqsk_timer_handler";

struct StackFunction {
    std::string_view name;
    td_stack function;
};
constexpr std::array stack_functions = {
    StackFunction{"__run_timers", TD_STACK_RUN_TIMERS},
    StackFunction{"__run_timer_base",
                  TD_STACK_RUN_TIMERS}, // its caller; the other is inlined there in 6.12 for arm64
    StackFunction{"__mod_timer", TD_STACK_MOD_TIMER},
    StackFunction{"tcp_timewait_state_process", TD_STACK_TIMEWAIT_PROCESS},
    StackFunction{"inet_twsk_deschedule_put", TD_STACK_DESCHEDULE},
    StackFunction{"tcp_v4_rcv", TD_STACK_RECEIVE},
    StackFunction{"tcp_v6_rcv", TD_STACK_RECEIVE},
    StackFunction{"__inet_hash_connect", TD_STACK_CONNECT},
    StackFunction{"__inet_check_established", TD_STACK_CONNECT},
    StackFunction{"__inet6_check_established", TD_STACK_CONNECT},
    StackFunction{"tcp_abort", TD_STACK_ABORT},
    StackFunction{"tcp_diag_destroy", TD_STACK_ABORT},
    StackFunction{"inet_twsk_purge", TD_STACK_PURGE},
    StackFunction{"tcp_check_req", TD_STACK_CHECK_REQUEST},
};

std::optional<int> read_number(const char* path) {
    const auto text = host::read_proc_file(path);
    int value = 0;
    if (!text ||
        std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{})
        return std::nullopt;
    return value;
}

/// "none [integrity] confidentiality": the word in brackets. The file is there only if securityfs
/// is mounted.
std::optional<std::string> read_lockdown() {
    const auto text = host::read_proc_file("/sys/kernel/security/lockdown");
    if (!text) return std::nullopt;
    const auto begin = text->find('[');
    const auto end = text->find(']');
    if (begin == std::string::npos || end == std::string::npos || end < begin) return std::nullopt;
    return text->substr(begin + 1, end - begin - 1);
}

Support check_memlock(const KernelSupport& support) {
    if (support.version >= KernelVersion{5, 11} || support.capabilities.sys_resource)
        return Support::yes();
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_max == RLIM_INFINITY)
        return Support::yes();
    return Support::no("before Linux 5.11 BPF maps count as locked memory, and the limit "
                       "(RLIMIT_MEMLOCK) can't be raised "
                       "without CAP_SYS_RESOURCE");
}

Support has_tracepoint(const KernelTypes& types, std::string_view name) {
    if (types.tracepoint(name) != 0) return Support::yes();
    return Support::no(fmt::format("this kernel has no tracepoint {}", name));
}

struct TracepointFact {
    std::string_view name;
    Support KernelSupport::*fact;
};
constexpr std::array tracepoints = {
    TracepointFact{"inet_sock_set_state", &KernelSupport::inet_sock_set_state},
    TracepointFact{"timer_start", &KernelSupport::timer_start},
    TracepointFact{"timer_cancel", &KernelSupport::timer_cancel},
    TracepointFact{"timer_expire_entry", &KernelSupport::timer_expire_entry},
    TracepointFact{"tcp_receive_reset", &KernelSupport::tcp_receive_reset},
    TracepointFact{"tcp_send_reset", &KernelSupport::tcp_send_reset},
    TracepointFact{"tcp_retransmit_skb", &KernelSupport::tcp_retransmit_skb},
    TracepointFact{"sched_process_fork", &KernelSupport::sched_process_fork},
};

constexpr const char* no_reason =
    "the tracepoint tcp_send_reset reports no reason before Linux 6.10";
constexpr unsigned arguments_with_reason = 3;

/// Of the probe set `fentry`.
void gather_functions(KernelSupport& support, const KernelTypes& types) {
    support.functions = Support::yes();
    for (const std::string_view name :
         {"__inet_twsk_schedule", "tw_timer_handler", "inet_twsk_kill",
          "inet_csk_reqsk_queue_hash_add", "inet_csk_reqsk_queue_drop",
          "inet_csk_reqsk_queue_drop_and_put", "reqsk_timer_handler"})
        if (!types.has_function(name))
            support.functions = Support::no(fmt::format("this kernel has no function {}", name));
    support.migrations =
        types.has_function("reuseport_migrate_sock")
            ? Support::yes()
            : Support::no("this kernel's listeners don't take over handshakes (Linux 5.14)");
    support.hashdance_schedules = types.has_function("inet_twsk_hashdance_schedule");
    support.hash_add_result = types.result_position("inet_csk_reqsk_queue_hash_add");
    support.accept_result = types.result_position("inet_csk_accept");
    support.accept_function = support.accept_result == 2 || support.accept_result == 4
                                  ? Support::yes()
                                  : Support::no("this kernel's inet_csk_accept() isn't known");
    if (!types.has_function("inet_twsk_hashdance") && !support.hashdance_schedules)
        support.functions = Support::no("this kernel has no function inet_twsk_hashdance");
}

void gather_typed(KernelSupport& support, const KernelTypes& types) {
    for (const TracepointFact& each : tracepoints)
        support.*each.fact = has_tracepoint(types, each.name);
    gather_functions(support, types);
    support.reset_reason = types.argument_count("tcp_send_reset") >= arguments_with_reason
                               ? Support::yes()
                               : Support::no(no_reason);
    if (const std::uint32_t target = types.tracepoint("inet_sock_set_state"); target != 0) {
        support.tracing_programs = try_tracing_program(target);
        support.socket_cookie =
            support.tracing_programs ? try_socket_cookie(target) : support.tracing_programs;
        if (!support.socket_cookie && support.version < KernelVersion{5, 12})
            support.socket_cookie =
                Support::no("programs can't generate cookies before Linux 5.12");
    } else {
        support.tracing_programs = support.socket_cookie = support.inet_sock_set_state;
    }
}

/// Here the kernel itself is asked, since the types come from elsewhere.
void gather_raw(KernelSupport& support) {
    support.raw = true;
    support.tracing_programs = try_raw_program();
    for (const TracepointFact& each : tracepoints)
        support.*each.fact =
            support.tracing_programs ? try_raw_tracepoint(each.name, 1) : support.tracing_programs;
    support.reset_reason =
        support.tcp_send_reset && try_raw_tracepoint("tcp_send_reset", arguments_with_reason)
            ? Support::yes()
            : Support::no(no_reason);
    support.socket_cookie = Support::no("programs on raw tracepoints can't generate cookies");
    support.functions = support.accept_function =
        Support::no("they take the kernel's own BTF and Linux 5.9");
}

/// Whether what the programs read can be found in these types at all, and whether they can be this
/// kernel's.
Support check_given_types(const KernelSupport& support, const KernelTypes& types) {
    constexpr std::pair<std::string_view, std::string_view> needed[] = {
        {"sock", "__sk_common"},
        {"sock_common", "skc_family"},
        {"inet_timewait_sock", "tw_timer"},
        {"request_sock", "rsk_timer"},
        {"timer_list", "function"},
        {"inet_sock", "inet_sport"},
    };
    for (const auto& [structure, member] : needed)
        if (!types.has_member(structure, member))
            return Support::no(
                fmt::format("{} isn't the BTF of a Linux kernel with TCP: it has no {}::{}",
                            support.btf_file, structure, member));
    const unsigned given = types.argument_count("tcp_send_reset");
    if (given != 0 && support.tcp_send_reset &&
        (given >= arguments_with_reason) != support.reset_reason.ok)
        return Support::no(fmt::format(
            "{} is the BTF of another kernel: its tcp_send_reset has {} arguments, that of "
            "Linux {} has {}",
            support.btf_file, given, support.release, support.reset_reason ? "more" : "fewer"));
    return Support::yes();
}

/// What is known only from the types, whoever gives them.
void gather_members(KernelSupport& support, const KernelTypes& types) {
    support.entry_stamp =
        types.has_member("inet_timewait_sock", "tw_entry_stamp")
            ? Support::yes()
            : Support::no("this kernel's struct inet_timewait_sock has no tw_entry_stamp");
}

void gather_iterator(KernelSupport& support, const KernelTypes& types) {
    const std::uint32_t iterator = types.id("bpf_iter_tcp", BTF_KIND_FUNC);
    support.tcp_iterator =
        iterator != 0 ? try_iterator(iterator)
                      : Support::no("this kernel has no BPF iterator over TCP sockets (Linux 5.9)");
}

void gather_programs(KernelSupport& support) {
    const auto own = KernelTypes::read(kOwnBtf);
    support.btf = own ? Support::yes() : Support::no(own.error().message);
    if (!support.btf_file.empty()) {
        support.tcp_iterator =
            Support::no("with --btf nothing is used that takes the kernel's own BTF");
        gather_raw(support);
        const auto given = KernelTypes::read(support.btf_file);
        support.types =
            given ? check_given_types(support, *given) : Support::no(given.error().message);
        if (given) gather_members(support, *given);
        return;
    }
    support.types = support.btf;
    if (!own) {
        const Support unknown = Support::no("not known without BTF");
        for (const TracepointFact& each : tracepoints) support.*each.fact = unknown;
        support.tracing_programs = support.socket_cookie = support.tcp_iterator =
            support.functions = support.accept_function = unknown;
        support.reset_reason = support.entry_stamp = unknown;
        return;
    }
    gather_iterator(support, *own);
    gather_members(support, *own);
    // bpf_skc_to_tcp_sock(), which the typed programs call, came with the iterator (Linux 5.9,
    // commit 478cfbdf5f13).
    if (support.tcp_iterator)
        gather_typed(support, *own);
    else
        gather_raw(support);
}

FunctionFact function_fact(const KernelSymbols& symbols, std::string_view name) {
    using Status = FunctionFact::Status;
    if (symbols.hidden)
        return {
            Status::hidden, 0,
            "the addresses in /proc/kallsyms are hidden (kernel.kptr_restrict, or no CAP_SYSLOG)"};
    if (const std::uint64_t address = symbols.address(name); address != 0)
        return {Status::found, address, {}};
    return {
        Status::absent, 0,
        fmt::format("/proc/kallsyms has {} {}", symbols.has(name) ? "more than one" : "no", name)};
}

Support check_stacks(const KernelSupport& support, const KernelSymbols& symbols) {
    if (symbols.hidden) return Support::no(support.tw_timer_handler.why_not);
    for (const StackFunction& each : stack_functions) {
        if (each.function == TD_STACK_CHECK_REQUEST) continue; // of requests only
        const bool found = std::any_of(
            support.stack_ranges.begin(), support.stack_ranges.end(),
            [&each](const StackRange& range) { return range.function == each.function; });
        if (!found) return Support::no(fmt::format("/proc/kallsyms has no {}", each.name));
    }
    return Support::yes();
}

void gather_symbols(KernelSupport& support) {
    std::vector<std::string_view> names = {tw_timer, reqsk_timer};
    for (const StackFunction& each : stack_functions) names.push_back(each.name);
    const auto symbols = read_kernel_symbols(names);
    if (!symbols) {
        support.tw_timer_handler.why_not = support.reqsk_timer_handler.why_not =
            symbols.error().message;
        support.stacks = Support::no(symbols.error().message);
        return;
    }
    support.tw_timer_handler = function_fact(*symbols, tw_timer);
    support.reqsk_timer_handler = function_fact(*symbols, reqsk_timer);
    for (const KernelFunction& function : symbols->functions) {
        // None of these calls the next one from a branch that the compiler calls unlikely.
        if (function.piece == KernelFunction::Piece::cold) continue;
        for (const StackFunction& each : stack_functions)
            if (each.name == function.name)
                support.stack_ranges.push_back(
                    {each.function, function.begin, function.end, each.name});
    }
    support.stacks = check_stacks(support, *symbols);
}

void gather_accept(KernelSupport& support) {
    constexpr std::array names = {TracepointName{"syscalls", "sys_exit_accept"},
                                  TracepointName{"syscalls", "sys_exit_accept4"}};
    const auto ids = tracepoint_ids(names);
    if (!ids) {
        support.why_no_accept = ids.error().message;
        return;
    }
    support.accept_id = (*ids)[0];
    support.accept4_id = (*ids)[1];
    if (!support.accept_id || !support.accept4_id) {
        support.why_no_accept =
            "this kernel has no tracepoints of system calls (CONFIG_FTRACE_SYSCALLS)";
    } else if (!open_tracepoint(*support.accept_id)) {
        support.why_no_accept =
            fmt::format("perf_event_open: {}; kernel.perf_event_paranoid must be lower, or the "
                        "process have CAP_SYS_ADMIN",
                        std::strerror(errno));
        support.accept_id = support.accept4_id = std::nullopt;
    }
}

} // namespace

KernelVersion parse_kernel_version(std::string_view release) {
    KernelVersion version;
    const char* const end = release.data() + release.size();
    const auto [dot, error] = std::from_chars(release.data(), end, version.major);
    if (error != std::errc{} || dot == end || *dot != '.') return {};
    if (std::from_chars(dot + 1, end, version.minor).ec != std::errc{}) return {};
    return version;
}

KernelSupport gather_kernel_support(const std::string& btf_file) {
    KernelSupport support;
    support.btf_file = btf_file;
    utsname host{};
    if (::uname(&host) == 0) {
        support.release = host.release;
        support.machine = host.machine;
        support.version = parse_kernel_version(support.release);
    }
    support.root = ::geteuid() == 0;
    support.capabilities = {
        .bpf = has_capability(CAP_BPF),
        .perfmon = has_capability(CAP_PERFMON),
        .sys_admin = has_capability(CAP_SYS_ADMIN),
        .sys_resource = has_capability(CAP_SYS_RESOURCE),
        .syslog = has_capability(CAP_SYSLOG),
        .net_admin = has_capability(CAP_NET_ADMIN),
        .sys_ptrace = has_capability(CAP_SYS_PTRACE),
    };
    support.kptr_restrict = read_number("/proc/sys/kernel/kptr_restrict");
    support.unprivileged_bpf_disabled = read_number("/proc/sys/kernel/unprivileged_bpf_disabled");
    support.lockdown = read_lockdown();
    support.memlock = check_memlock(support);
    gather_programs(support);
    support.jiffies = try_jiffies();
    gather_symbols(support);
    gather_accept(support);
    // Listeners are few, and listing them answers the question as well as listing all.
    const auto listeners = dump_tcp_sockets(1u << static_cast<unsigned>(tcp::State::LISTEN));
    support.sock_diag = listeners ? Support::yes() : Support::no(listeners.error().message);
    support.pid_namespace = host::proc_pid_namespace();
    support.processes =
        ::access("/proc/self/ns/net", F_OK) == 0
            ? Support::yes()
            : Support::no(fmt::format("/proc shows no processes ({}): sockets that exist already, "
                                      "their owners and network namespaces are missing; mount it",
                                      std::strerror(errno)));
    return support;
}

} // namespace tcpdwell::live
