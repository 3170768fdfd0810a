// SPDX-License-Identifier: Apache-2.0
// System calls that a test relies on.
#pragma once

namespace tcpdwell::test {

/// `result` itself, or std::system_error with errno and `what` if it is negative.
int check(long result, const char* what);

} // namespace tcpdwell::test
