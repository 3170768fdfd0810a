// SPDX-License-Identifier: Apache-2.0
// The facts that head every stream: which program, host and kernel, how it is watched, and its
// sysctls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/sysctls.h"
#include "live/kernel_support.h"
#include "live/probe_plan.h"

namespace tcpdwell::live {

/// What the host reports about itself besides KernelSupport.
struct HostIdentity {
    std::string name;                   ///< uname -n
    std::optional<std::string> boot_id; ///< of /proc/sys/kernel/random; nullopt if it can't be read
    std::vector<host::Sysctl> sysctls;  ///< of the calling thread's network namespace
};
HostIdentity read_host_identity();

/// td_fact records, in the order in which a reader is to get them.
std::vector<std::vector<std::byte>> host_facts(std::uint64_t now_ns, const HostIdentity& host,
                                               const KernelSupport& support, const ProbePlan& plan);

} // namespace tcpdwell::live
