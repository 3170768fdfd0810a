// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/probe_options.h"
#include "live/probe_plan.h"

namespace tcpdwell::cli {

/// The user's options, converted to types of live/.
live::ProbeOptions probe_options(const ProbeTexts& texts);

} // namespace tcpdwell::cli
