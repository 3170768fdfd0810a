/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What user space decides before the programs are loaded: addresses and switches (filters:
 * filter.bpf.h). They are constants to the verifier, which removes what they make unreachable.
 */
#ifndef TCPDWELL_CONFIG_BPF_H
#define TCPDWELL_CONFIG_BPF_H

#include <tcpdwell/config.h>

#define MAX_STACK_RANGES 20

/* Addresses of tw_timer_handler() and reqsk_timer_handler(). */
const volatile __u64 timewait_timer_function = 0;
const volatile __u64 request_timer_function = 0;

/* bpf_get_socket_cookie() is there for tracing programs (since 5.12, commit c5dbb89fc2ac). */
const volatile bool can_make_cookies = false;

/* So is bpf_jiffies64() (since 5.9, patch "bpf: allow tracing programs to use bpf_jiffies64()
 * helper"). */
const volatile bool knows_jiffies = false;

/* The numbers of a socket are written when it closes (td_numbers). */
const volatile bool with_numbers = false;

/* Where inet_csk_reqsk_queue_hash_add() leaves its result among the words of an fexit program's
 * context; 0: it has none. */
const volatile __u32 hash_add_result = 0;

/* The same of inet_csk_accept(). */
const volatile __u32 accept_result = 0;

/* Inode of the pid namespace whose numbers processes are given; 0: the initial one. */
const volatile __u32 pid_namespace = 0;

/* Fill of the ring buffer, in bytes, at which the reader is woken before its time: a power of
 * two. */
const volatile __u64 wake_bytes = 1 << 20;

/* Functions that show the reason of a cancelled TIME_WAIT timer: [start, end) -> td_stack bit. */
const volatile __u32 stack_range_count = 0;
const volatile struct td_stack_range stack_ranges[MAX_STACK_RANGES] = {};

#endif
