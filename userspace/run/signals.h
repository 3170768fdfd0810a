// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and its relatives: the first asks for an orderly end, the second ends at once. And the
// signal by which a flight recorder is asked to save what it holds.
#pragma once

#include <signal.h>

namespace tcpdwell::run {

/// SIGINT, SIGTERM and SIGHUP are noted; a second one kills the process the default way. SIGHUP is
/// left alone where it is ignored (nohup) or is the SaveSignal.
/// One at a time; the destructor restores what was before.
class StopSignals {
public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    /// Number of the first that has come; 0: none.
    [[nodiscard]] int received() const;

private:
    struct sigaction old_int_ {};
    struct sigaction old_term_ {};
    struct sigaction old_hup_ {};
};

/// Counts a signal instead of dying of it. One at a time; the destructor restores what was before.
class SaveSignal {
public:
    explicit SaveSignal(int number);
    ~SaveSignal();
    SaveSignal(const SaveSignal&) = delete;
    SaveSignal& operator=(const SaveSignal&) = delete;

    /// Whether it has come since the last call.
    [[nodiscard]] bool take();

private:
    int number_;
    struct sigaction old_ {};
};

} // namespace tcpdwell::run
