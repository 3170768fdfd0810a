// SPDX-License-Identifier: Apache-2.0
// The name of a process out of the fixed array that the kernel gives.
#include "event/event.h"

#include <algorithm>

namespace tcpdwell::event {

std::string_view comm_text(const std::array<char, TD_COMM_LEN>& bytes) {
    const auto end = std::find(bytes.begin(), bytes.end(), '\0');
    return {bytes.data(), static_cast<std::size_t>(end - bytes.begin())};
}

} // namespace tcpdwell::event
