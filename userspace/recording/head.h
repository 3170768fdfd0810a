// SPDX-License-Identifier: Apache-2.0
// What the head of a recording says of its origin.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace tcpdwell::recording {

/// Empty or 0: not recorded.
struct Head {
    std::string tool; ///< "tcpdwell 0.1.0"
    std::string host;
    std::string kernel;
    std::string machine;
    std::string boot_id;
    std::string filter;
    std::string probes;
    std::uint32_t hz = 0;
    std::uint64_t sequence = 0; ///< of the file's first block: not 0 in a later segment
    ClockAnchor clock{};        ///< at the beginning; only mono and wall
    bool copied = false;        ///< made of another recording
    bool anonymized = false;    ///< names and addresses aren't those of the host
};

std::string to_json(const Head& head);
/// Takes what it finds; a text that isn't JSON gives an empty head.
Head head_from_json(const std::string& json);

} // namespace tcpdwell::recording
