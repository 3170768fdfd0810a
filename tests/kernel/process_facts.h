// SPDX-License-Identifier: Apache-2.0
// What /proc and bpf(2) show a process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace tcpdwell::test {

/// All of a file; "" if it can't be read.
std::string read_file(const std::string& path);

/// A line of /proc/PID/status, without the key; "" if it has ended, or there is no such line.
std::string status_of(pid_t pid, const std::string& key);

/// One of its sets of capabilities, as a mask: "CapEff", "CapPrm"... Throws std::invalid_argument
/// if it has ended.
std::uint64_t capabilities(pid_t pid, const std::string& set);

std::vector<pid_t> children_of(pid_t pid);

/// False also for one that has ended and that nobody has waited for yet.
bool is_running(pid_t pid);

/// Ids of the BPF programs that it has open.
std::set<std::uint32_t> bpf_programs_of(pid_t pid);

/// Whether the kernel still has the BPF program.
bool is_loaded(std::uint32_t program);

} // namespace tcpdwell::test
