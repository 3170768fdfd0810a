// SPDX-License-Identifier: Apache-2.0
// The listing: every TCP socket of a network namespace, as td_socket records. From the kernel's
// own tables (iterator_lister.h) or, where there is no iterator, from sock_diag
// (diag_lister.h).
#pragma once

#include <cstdint>

#include "base/result.h"
#include "event/source.h"

namespace tcpdwell::live {

class SocketLister {
public:
    virtual ~SocketLister() = default;

    /// All sockets of the calling thread's namespace; listeners whatever the filter says.
    virtual Result<void> list(const event::RecordSink& sink) = 0;
    /// Only full sockets that may be waiting for their process or their peer: listeners; those of
    /// which one side has closed; established ones with data that wait to be read or acknowledged,
    /// that wait for accept(), or that had no traffic for `idle` (jiffies; where that is known).
    /// Each is followed by its td_numbers, if numbers are read.
    virtual Result<void> list_waiting(std::uint64_t idle, const event::RecordSink& sink) = 0;
    /// Only mini-sockets in TIME_WAIT whose timer has been set for `expires` (jiffies) or later.
    virtual Result<void> sweep(std::uint64_t expires, const event::RecordSink& sink) = 0;
};

} // namespace tcpdwell::live
