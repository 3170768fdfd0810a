// SPDX-License-Identifier: Apache-2.0
// What must hold for every line, whatever the scenario: the lines don't contradict themselves or
// each other.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lines.h"

namespace tcpdwell::test {

using Contradictions = std::vector<std::string>;

/// The transitions of one connection or listener, in the order printed.
using Chain = std::vector<const TransitionLine*>;

/// The transitions sorted into chains, by `conn`.
class Chains {
public:
    /// `transitions` must live as long as this.
    explicit Chains(const std::vector<TransitionLine>& transitions);

    [[nodiscard]] const std::map<std::string, Chain>& all() const { return chains_; }
    /// The chain that shows the connection of `line`: same namespace, ends and role, and the
    /// nearest beginning. The two come from different tracers, so their `conn` differ. nullptr if
    /// there is none.
    [[nodiscard]] const Chain* find(const ConnectionLine& line) const;

private:
    std::map<std::string, Chain> chains_;
    std::map<std::string, std::vector<const Chain*>> by_ends_;
};

/// Namespace, both ends and role in one text; equal for all connections between the same ends.
std::string ends_text(const Subject& who);
/// ends_text() that the line of the other end has.
std::string other_ends_text(const Subject& who, const std::string& other_role);

/// Words that exist and fit each other, states that can follow each other, times that add up.
Contradictions contradictions_in(const ConnectionLine& line);

/// Each transition begins where the one before ended, at a later time, after the dwell reported.
Contradictions contradictions_in(const Chain& chain);

/// The chain reports the same as the line.
Contradictions contradictions_between(const ConnectionLine& line, const Chain& chain);

/// The two ends of one connection agree on who closed first, where both have seen it.
Contradictions contradictions_between(const ConnectionLine& one, const ConnectionLine& other);

} // namespace tcpdwell::test
