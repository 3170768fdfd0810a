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
/// "; it has one connection open, whose client (192.0.2.7:5000) has sent nothing for 7.0 s": what
/// keeps whoever can accept, if each of them has accepted one connection that is open; else empty.
std::string occupation_text(const RuleInput& evidence, const AcceptQueue& queue);
/// Adds what keeps a program that doesn't accept, or too slowly, and what to do about it; nullptr:
/// it isn't known which.
void advise_on_queue(const RuleInput& evidence, const AcceptQueue* queue, FindingDraft& draft);

} // namespace tcpdwell::analysis
