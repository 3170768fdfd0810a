// SPDX-License-Identifier: Apache-2.0
// Wording and evidence that the findings on accept queues share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/findings.h"

namespace tcpdwell::analysis {

/// "nginx (pid 12) on 0.0.0.0:80": whoever can accept, and where it listens.
std::string listener_text(const AcceptQueue& queue);
/// Of the socket where the most wait, as each has a limit of its own; nullopt: not known.
std::optional<std::uint64_t> longest_of(const AcceptQueue& queue);
std::optional<std::uint64_t> limit_of(const AcceptQueue& queue);
/// Adds what every finding on that queue has: subject, scope, connections, evidence, processes.
void describe(const AcceptQueue& queue, FindingDraft& draft);
/// Adds what keeps a program that doesn't accept, or too slowly, to the sentence and the evidence,
/// and what to do about it; nullptr: it isn't known which.
void advise_on_queue(const RuleInput& evidence, const AcceptQueue* queue, FindingDraft& draft);

} // namespace tcpdwell::analysis
