// SPDX-License-Identifier: Apache-2.0
// The name of a process out of the fixed array that the kernel gives.
#include "event/event.h"

#include <algorithm>

namespace tcpdwell {

std::string_view Process::comm() const {
    const auto end = std::find(comm_bytes.begin(), comm_bytes.end(), '\0');
    return {comm_bytes.data(), static_cast<std::size_t>(end - comm_bytes.begin())};
}

} // namespace tcpdwell
