// SPDX-License-Identifier: Apache-2.0
// What stdout is.
#pragma once

namespace tcpdwell {

/// Whether stdout is a terminal and the user hasn't asked for no colours (NO_COLOR, https://no-color.org).
bool stdout_takes_colour();

} // namespace tcpdwell
