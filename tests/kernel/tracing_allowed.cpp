// SPDX-License-Identifier: Apache-2.0
#include "tracing_allowed.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "base/fd.h"

namespace tcpdwell::test {

bool is_tracing_allowed() {
    // "r0 = 0; exit": the shortest program that the verifier takes.
    const bpf_insn program[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    static constexpr char kLicense[] = "GPL";
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_TRACEPOINT;
    attributes.insn_cnt = 2;
    attributes.insns = reinterpret_cast<std::uintptr_t>(program);
    attributes.license = reinterpret_cast<std::uintptr_t>(kLicense);
    return Fd(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes)))
               .get() >= 0;
}

} // namespace tcpdwell::test
