// SPDX-License-Identifier: Apache-2.0
// What `trace` prints on terminals of some widths.
#pragma once

#include <cstddef>
#include <string>

namespace tcpdwell::test {

/// Rows of IPv4 and IPv6, short and long names; of transitions, or of connections.
std::string screen(bool connections, std::size_t width);

} // namespace tcpdwell::test
