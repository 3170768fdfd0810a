// SPDX-License-Identifier: Apache-2.0
// All scenarios, by theme: one file and one row here for each theme.
#pragma once

#include <span>
#include <vector>

#include "scene.h"

namespace tcpdwell::test {

std::span<const Scenario> closes();          ///< both ends send their FIN
std::span<const Scenario> fin_wait2();       ///< we have closed, the peer hasn't
std::span<const Scenario> resets_received(); ///< in every state
std::span<const Scenario> resets_sent();     ///< for every reason
std::span<const Scenario> failed_connects();
std::span<const Scenario> handshakes();
std::span<const Scenario> fast_opens();
std::span<const Scenario> timeouts();
std::span<const Scenario> time_waits(); ///< how TIME_WAIT ends
std::span<const Scenario> processes();  ///< who owned and who closed it
std::span<const Scenario> families();   ///< IPv6, v4-mapped, MPTCP
std::span<const Scenario> existing();   ///< open before tracing began
std::span<const Scenario> unfinished(); ///< open when tracing ended
std::span<const Scenario> crowds();     ///< very many at once

inline std::vector<Scenario> all_scenarios() {
    std::vector<Scenario> all;
    for (const auto theme :
         {closes, fin_wait2, resets_received, resets_sent, failed_connects, handshakes, fast_opens,
          timeouts, time_waits, processes, families, existing, unfinished, crowds}) {
        const auto scenarios = theme();
        all.insert(all.end(), scenarios.begin(), scenarios.end());
    }
    return all;
}

} // namespace tcpdwell::test
