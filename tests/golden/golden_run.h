// SPDX-License-Identifier: Apache-2.0
// The run that the golden files show: the same records each time, on a made-up host.
#pragma once

#include <memory>

#include "../unit/analysis/tracked_report.h"

namespace tcpdwell::test {

/// Every story of the catalog once, and crowds of some of them: a server that closes first, a
/// client that uses up its ports, a host that doesn't answer, half-open handshakes, a leak.
const synth::GeneratedConnection& golden_story();

/// When tracing stops, in the middle of things: of the clients many are in TIME_WAIT, of the server
/// none is any more.
inline constexpr MonoTime kGoldenEnd = synth::kTestClock.mono + std::chrono::seconds(150);

/// golden_story() fed to a report maker, up to kGoldenEnd.
/// `front`, where it is given, gets the tracker's lines instead.
std::unique_ptr<TrackedReport> golden_run(analysis::SplitBy by,
                                          track::TrackerListener* front = nullptr);

/// A handful of stories, for the lines of `trace`.
const synth::GeneratedConnection& short_story();

} // namespace tcpdwell::test
