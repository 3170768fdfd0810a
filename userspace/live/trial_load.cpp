// SPDX-License-Identifier: Apache-2.0
// The programs are a few raw instructions, so that the result depends on the kernel alone.
#include "live/trial_load.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>

#include "base/fd.h"

namespace tcpdwell::live {
namespace {

constexpr bpf_insn instruction(int code, int to, int from, int offset, std::int32_t immediate) {
    return {static_cast<__u8>(code), static_cast<__u8>(to & 15), static_cast<__u8>(from & 15),
            static_cast<__s16>(offset), immediate};
}
constexpr bpf_insn set(int to, std::int32_t value) {
    return instruction(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}
constexpr bpf_insn copy(int to, int from) {
    return instruction(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}
constexpr bpf_insn add(int to, std::int32_t value) {
    return instruction(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value);
}
constexpr bpf_insn load(int to, int from, int offset) {
    return instruction(BPF_LDX | BPF_MEM | BPF_DW, to, from, offset, 0);
}
constexpr bpf_insn call(int helper) { return instruction(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
constexpr bpf_insn leave() { return instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

Fd load(bpf_prog_type type, std::span<const bpf_insn> program,
        const bpf_prog_load_opts* options = nullptr) {
    return Fd(::bpf_prog_load(type, "tcpdwell_trial", "Dual BSD/GPL", program.data(),
                              program.size(), options));
}

Support accepted(const Fd& program) {
    if (program) return Support::yes();
    return Support::no(fmt::format("the kernel refused a trial program: {}", std::strerror(errno)));
}

Support try_load(bpf_attach_type attach_type, std::uint32_t target,
                 std::span<const bpf_insn> program) {
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach_type,
                .attach_btf_id = target);
    return accepted(load(BPF_PROG_TYPE_TRACING, program, &options));
}

// u64 word; bpf_probe_read_kernel(&word, sizeof(word), first argument)
constexpr std::array read_kernel = {
    load(BPF_REG_3, BPF_REG_1, 0),
    copy(BPF_REG_1, BPF_REG_10),
    add(BPF_REG_1, -8),
    set(BPF_REG_2, 8),
    call(BPF_FUNC_probe_read_kernel),
    set(BPF_REG_0, 0),
    leave(),
};

} // namespace

Support try_tracing_program(std::uint32_t target) {
    return try_load(BPF_TRACE_RAW_TP, target, read_kernel);
}

Support try_raw_program() { return accepted(load(BPF_PROG_TYPE_RAW_TRACEPOINT, read_kernel)); }

Support try_raw_tracepoint(std::string_view name, unsigned arguments) {
    const int last = static_cast<int>(arguments - 1) * 8;
    const std::array program = {load(BPF_REG_0, BPF_REG_1, last), set(BPF_REG_0, 0), leave()};
    const Fd fd = load(BPF_PROG_TYPE_RAW_TRACEPOINT, program);
    if (!fd) return accepted(fd);
    if (const Fd link(::bpf_raw_tracepoint_open(std::string(name).c_str(), fd.get())); link)
        return Support::yes();
    if (errno == ENOENT) return Support::no(fmt::format("this kernel has no tracepoint {}", name));
    if (errno == EINVAL)
        return Support::no(fmt::format("the tracepoint {} has no {} arguments", name, arguments));
    return Support::no(
        fmt::format("the kernel refused the tracepoint {}: {}", name, std::strerror(errno)));
}

Support try_jiffies() {
    const std::array program = {call(BPF_FUNC_jiffies64), set(BPF_REG_0, 0), leave()};
    return accepted(load(BPF_PROG_TYPE_RAW_TRACEPOINT, program));
}

Support try_socket_cookie(std::uint32_t target) {
    const std::array program = {load(BPF_REG_1, BPF_REG_1, 0), call(BPF_FUNC_get_socket_cookie),
                                set(BPF_REG_0, 0), leave()};
    return try_load(BPF_TRACE_RAW_TP, target, program);
}

Support try_iterator(std::uint32_t target) {
    const std::array program = {set(BPF_REG_0, 0), leave()};
    return try_load(BPF_TRACE_ITER, target, program);
}

} // namespace tcpdwell::live
