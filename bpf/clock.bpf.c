// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel's clock of jiffies, read together with CLOCK_MONOTONIC. User space runs it by itself
 * (BPF_PROG_TEST_RUN) at any time. A socket filter, because that can do so on every kernel:
 * it takes no BTF, and had bpf_jiffies64() (Linux 5.6) before tracing programs had.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

__u64 clock_jiffies = 0;
__u64 clock_ns = 0;

SEC("socket")
int read_clock(struct __sk_buff *packet)
{
    clock_jiffies = bpf_jiffies64();
    clock_ns = bpf_ktime_get_ns();
    return 0;
}
