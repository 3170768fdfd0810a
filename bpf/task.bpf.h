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

/* The number of a process in the namespace that is wanted; 0 if it has none there. */
static __always_inline __u32 pid_of(struct task_struct *leader)
{
    struct pid *pid = BPF_CORE_READ(leader, thread_pid);
    __u32 level = BPF_CORE_READ(pid, level);
    void *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);

    for (__u32 i = 0; i < MOST_PID_LEVELS; i++) {
        if (i > level) break;
        struct upid *number = numbers + i * bpf_core_type_size(struct upid);
        if (BPF_CORE_READ(number, ns, ns.inum) == pid_namespace || !pid_namespace)
            return BPF_CORE_READ(number, nr); /* the first one is that of the initial namespace */
    }
    return 0;
}

static __always_inline __u32 current_pid(void)
{
    if (!pid_namespace) return bpf_get_current_pid_tgid() >> 32;

    struct task_struct *task = (void *)bpf_get_current_task();
    return pid_of(BPF_CORE_READ(task, group_leader));
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

/* Whether the current task is one whose name says something: no kernel thread (MPTCP closes its
 * subflows from a kworker), and no sampler: that looks into /proc/PID/fd, which takes a reference
 * to each file (proc_fd_link(), fs/proc/fd.c), and who closes meanwhile leaves the last reference,
 * and so tcp_close(), to the sampler. Writes the process, by its group leader, and the name of the
 * thread where it is another one. */
static __always_inline bool add_current(struct td_task *to, char *thread)
{
    struct task_struct *task = (void *)bpf_get_current_task();
    struct task_struct *leader = BPF_CORE_READ(task, group_leader);
    __u64 *own = (__u64 *)thread;
    __u64 *name = (__u64 *)to->comm;

    own[0] = own[1] = 0;
    if (BPF_CORE_READ(task, flags) & PF_KTHREAD) return false;
    bpf_get_current_comm(to->comm, sizeof(to->comm));
    if (is_sampler(to->comm)) {
        name[0] = name[1] = 0;
        return false;
    }
    to->pid = current_pid();
    if (leader == task) return true;
    own[0] = name[0];
    own[1] = name[1];
    bpf_core_read(to->comm, sizeof(to->comm), &leader->comm);
    if (own[0] == name[0] && own[1] == name[1]) own[0] = own[1] = 0;
    return true;
}

/* The signal that ends the current process; 0: none does. */
static __always_inline __u8 ending_signal(void)
{
    struct task_struct *task = (void *)bpf_get_current_task();

    return BPF_CORE_READ(task, exit_code) & 0x7f;
}

static __always_inline bool is_exiting(void)
{
    struct task_struct *task = (void *)bpf_get_current_task();

    return BPF_CORE_READ(task, flags) & PF_EXITING;
}

#endif
