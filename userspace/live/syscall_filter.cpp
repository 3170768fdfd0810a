// SPDX-License-Identifier: Apache-2.0
#include "live/syscall_filter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/nsfs.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>

#include "base/memory_checks.h"

namespace tcpdwell::live {
namespace {

/// What any process does that reads and writes what it has open, and waits for it.
constexpr std::initializer_list<const char*> kCommonCalls{
    // files
    "read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "lseek",
    "close", "fstat", "newfstatat", "lstat", "stat", "statx", "statfs", "fstatfs", "access",
    "faccessat", "faccessat2", "getdents", "getdents64", "readlink", "readlinkat", "getcwd",
    "fcntl", "ftruncate", "fallocate", "fsync", "fdatasync", "flock", "dup", "dup2", "dup3",
    // waiting
    "epoll_wait", "epoll_pwait", "epoll_ctl", "poll", "ppoll", "select", "pselect6", "futex",
    "nanosleep", "clock_nanosleep", "sched_yield", "wait4", "waitid", "restart_syscall",
    // time, and who and where we are
    "clock_gettime", "clock_getres", "gettimeofday", "time", "getpid", "gettid", "getppid",
    "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "uname", "sysinfo",
    "getrusage", "getrandom", "sched_getaffinity", "getcpu", "umask", "capget",
    // memory
    "brk", "munmap", "mremap", "madvise", "membarrier", "rseq", "set_robust_list",
    // signals, and the end
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "exit", "exit_group",
    // sockets that are open
    "sendto", "sendmsg", "recvfrom", "recvmsg", "shutdown"};

class SyscallFilter {
public:
    SyscallFilter() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM)), &::seccomp_release) {
        if (!context_) error_ = -ENOMEM;
        for (const char* name : kCommonCalls) allow(name);
        const auto no_code = static_cast<scmp_datum_t>(PROT_EXEC);
        for (const char* name : {"mmap", "mprotect"})
            allow(name, SCMP_A2(SCMP_CMP_MASKED_EQ, no_code, 0));
        allow("tgkill", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid())));
        allow("prlimit64", SCMP_A2(SCMP_CMP_EQ, 0)); // to look
        // isatty(3), the width of a terminal, how it is brought back to what it was, and the end of
        // a perf event.
        for (const unsigned long request :
             {static_cast<unsigned long>(TCGETS), static_cast<unsigned long>(TIOCGWINSZ),
              static_cast<unsigned long>(TCSETS), static_cast<unsigned long>(TCSETSW),
              static_cast<unsigned long>(TCSETSF), static_cast<unsigned long>(TCFLSH),
              static_cast<unsigned long>(PERF_EVENT_IOC_DISABLE)})
            allow("ioctl", SCMP_A1(SCMP_CMP_EQ, request));
    }

    template <class... Conditions>
    void allow(const char* name, Conditions... conditions) {
        const int number = ::seccomp_syscall_resolve_name(name);
        if (error_ != 0 || number < 0) return; // not of this machine, or later than the library
        const int error = ::seccomp_rule_add(context_.get(), SCMP_ACT_ALLOW, number,
                                             sizeof...(conditions), conditions...);
        if (error != 0 && error != -EEXIST) error_ = error;
    }
    /// Fails with this error instead of EPERM.
    void refuse(const char* name, unsigned error_number) {
        const int number = ::seccomp_syscall_resolve_name(name);
        if (error_ != 0 || number < 0) return;
        error_ = ::seccomp_rule_add(context_.get(), SCMP_ACT_ERRNO(error_number), number, 0);
    }
    /// Only for reading.
    void allow_looking_into_files() {
        const auto writing = static_cast<scmp_datum_t>(O_ACCMODE | O_CREAT | O_TRUNC);
        allow("open", SCMP_A1(SCMP_CMP_MASKED_EQ, writing, 0));
        allow("openat", SCMP_A2(SCMP_CMP_MASKED_EQ, writing, 0));
    }
    void allow_bpf(std::initializer_list<bpf_cmd> commands) {
        for (const bpf_cmd command : commands)
            allow("bpf", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(command)));
    }
    Result<void> load() {
        if (error_ == 0) error_ = ::seccomp_load(context_.get());
        if (error_ == 0) return {};
        return fail(ErrorCode::failed,
                    fmt::format("cannot limit system calls: {}", std::strerror(-error_)), -error_);
    }

private:
    std::unique_ptr<void, decltype(&::seccomp_release)> context_;
    int error_ = 0;
};

} // namespace

Result<void> confine_tracer(pid_t sampler, TracerRights rights) {
    if (kChecksMemory) return {};
    SyscallFilter filter;
    filter.allow_bpf({BPF_MAP_LOOKUP_ELEM, BPF_OBJ_GET_INFO_BY_FD});
    filter.allow("kill", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(sampler)));
    filter.allow_looking_into_files();
    if (rights.makes_files)
        for (const char* name : {"openat", "mkdirat", "linkat", "unlinkat"}) filter.allow(name);
    if (rights.serves)
        for (const char* name :
             {"accept", "accept4", "getsockname", "getpeername", "setsockopt", "getsockopt"})
            filter.allow(name);
    return filter.load();
}

Result<void> confine_sampler() {
    if (kChecksMemory) return {};
    SyscallFilter filter;
    filter.allow_bpf({BPF_ITER_CREATE});
    filter.allow_looking_into_files();
    filter.allow("setns", SCMP_A1(SCMP_CMP_EQ, CLONE_NEWNET));
    filter.allow("ioctl", SCMP_A1(SCMP_CMP_EQ, NS_GET_NSTYPE));
    filter.allow("socket", SCMP_A0(SCMP_CMP_EQ, AF_NETLINK));
    for (const char* name : {"bind", "getsockname", "setsockopt", "getsockopt"}) filter.allow(name);
    return filter.load();
}

Result<void> confine_sender() {
    if (kChecksMemory) return {};
    SyscallFilter filter;
    for (const char* name : {"open", "openat", "renameat", "renameat2", "rename", "unlinkat"})
        filter.allow(name);
    // To the server, and to whom the C library asks for its address: name servers, the local
    // resolver, the kernel (which addresses this host has).
    for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK})
        filter.allow("socket", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(family)));
    for (const char* name : {"socketpair", "connect", "bind", "getsockname", "getpeername",
                             "setsockopt", "getsockopt", "sendmmsg", "pipe2", "eventfd2"})
        filter.allow(name);
    for (const unsigned long request :
         {static_cast<unsigned long>(FIONREAD), static_cast<unsigned long>(FIONBIO)})
        filter.allow("ioctl", SCMP_A1(SCMP_CMP_EQ, request));
    // Threads, no processes. What clone3(2) makes can't be seen from here; where it isn't known,
    // the C library takes clone(2).
    filter.allow("clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    filter.refuse("clone3", ENOSYS);
    return filter.load();
}

} // namespace tcpdwell::live
