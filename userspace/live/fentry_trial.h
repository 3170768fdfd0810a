// SPDX-License-Identifier: Apache-2.0
// Whether the probe set `fentry` works on this host: some functions can be attached to but never fire, because the
// compiler has inlined them where they are called, and only seeing them fire tells.
#pragma once

#include "live/kernel_support.h"
#include "live/probe_plan.h"

namespace tcpdwell {

/// Loads and attaches the set, makes a connection of our own in a network namespace of its own, lets it pass through
/// SYN_RECV, FIN_WAIT2 and TIME_WAIT and kills that, and looks whether all of it has been seen. Takes some 100 ms, or
/// nothing where the kernel refuses the programs. Needs CAP_SYS_ADMIN for the namespace. tw_timer_handler() and
/// reqsk_timer_handler() can't be made to run so soon; they are called through pointers, and so can't be inlined.
Support try_functions(const KernelSupport& support);

/// Facts and decision in one: gathers, tries the set `fentry` unless `timer` is wished for, and plans.
struct ProbeChoice {
    KernelSupport support;
    Result<ProbePlan> plan;
};
ProbeChoice choose_probes(const ProbeOptions& options);

} // namespace tcpdwell
