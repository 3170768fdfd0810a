// SPDX-License-Identifier: Apache-2.0
// A scenario in its process: the side of the director, who gives the cues and takes the report.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.h"
#include "scene.h"

namespace tcpdwell::test {

/// A pipe that everybody waits at; closing the writing end is the cue.
struct SyncPoint {
    SyncPoint();
    void give() { write.reset(); }
    Fd read;
    Fd write;
};

struct SyncPoints {
    SyncPoint tracing; ///< tracing is on
    SyncPoint finale;  ///< tracing is about to stop
    SyncPoint curtain; ///< it has stopped: go home
};

class ScenarioProcess {
public:
    /// Forks; the scene begins so much later than it could. The caller must have no threads.
    ScenarioProcess(const Scenario& scenario, SyncPoints& cues, nanoseconds delay);
    ScenarioProcess(ScenarioProcess&& other) noexcept;
    ScenarioProcess& operator=(ScenarioProcess&&) = delete;
    ~ScenarioProcess(); ///< ends the process

    /// Takes what it has said since. False if nothing more can come.
    void listen();
    [[nodiscard]] const Scenario& scenario() const { return *scenario_; }
    [[nodiscard]] bool ready() const { return ready_; } ///< waits for tracing, or has ended already
    [[nodiscard]] bool done() const { return done_; }   ///< has reported
    /// Its report; if it hasn't made any, one that says so.
    [[nodiscard]] Report report() const;

private:
    const Scenario* scenario_;
    pid_t pid_ = -1;
    Fd said_;
    std::string heard_;
    bool ready_ = false;
    bool done_ = false;
    Report report_;
};

} // namespace tcpdwell::test
