// SPDX-License-Identifier: Apache-2.0
// The decision what to load into the kernel, drawn from the facts. Pure, so that every fallback can
// be tested anywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "live/kernel_support.h"

namespace tcpdwell::live {

/// How the mini-sockets are watched.
enum class ProbeSet {
    timer,  ///< by the tracepoints of their timers
    fentry, ///< by the kernel functions that make, set anew and end them
};
std::string_view name(ProbeSet set);

/// What the user wants: a set, or nullopt for the better one of those that work here.
using ProbeWish = std::optional<ProbeSet>;

/// What the user asks for.
struct ProbeOptions {
    ProbeWish set;
    std::string btf_file; ///< the types of the running kernel, for one that doesn't describe them;
                          ///< "": it does
    bool numbers = true;  ///< what each socket has carried is recorded (td_numbers)
};

/// What the programs are attached to (bpf/hook.bpf.h).
enum class Hooks {
    typed, ///< tp_btf: the kernel describes its types to the verifier
    raw,   ///< raw_tp: for kernels that don't, and before Linux 5.9; every read is a probe read
};
std::string_view name(Hooks hooks);

/// How sockets that exist already are listed.
enum class Listing {
    iterator,  ///< iter/tcp: with kernel addresses and timers
    sock_diag, ///< netlink: by four-tuple and cookie only
};
std::string_view name(Listing listing);

/// The programs that can be loaded.
enum class Program {
    state,           ///< tp_btf/inet_sock_set_state
    timer_start,     ///< tp_btf/timer_start
    timer_cancel,    ///< tp_btf/timer_cancel
    timer_expire,    ///< tp_btf/timer_expire_entry
    mini_begin,      ///< fentry/inet_twsk_hashdance, later fentry/inet_twsk_hashdance_schedule
    mini_rearm,      ///< fentry/__inet_twsk_schedule
    mini_expire,     ///< fentry/tw_timer_handler
    mini_kill,       ///< fentry/inet_twsk_kill
    request_begin,   ///< fexit/inet_csk_reqsk_queue_hash_add
    request_drop,    ///< fentry/inet_csk_reqsk_queue_drop
    request_put,     ///< fentry/inet_csk_reqsk_queue_drop_and_put
    request_expire,  ///< fexit/reqsk_timer_handler
    request_migrate, ///< fexit/reuseport_migrate_sock
    reset_received,  ///< tp_btf/tcp_receive_reset
    reset_sent,      ///< tp_btf/tcp_send_reset
    retransmit,      ///< tp_btf/tcp_retransmit_skb
    fork,            ///< tp_btf/sched_process_fork; only where a filter takes it
    accepted,        ///< fexit/inet_csk_accept
    accept,          ///< tracepoint/syscalls/sys_exit_accept
    accept4,         ///< tracepoint/syscalls/sys_exit_accept4
    listing,         ///< iter/tcp, or no program but sock_diag
};

/// What is done with one program.
struct ProgramChoice {
    Program program;
    std::string hook;       ///< what it is attached to
    std::string_view gives; ///< what it is for
    bool load = false;
    std::string why_not; ///< if not loaded: the reason
};

/// A property of the run that is better to have but not needed.
struct FeatureChoice {
    std::string_view name;
    std::string_view gives;
    bool on = false;
    std::string why_not;
};

/// Where the addresses of the timer functions come from.
enum class TimerFunctions {
    by_symbol,      ///< /proc/kallsyms
    by_calibration, ///< read through iter/tcp from a connection made for the purpose, in a network
                    ///< namespace of its own
};
std::string_view name(TimerFunctions how);

struct ProbePlan {
    ProbeSet set = ProbeSet::timer;
    std::string why_not_fentry; ///< if that isn't the set: the reason
    Hooks hooks = Hooks::typed;
    Listing listing = Listing::iterator;
    std::string btf_file; ///< types to be used instead of the kernel's own; "" for those
    std::vector<ProgramChoice> programs; ///< of this set and of both, in the order of Program
    bool hashdance_schedules = false;    ///< as in KernelSupport
    unsigned hash_add_result = 0;        ///< as in KernelSupport
    unsigned accept_result = 0;          ///< as in KernelSupport
    std::optional<TimerFunctions> timer_functions; ///< of the set `timer` only
    std::uint64_t tw_timer_handler = 0;            ///< 0: to be calibrated
    std::uint64_t reqsk_timer_handler = 0;         ///< 0: to be calibrated
    FeatureChoice stacks;                          ///< kernel stacks of cancelled TIME_WAIT timers
    FeatureChoice cookies;                         ///< bpf_get_socket_cookie()
    FeatureChoice reset_reason;                    ///< tcp_send_reset with its reason
    FeatureChoice entry_stamp;                     ///< tw_entry_stamp
    /// Inode of the pid namespace whose numbers processes are given; nullopt: it isn't known, and
    /// the current process has no number.
    std::optional<std::uint32_t> pid_namespace;
    bool knows_jiffies = false;   ///< bpf_jiffies64() (Linux 5.9); without it more stacks are taken
    FeatureChoice exact_restarts; ///< each restart of a TIME_WAIT is seen
    FeatureChoice stray_resets;   ///< tcp_send_reset without a socket
    FeatureChoice all_accepts;    ///< those of io_uring, too
    std::vector<StackRange> stack_ranges; ///< empty unless stacks.on
    bool with_numbers = false;            ///< td_numbers records are written

    [[nodiscard]] bool loads(Program program) const;
    /// Doesn't load it after all.
    void leave_out(Program program, std::string_view why);
    /// The features above, for printing.
    [[nodiscard]] std::vector<const FeatureChoice*> features() const;
};

/// What to load on such a host. Where TIME_WAIT couldn't be seen the answer is a refusal:
/// ErrorCode::cannot_trace with what is wrong and what to do about it. So it is where the set that
/// the user wants doesn't work here. `fentry` says whether that set has been seen to fire
/// (try_functions()).
Result<ProbePlan> plan_probes(const KernelSupport& support,
                              const Support& fentry = Support::no("it wasn't tried"),
                              ProbeWish wish = {});

/// Capabilities that tracing needs and the process lacks ("CAP_BPF"); CAP_SYS_ADMIN stands for
/// CAP_BPF and CAP_PERFMON.
std::vector<std::string_view> missing_capabilities(const KernelSupport& support);

} // namespace tcpdwell::live
