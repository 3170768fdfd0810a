// SPDX-License-Identifier: Apache-2.0
// How often work may be repeated that takes the longer the larger the host is.
#pragma once

#include <cstdint>

namespace tcpdwell::live {

/// The pause after work that took `took_ns`, so that such work takes at most a fiftieth of one
/// CPU's time.
constexpr std::uint64_t pause_after(std::uint64_t took_ns) { return took_ns * 50; }

} // namespace tcpdwell::live
