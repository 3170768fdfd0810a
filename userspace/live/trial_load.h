// SPDX-License-Identifier: Apache-2.0
// Trial loads: tiny BPF programs that are loaded into the kernel and discarded at once. What the
// kernel accepts depends on version, configuration, lockdown, rights and seccomp filters, and only
// trying shows.
#pragma once

#include <cstdint>
#include <string_view>

#include "live/support.h"

namespace tcpdwell::live {

/// A tp_btf program that reads kernel memory by helper, as most of ours do. `target` is the BTF id
/// of the typedef btf_trace_inet_sock_set_state, or of another tracepoint whose first argument is a
/// struct sock.
Support try_tracing_program(std::uint32_t target);

/// The same with bpf_get_socket_cookie().
Support try_socket_cookie(std::uint32_t target);

/// A program on a raw tracepoint that reads kernel memory by helper. Takes no BTF.
Support try_raw_program();

/// Attaches an empty program to the raw tracepoint for a moment; also returns no if it has fewer
/// than `arguments` (at least 1).
Support try_raw_tracepoint(std::string_view name, unsigned arguments);

/// bpf_jiffies64() in a tracing program.
Support try_jiffies();

/// An iterator; `target` is the BTF id of the function bpf_iter_tcp.
Support try_iterator(std::uint32_t target);

} // namespace tcpdwell::live
