// SPDX-License-Identifier: Apache-2.0
// How summaries for people report whether events were lost.
#pragma once

#include <cstdint>
#include <string>

namespace tcpdwell::render {

/// "no event lost", or "3 EVENTS LOST; 1 HOLE IN THE RECORDING". What a hole held isn't known, so
/// nobody can say then that no event is lost.
std::string loss_text(std::uint64_t lost, std::uint64_t holes);

} // namespace tcpdwell::render
