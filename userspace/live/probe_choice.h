// SPDX-License-Identifier: Apache-2.0
// From what the user wants to what is loaded: facts, trials, decision.
#pragma once

#include "base/result.h"
#include "live/kernel_support.h"
#include "live/probe_plan.h"

namespace tcpdwell::live {

struct ProbeChoice {
    KernelSupport support;
    Result<ProbePlan> plan; ///< or why there is none, as plan_probes() says
};

/// Gathers the facts (some 100 ms); tries given types, and the set `fentry` unless `timer` is
/// wished for, on connections of our own (as long again each); and plans.
ProbeChoice choose_probes(const ProbeOptions& options);

} // namespace tcpdwell::live
