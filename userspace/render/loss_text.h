// SPDX-License-Identifier: Apache-2.0
// How summaries for people report whether events were lost.
#pragma once

#include <cstdint>
#include <string>

namespace tcpdwell::render {

/// "no event lost", or "3 EVENTS LOST; 1 HOLE IN THE RECORDING; AT LEAST 2 EVENTS NOT SEEN". What a
/// hole held isn't known, so nobody can say then that no event is lost. `unseen`: as
/// track::TrackerTotals has it.
std::string loss_text(std::uint64_t lost, std::uint64_t holes, std::uint64_t unseen);

} // namespace tcpdwell::render
