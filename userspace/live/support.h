// SPDX-License-Identifier: Apache-2.0
// Yes, or no with the reason.
#pragma once

#include <string>
#include <utility>

namespace tcpdwell::live {

/// Something the host has or lacks.
struct Support {
    bool ok = false;
    std::string why_not; ///< where it is missing: the reason, in words for the user

    explicit operator bool() const { return ok; }
    static Support yes() { return {true, {}}; }
    static Support no(std::string reason) { return {false, std::move(reason)}; }
};

} // namespace tcpdwell::live
