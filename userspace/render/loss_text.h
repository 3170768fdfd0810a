// SPDX-License-Identifier: Apache-2.0
// How summaries for people report whether events were lost.
#pragma once

#include <cstdint>
#include <string>

namespace tcpdwell::render {

/// "no event lost" or "3 EVENTS LOST".
std::string loss_text(std::uint64_t lost);

} // namespace tcpdwell::render
