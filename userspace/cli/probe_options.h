// SPDX-License-Identifier: Apache-2.0
// The option by which the user chooses how the kernel is probed.
#pragma once

#include <CLI/CLI.hpp>

#include "live/probe_plan.h"

namespace tcpdwell {

/// Declares --probes on `app`; `wish` is filled when the command line is read and must outlive that.
CLI::Option* declare_probes(CLI::App& app, ProbeWish& wish);

} // namespace tcpdwell
