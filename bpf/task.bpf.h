/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The current task, as wire records name it.
 */
#ifndef TCPDWELL_TASK_BPF_H
#define TCPDWELL_TASK_BPF_H

#include <tcpdwell/config.h>
#include <tcpdwell/wire.h>

#include "config.bpf.h"
#include "hook.bpf.h"

#define MOST_PID_LEVELS 32 /* MAX_PID_NS_LEVEL */

/* The number of the current process in the namespace that is wanted; 0 if it has none there. */
static __always_inline __u32 current_pid(void)
{
    if (!pid_namespace) return bpf_get_current_pid_tgid() >> 32;

    struct task_struct *task = (void *)bpf_get_current_task();
    struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
    __u32 level = BPF_CORE_READ(pid, level);
    void *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);

    for (__u32 i = 0; i < MOST_PID_LEVELS; i++) {
        if (i > level) break;
        struct upid *number = numbers + i * bpf_core_type_size(struct upid);
        if (BPF_CORE_READ(number, ns, ns.inum) == pid_namespace) return BPF_CORE_READ(number, nr);
    }
    return 0;
}

static __always_inline bool is_sampler(const char *comm)
{
    union {
        char text[TD_COMM_LEN];
        __u64 words[2];
    } name = {TD_SAMPLER_COMM};
    const __u64 *words = (const __u64 *)comm;

    return words[0] == name.words[0] && words[1] == name.words[1];
}

/* The current task, unless it is a kernel thread (MPTCP closes its subflows from a kworker), or a
 * sampler: that looks into /proc/PID/fd, which takes a reference to each file (proc_fd_link(),
 * fs/proc/fd.c), and who closes meanwhile leaves the last reference, and so tcp_close(), to the
 * sampler. */
static __always_inline void add_current(struct td_task *to)
{
    struct task_struct *task = (void *)bpf_get_current_task();

    if (BPF_CORE_READ(task, flags) & PF_KTHREAD) return;
    bpf_get_current_comm(to->comm, sizeof(to->comm));
    if (is_sampler(to->comm))
        __builtin_memset(to->comm, 0, sizeof(to->comm));
    else
        to->pid = current_pid();
}

#endif
