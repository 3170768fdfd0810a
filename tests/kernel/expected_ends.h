// SPDX-License-Identifier: Apache-2.0
// What a test knows of the ends that it made, and what a tracer that has lost events may say of
// them: less, but nothing that isn't true.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lines.h"

namespace tcpdwell::test {

struct ExpectedEnd {
    std::vector<std::string> path; ///< up to now, the present state last
    std::string closed_first = "none";
    std::string ending = "open";
    bool known_to_tracer = true;       ///< there must be a line
    bool reported_as_whole = false;    ///< nothing of it was lost: the line must report all
    std::size_t reported_at_least = 0; ///< so many of the last states must be on the line
};

/// The ends of connections over 127.0.0.1 by local and remote port.
class ExpectedEnds {
public:
    using Ports = std::pair<std::uint16_t, std::uint16_t>;

    ExpectedEnd& of(const Ports& end) { return truths_[end]; }

    /// Everything that is wrong with the lines, one text each. `lifetime` is how long the
    /// connections can have existed.
    [[nodiscard]] std::vector<std::string> errors_in(const std::vector<ConnectionLine>& lines,
                                                     nanoseconds lifetime) const;

private:
    std::map<Ports, ExpectedEnd> truths_;
};

} // namespace tcpdwell::test
