// SPDX-License-Identifier: Apache-2.0
// Runs all scenarios at the same time, each in a process of its own, under two tracers; so the
// minute of TIME_WAIT is waited for once.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "scene.h"

namespace tcpdwell::test {

struct ScenarioRun {
    std::map<std::string, Report> reports; ///< by the scenario's name
    std::vector<ConnectionLine> connections;
    std::vector<TransitionLine> transitions;
    std::vector<std::string> losses;   ///< "lost" lines of either tracer
    std::vector<std::string> problems; ///< of the tracers
    std::vector<std::string>
        replays;      ///< where a tracer's recording reported something else than the tracer
    int replayed = 0; ///< recordings that were held against their tracers
    Host host;
    std::string skipped; ///< why this host can't be traced; "" if it can
};

/// Takes up to two minutes. Every scenario has a report afterwards, even if its process died.
ScenarioRun perform(std::span<const Scenario> scenarios);

} // namespace tcpdwell::test
