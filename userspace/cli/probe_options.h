// SPDX-License-Identifier: Apache-2.0
// The options by which the user chooses how the kernel is probed.
#pragma once

#include <CLI/CLI.hpp>

#include "live/probe_plan.h"

namespace tcpdwell {

/// Declares --probes and --btf on `app`; `options` is filled when the command line is read and must outlive that.
void declare_probes(CLI::App& app, ProbeOptions& options);

} // namespace tcpdwell
