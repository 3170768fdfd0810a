// SPDX-License-Identifier: Apache-2.0
// What the head of a recording says of its origin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "event/filter.h"

namespace tcpdwell::recording {

/// Empty or 0: not recorded.
struct Head {
    std::string tool; ///< "tcpdwell 0.1.0"
    std::string host;
    std::string kernel;
    std::string machine;
    std::string boot_id;
    std::string filter; ///< as its user wrote it
    /// The same for a reader, who gets the connections that one of these selects; empty: all. The
    /// kernel lets more pass than the filter selects: what it didn't know yet.
    std::vector<event::Filter> filters;
    std::string probes;
    std::uint32_t hz = 0;
    std::uint64_t sequence = 0; ///< of the file's first block: not 0 in a later segment
    ClockAnchor clock{};        ///< at the beginning; only mono and wall
    bool copied = false;        ///< made of another recording
    bool anonymized = false;    ///< names and addresses aren't those of the host
};

/// A strange head may have more filters; then none of them is applied.
inline constexpr std::size_t kMostFilters = 64;

/// Makes the filter of `head` one that lets pass what that of `other` does as well.
void join_filters(Head& head, const Head& other);

std::string to_json(const Head& head);
/// Takes what it finds; a text that isn't JSON gives an empty head.
Head head_from_json(const std::string& json);

} // namespace tcpdwell::recording
