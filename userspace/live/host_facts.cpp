// SPDX-License-Identifier: Apache-2.0
#include "live/host_facts.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include "event/record.h"
#include "host/pid_namespace.h"
#include "host/proc_file.h"

namespace tcpdwell::live {

HostIdentity read_host_identity() {
    HostIdentity host;
    utsname names{};
    ::uname(&names);
    host.name = names.nodename;
    if (const auto text = host::read_proc_file("/proc/sys/kernel/random/boot_id"))
        host.boot_id = host::trimmed(*text);
    host.sysctls = host::read_tcp_sysctls();
    return host;
}

std::vector<std::vector<std::byte>> host_facts(std::uint64_t now_ns, const HostIdentity& host,
                                               const KernelSupport& support,
                                               const ProbePlan& plan) {
    std::vector<std::vector<std::byte>> facts;
    const auto add = [&](std::string_view key, std::string_view value) {
        facts.push_back(event::fact_record(now_ns, 0, key, value));
    };
    add("version", TCPDWELL_VERSION);
    add("host", host.name);
    add("kernel", support.release);
    add("machine", support.machine);
    if (host.boot_id) add("boot_id", *host.boot_id);
    std::string probes(name(plan.set));
    for (const ProgramChoice& p : plan.programs)
        if (p.load) probes += fmt::format(" {}", p.hook);
    add("probes", probes);
    // The pids in these records are those of the initial namespace unless this says otherwise.
    if (plan.pid_namespace != host::kInitialPidNamespace)
        add("pid_namespace",
            plan.pid_namespace ? fmt::format("{}", *plan.pid_namespace) : "unknown");
    if (!plan.btf_file.empty()) add("btf", plan.btf_file);
    for (const host::Sysctl& s : host.sysctls) add(s.name, s.value);
    return facts;
}

} // namespace tcpdwell::live
