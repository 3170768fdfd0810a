// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and its relatives: the first asks for an orderly end, the second ends at once. And signals
// that request something else: to save what a flight recorder holds, to read a file anew.
#pragma once

#include <signal.h>

namespace tcpdwell::run {

/// SIGINT, SIGTERM and SIGHUP are noted; a second one kills the process the default way. SIGHUP is
/// left alone where it is ignored (nohup) or is a NotedSignal.
/// One at a time; the destructor restores what was before.
class StopSignals {
public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    /// Number of the first that has come while there has been one of these; 0: none.
    [[nodiscard]] static int received();

private:
    struct sigaction old_int_ {};
    struct sigaction old_term_ {};
    struct sigaction old_hup_ {};
};

/// Notes that a signal came, instead of dying of it. One of each number at a time; the destructor
/// restores what was before.
class NotedSignal {
public:
    explicit NotedSignal(int number);
    ~NotedSignal();
    NotedSignal(const NotedSignal&) = delete;
    NotedSignal& operator=(const NotedSignal&) = delete;

    /// Whether it has come since the last call.
    [[nodiscard]] bool take();

private:
    int number_;
    struct sigaction old_ {};
};

} // namespace tcpdwell::run
