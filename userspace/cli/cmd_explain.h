// SPDX-License-Identifier: Apache-2.0
// `tcpdwell explain`: what the words mean, and how this host is set.
#pragma once

#include "cli/command.h"

namespace tcpdwell {

/// Declares the command on `app`.
Action define_explain(CLI::App& app);

} // namespace tcpdwell
