// SPDX-License-Identifier: Apache-2.0
#include "live/probe_choice.h"

#include <utility>

#include "live/bpf_session.h"
#include "live/fentry_trial.h"
#include "live/types_trial.h"

namespace tcpdwell::live {

ProbeChoice choose_probes(const ProbeOptions& options) {
    capture_libbpf_messages(); // what the kernel refuses is an answer
    KernelSupport support = gather_kernel_support(options.btf_file);
    if (!support.btf_file.empty()) {
        auto [types, tried] = try_types(support);
        support.types = std::move(types);
        support.types_tried = std::move(tried);
    }
    const Support fentry =
        options.set == ProbeSet::timer ? Support::no("not wanted") : try_functions(support);
    auto plan = plan_probes(support, fentry, options.set);
    return {std::move(support), std::move(plan)};
}

} // namespace tcpdwell::live
