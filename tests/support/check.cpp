// SPDX-License-Identifier: Apache-2.0
#include "support/check.h"

#include <cerrno>
#include <system_error>

namespace tcpdwell::test {

int check(long result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::generic_category(), what);
    return static_cast<int>(result);
}

} // namespace tcpdwell::test
