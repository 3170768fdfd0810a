// SPDX-License-Identifier: Apache-2.0
// The options by which the user chooses how the kernel is probed. A build without BPF has them too.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace tcpdwell::cli {

/// As the user wrote them.
struct ProbeTexts {
    std::string set = "auto"; ///< or the name of a ProbeSet (live/probe_plan.h)
    std::string btf_file;     ///< types of the running kernel; "": the kernel describes them
    bool no_numbers = false;  ///< what the sockets have carried isn't recorded
};

/// Declares --probes and --btf on `app`; `texts` is filled when the command line is read and must
/// outlive that.
void declare_probes(CLI::App& app, ProbeTexts& texts);

} // namespace tcpdwell::cli
