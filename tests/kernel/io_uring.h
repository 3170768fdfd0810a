// SPDX-License-Identifier: Apache-2.0
// accept() without its system call: io_uring's (IORING_OP_ACCEPT, Linux 5.5), by a ring of one
// entry.
#pragma once

#include "base/fd.h"

namespace tcpdwell::test {

/// Whether this kernel has io_uring, and lets this process use it.
bool has_io_uring();

/// Waits for a connection, and takes it by io_uring. Throws std::system_error.
Fd accept_by_io_uring(const Fd& listener);

} // namespace tcpdwell::test
