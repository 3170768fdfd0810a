// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/probe_options.h"
#include "live/probe_plan.h"

namespace tcpdwell {

/// What the user asks for in terms of the live room.
ProbeOptions probe_options(const ProbeTexts& texts);

} // namespace tcpdwell
