// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and its relatives: the first asks for an orderly end, the second ends at once.
#pragma once

#include <signal.h>

namespace tcpdwell {

/// SIGINT and SIGTERM set a flag; a second one kills the process the default way.
/// One at a time; the destructor restores what was before.
class StopSignals {
public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    [[nodiscard]] bool received() const;

private:
    struct sigaction old_int_ {};
    struct sigaction old_term_ {};
};

} // namespace tcpdwell
