// SPDX-License-Identifier: Apache-2.0
// What the kernel counts for each BPF program while its statistics are on.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tcpdwell::bench {

struct ProgramStats {
    std::string name; ///< the kernel keeps 15 bytes of it
    std::uint64_t runs = 0;
    std::uint64_t nanoseconds = 0; ///< the two readings of the clock included
};

/// All BPF programs of the machine, by id. Needs CAP_SYS_ADMIN; empty without.
std::map<std::uint32_t, ProgramStats> program_stats();

/// Has the kernel count while this lives (kernel: BPF_ENABLE_STATS, 5.8).
class CountingRuns {
public:
    CountingRuns();
    CountingRuns(const CountingRuns&) = delete;
    CountingRuns& operator=(const CountingRuns&) = delete;
    ~CountingRuns();

private:
    int fd_;
};

} // namespace tcpdwell::bench
