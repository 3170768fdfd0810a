// SPDX-License-Identifier: Apache-2.0
// Gathers the facts: files of /proc and /sys, the kernel's type information, and trial loads where only trying tells.
#include "live/kernel_support.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
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
#include <memory>

#include "live/capabilities.h"
#include "live/kernel_symbols.h"
#include "live/proc_file.h"
#include "live/sock_diag.h"
#include "live/tracefs.h"
#include "live/trial_load.h"
#include "tcp/state.h"

namespace tcpdwell {
namespace {

constexpr const char* btf_path = "/sys/kernel/btf/vmlinux";
constexpr std::string_view tw_timer = "tw_timer_handler";
constexpr std::string_view reqsk_timer = "reqsk_timer_handler";

struct StackFunction {
    std::string_view name;
    td_stack function;
};
constexpr std::array stack_functions = {
    StackFunction{"__run_timers", TD_STACK_RUN_TIMERS},
    StackFunction{"__run_timer_base", TD_STACK_RUN_TIMERS}, // its caller; the other is inlined there in 6.12 for arm64
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
};

struct FreeBtf {
    void operator()(btf* types) const { ::btf__free(types); }
};
using Btf = std::unique_ptr<btf, FreeBtf>;

/// libbpf tells of failures on stderr, but here they are answers.
class QuietLibbpf {
public:
    QuietLibbpf() : before_(::libbpf_set_print(nullptr)) {}
    ~QuietLibbpf() { ::libbpf_set_print(before_); }
    QuietLibbpf(const QuietLibbpf&) = delete;
    QuietLibbpf& operator=(const QuietLibbpf&) = delete;

private:
    libbpf_print_fn_t before_;
};

std::optional<int> read_number(const char* path) {
    const auto text = read_proc_file(path);
    int value = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc{})
        return std::nullopt;
    return value;
}

/// "none [integrity] confidentiality": the word in brackets. The file is there only if securityfs is mounted.
std::optional<std::string> read_lockdown() {
    const auto text = read_proc_file("/sys/kernel/security/lockdown");
    if (!text) return std::nullopt;
    const auto begin = text->find('[');
    const auto end = text->find(']');
    if (begin == std::string::npos || end == std::string::npos || end < begin) return std::nullopt;
    return text->substr(begin + 1, end - begin - 1);
}

Support check_memlock(const KernelSupport& support) {
    if (support.version >= KernelVersion{5, 11} || support.capabilities.sys_resource) return Support::yes();
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_max == RLIM_INFINITY) return Support::yes();
    return Support::no(
        "before Linux 5.11 BPF maps count as locked memory, and the limit (RLIMIT_MEMLOCK) can't be raised "
        "without CAP_SYS_RESOURCE");
}

class TypeFacts {
public:
    explicit TypeFacts(const btf* types) : types_(types) {}

    /// 0 if there is none.
    [[nodiscard]] std::uint32_t id(std::string_view name, std::uint32_t kind) const {
        const std::int32_t found = ::btf__find_by_name_kind(types_, std::string(name).c_str(), kind);
        return found > 0 ? static_cast<std::uint32_t>(found) : 0;
    }

    /// BTF id of the typedef that describes a tracepoint; 0 if there is none.
    [[nodiscard]] std::uint32_t tracepoint(std::string_view name) const {
        return id(fmt::format("btf_trace_{}", name), BTF_KIND_TYPEDEF);
    }

    [[nodiscard]] Support has_tracepoint(std::string_view name) const {
        if (tracepoint(name) != 0) return Support::yes();
        return Support::no(fmt::format("this kernel has no tracepoint {}", name));
    }

    /// Arguments of a tracepoint, without the hidden first one.
    [[nodiscard]] unsigned argument_count(std::string_view name) const {
        const btf_type* type = ::btf__type_by_id(types_, tracepoint(name));
        while (type && (::btf_is_typedef(type) || ::btf_is_ptr(type))) type = ::btf__type_by_id(types_, type->type);
        if (!type || !::btf_is_func_proto(type) || ::btf_vlen(type) == 0) return 0;
        return static_cast<unsigned>(::btf_vlen(type) - 1);
    }

    [[nodiscard]] bool has_function(std::string_view name) const { return id(name, BTF_KIND_FUNC) != 0; }

    [[nodiscard]] bool returns_something(std::string_view function) const {
        const btf_type* type = ::btf__type_by_id(types_, id(function, BTF_KIND_FUNC));
        const btf_type* prototype = type ? ::btf__type_by_id(types_, type->type) : nullptr;
        return prototype && ::btf_is_func_proto(prototype) && prototype->type != 0;
    }

    [[nodiscard]] bool has_member(std::string_view structure, std::string_view member) const {
        const btf_type* type = ::btf__type_by_id(types_, id(structure, BTF_KIND_STRUCT));
        if (!type || !::btf_is_struct(type)) return false;
        for (int i = 0; i < ::btf_vlen(type); ++i)
            if (member == ::btf__name_by_offset(types_, ::btf_members(type)[i].name_off)) return true;
        return false;
    }

private:
    const btf* types_;
};

Support check_functions(const TypeFacts& types) {
    for (const std::string_view name :
         {"__inet_twsk_schedule", "tw_timer_handler", "inet_twsk_kill", "inet_csk_reqsk_queue_hash_add",
          "inet_csk_reqsk_queue_drop", "inet_csk_reqsk_queue_drop_and_put", "reqsk_timer_handler"})
        if (!types.has_function(name)) return Support::no(fmt::format("this kernel has no function {}", name));
    if (!types.has_function("inet_twsk_hashdance") && !types.has_function("inet_twsk_hashdance_schedule"))
        return Support::no("this kernel has no function inet_twsk_hashdance");
    return Support::yes();
}

void gather_types(KernelSupport& support, const TypeFacts& types) {
    support.inet_sock_set_state = types.has_tracepoint("inet_sock_set_state");
    support.timer_start = types.has_tracepoint("timer_start");
    support.timer_cancel = types.has_tracepoint("timer_cancel");
    support.timer_expire_entry = types.has_tracepoint("timer_expire_entry");
    support.tcp_receive_reset = types.has_tracepoint("tcp_receive_reset");
    support.tcp_send_reset = types.has_tracepoint("tcp_send_reset");
    support.tcp_retransmit_skb = types.has_tracepoint("tcp_retransmit_skb");
    support.reset_reason = types.argument_count("tcp_send_reset") >= 3
                               ? Support::yes()
                               : Support::no("the tracepoint tcp_send_reset tells no reason before Linux 6.10");
    support.entry_stamp = types.has_member("inet_timewait_sock", "tw_entry_stamp")
                              ? Support::yes()
                              : Support::no("this kernel's struct inet_timewait_sock has no tw_entry_stamp");

    support.functions = check_functions(types);
    support.hashdance_schedules = types.has_function("inet_twsk_hashdance_schedule");
    support.hash_add_tells = types.returns_something("inet_csk_reqsk_queue_hash_add");

    if (const std::uint32_t target = types.tracepoint("inet_sock_set_state"); target != 0) {
        support.tracing_programs = try_tracing_program(target);
        support.socket_cookie = support.tracing_programs ? try_socket_cookie(target) : support.tracing_programs;
    } else {
        support.tracing_programs = support.socket_cookie = support.inet_sock_set_state;
    }
    const std::uint32_t iterator = types.id("bpf_iter_tcp", BTF_KIND_FUNC);
    support.tcp_iterator = iterator != 0 ? try_iterator(iterator)
                                         : Support::no("this kernel has no BPF iterator over TCP sockets (Linux 5.9)");
}

void gather_btf(KernelSupport& support) {
    const QuietLibbpf quiet;
    const Btf types(::btf__parse(btf_path, nullptr));
    if (types) {
        support.btf = Support::yes();
        gather_types(support, TypeFacts(types.get()));
        return;
    }
    support.btf = Support::no(fmt::format("cannot read {}: {}", btf_path, std::strerror(errno)));
    const Support unknown = Support::no("not known without BTF");
    for (Support* fact : {&support.inet_sock_set_state, &support.timer_start, &support.timer_cancel,
                          &support.timer_expire_entry, &support.tcp_receive_reset, &support.tcp_send_reset,
                          &support.tcp_retransmit_skb, &support.tracing_programs, &support.socket_cookie,
                          &support.functions, &support.tcp_iterator, &support.reset_reason, &support.entry_stamp})
        *fact = unknown;
}

FunctionFact function_fact(const KernelSymbols& symbols, std::string_view name) {
    using Status = FunctionFact::Status;
    if (symbols.hidden)
        return {Status::hidden, 0,
                "the addresses in /proc/kallsyms are hidden (kernel.kptr_restrict, or no CAP_SYSLOG)"};
    if (const std::uint64_t address = symbols.address(name); address != 0) return {Status::found, address, {}};
    return {Status::absent, 0,
            fmt::format("/proc/kallsyms has {} {}", symbols.has(name) ? "more than one" : "no", name)};
}

Support check_stacks(const KernelSupport& support, const KernelSymbols& symbols) {
    if (symbols.hidden) return Support::no(support.tw_timer_handler.why_not);
    for (const StackFunction& each : stack_functions) {
        const bool found = std::any_of(support.stack_ranges.begin(), support.stack_ranges.end(),
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
        support.tw_timer_handler.why_not = support.reqsk_timer_handler.why_not = symbols.error().message;
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
                support.stack_ranges.push_back({each.function, function.begin, function.end, each.name});
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
    if (!support.accept_id || !support.accept4_id)
        support.why_no_accept = "this kernel has no tracepoints of system calls (CONFIG_FTRACE_SYSCALLS)";
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

KernelSupport gather_kernel_support() {
    KernelSupport support;
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
    gather_btf(support);
    gather_symbols(support);
    gather_accept(support);
    // Listeners are few, and listing them answers the question as well as listing all.
    const auto listeners = dump_tcp_sockets(1u << static_cast<unsigned>(TcpState::LISTEN));
    support.sock_diag = listeners ? Support::yes() : Support::no(listeners.error().message);
    return support;
}

} // namespace tcpdwell
