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

/* What is read of the current task. */
struct current_task {
    const void *leader;
    unsigned int flags;
    int exit_code;
    bool is_leader;
};

enum bpf_func_id___named { BPF_FUNC_get_current_task_btf___named };

static __always_inline void read_current(struct current_task *to)
{
#ifndef TCPDWELL_RAW
    /* Since 5.11 (commit 3ca1032ab7ab): to the verifier it is a task then, and a field a plain
     * load. */
    if (bpf_core_enum_value_exists(enum bpf_func_id___named,
                                   BPF_FUNC_get_current_task_btf___named)) {
        struct task_struct *task = bpf_get_current_task_btf();

        to->leader = task->group_leader;
        to->flags = task->flags;
        to->exit_code = task->exit_code;
        to->is_leader = task->group_leader == task;
        return;
    }
#endif
    struct task_struct *task = (void *)bpf_get_current_task();

    to->leader = BPF_CORE_READ(task, group_leader);
    to->flags = BPF_CORE_READ(task, flags);
    to->exit_code = BPF_CORE_READ(task, exit_code);
    to->is_leader = to->leader == task;
}

/* Whether the current task is one whose name says something: no kernel thread (MPTCP closes its
 * subflows from a kworker), and no sampler: that looks into /proc/PID/fd, which takes a reference
 * to each file (proc_fd_link(), fs/proc/fd.c), and who closes meanwhile leaves the last reference,
 * and so tcp_close(), to the sampler. Writes the process, by its group leader, and the name of the
 * thread where it is another one. */
static __always_inline bool add_current(const struct current_task *current, struct td_task *to,
                                        char *thread)
{
    __u64 *own = (__u64 *)thread;
    __u64 *name = (__u64 *)to->comm;

    own[0] = own[1] = 0;
    if (current->flags & PF_KTHREAD) return false;
    bpf_get_current_comm(to->comm, sizeof(to->comm));
    if (is_sampler(to->comm)) {
        name[0] = name[1] = 0;
        return false;
    }
    to->pid = current_pid();
    if (current->is_leader) return true;
    const struct task_struct *leader = current->leader;

    own[0] = name[0];
    own[1] = name[1];
    bpf_core_read(to->comm, sizeof(to->comm), &leader->comm);
    if (own[0] == name[0] && own[1] == name[1]) own[0] = own[1] = 0;
    return true;
}

/* The signal that ends the current process; 0: none does. */
static __always_inline __u8 ending_signal(const struct current_task *current)
{
    return current->exit_code & 0x7f;
}

static __always_inline bool is_exiting(const struct current_task *current)
{
    return current->flags & PF_EXITING;
}

#endif
