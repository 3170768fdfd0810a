// SPDX-License-Identifier: Apache-2.0
// Facts about this host and this process that decide what can be traced. The conclusions are drawn
// in probe_plan.h.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/support.h"
#include "tcpdwell/wire.h"

namespace tcpdwell::live {

struct KernelVersion {
    unsigned major = 0;
    unsigned minor = 0;
    auto operator<=>(const KernelVersion&) const = default;
};

/// The address of a kernel function.
struct FunctionFact {
    enum class Status { found, hidden, absent };
    Status status = Status::absent;
    std::uint64_t address = 0; ///< if found
    std::string why_not;
};

/// A piece of kernel code that shows why a TIME_WAIT timer was cancelled, when it is in the stack.
struct StackRange {
    td_stack function{};
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string_view name; ///< of the kernel function
};

/// Everything known. A default-constructed one describes a host that can do nothing.
struct KernelSupport {
    std::string release; ///< uname -r
    KernelVersion version;
    std::string machine; ///< uname -m

    bool root =
        false; ///< effective user id 0, which in a container or user namespace may mean little
    struct Capabilities {
        bool bpf = false;
        bool perfmon = false;
        bool sys_admin = false;
        bool sys_resource = false;
        bool syslog = false;
        bool net_admin = false;
        bool sys_ptrace = false;
    } capabilities; ///< effective
    std::optional<int> kptr_restrict;
    std::optional<int> unprivileged_bpf_disabled;
    std::optional<std::string>
        lockdown;    ///< "none", "integrity", "confidentiality"; nullopt: not known
    Support memlock; ///< locked memory is unlimited, can be made so, or isn't what BPF maps are
                     ///< charged to (Linux 5.11)

    Support btf;          ///< the kernel describes its types in /sys/kernel/btf/vmlinux
    std::string btf_file; ///< BTF given by the user instead; "" if none was
    Support types; ///< the types that are to be used, given or the kernel's own, are there and can
                   ///< be right
    Support types_tried; ///< given types have been checked against a connection of our own
                         ///< (types_trial.h)
    bool raw = false;    ///< what follows describes programs on raw tracepoints, since typed ones
                         ///< can't or mustn't be used

    /// Tracepoints.
    Support inet_sock_set_state;
    Support timer_start;
    Support timer_cancel;
    Support timer_expire_entry;
    Support tcp_receive_reset;
    Support tcp_send_reset;
    Support tcp_retransmit_skb;
    Support sched_process_fork;

    Support tracing_programs; ///< a program for inet_sock_set_state that reads kernel memory was
                              ///< accepted (trial load)
    /// The functions by which mini-sockets and request sockets are watched (bpf/fentry.bpf.h):
    /// whether there is one of each, and in which form. That they fire is found out by
    /// try_functions() (fentry_trial.h).
    Support functions;
    Support migrations; ///< reuseport_migrate_sock() is there (Linux 5.14)
    bool hashdance_schedules =
        false; ///< inet_twsk_hashdance_schedule() (seen in 6.12) instead of inet_twsk_hashdance()
    /// Where an fexit program finds whether inet_csk_reqsk_queue_hash_add() did what its name says:
    /// 0: nowhere; 3: after three arguments; 2 in 7.2, which has no `timeout` among them.
    unsigned hash_add_result = 0;
    Support accept_function; ///< inet_csk_accept() is there in a form that is known
    /// The same of inet_csk_accept(): 2 since Linux 6.10, 4 before.
    unsigned accept_result = 0;

    Support socket_cookie; ///< bpf_get_socket_cookie() in such a program (trial load; Linux 5.12)
    Support tcp_iterator;  ///< an empty iter/tcp program was accepted (trial load; Linux 5.9)
    Support jiffies;       ///< bpf_jiffies64() in such a program (trial load; Linux 5.9)
    Support reset_reason;  ///< tcp_send_reset reports why (Linux 6.10)
    Support entry_stamp;   ///< struct inet_timewait_sock has tw_entry_stamp

    FunctionFact tw_timer_handler;
    FunctionFact reqsk_timer_handler;
    std::vector<StackRange> stack_ranges; ///< all that were found
    Support stacks; ///< each td_stack function of mini-sockets has at least one range

    std::optional<std::uint64_t> accept_id;  ///< tracepoint syscalls:sys_exit_accept
    std::optional<std::uint64_t> accept4_id; ///< tracepoint syscalls:sys_exit_accept4
    std::string why_no_accept;

    Support sock_diag; ///< the kernel's socket list can be read
    /// Inode of the pid namespace of /proc, whose numbers processes are given.
    std::optional<std::uint32_t> pid_namespace;
    Support processes; ///< /proc shows processes: network namespaces and owners are found by them
};

/// Looks at the running host; takes some 100 ms and changes nothing. `btf_file`: the types to be
/// used instead of the kernel's own, if it isn't empty.
KernelSupport gather_kernel_support(const std::string& btf_file = {});

/// "6.1.0-18-amd64" to 6.1; 0.0 if it isn't a version.
KernelVersion parse_kernel_version(std::string_view release);

} // namespace tcpdwell::live
