// SPDX-License-Identifier: Apache-2.0
// What stdout is.
#pragma once

#include <cstddef>

namespace tcpdwell {

/// Whether stdout is a terminal and the user hasn't asked for no colours (NO_COLOR, https://no-color.org).
bool stdout_takes_colour();

/// Columns of the terminal that stdout is; 80 if it is none, or doesn't tell.
std::size_t stdout_columns();

} // namespace tcpdwell
