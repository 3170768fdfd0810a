// SPDX-License-Identifier: Apache-2.0
// Whether this machine can be traced at all, found out without tcpdwell: what it says of itself is
// what is tested.
#pragma once

namespace tcpdwell::test {

/// Whether bpf(2) loads a program for tracepoints here. Needs CAP_BPF and CAP_PERFMON, or root.
bool is_tracing_allowed();

} // namespace tcpdwell::test
