// SPDX-License-Identifier: Apache-2.0
// Why peers don't answer, as far as that is known, and what to do.
#pragma once

#include <string>

#include "analysis/peers_gone.h"

namespace tcpdwell::analysis {

/// The end of a sentence.
std::string why_text(const Gone& gone);
void advise_on_gone(const RuleInput& evidence, const Gone& gone, std::uint32_t netns,
                    FindingDraft& draft);
/// Of connections on which segments come, and what is sent isn't acknowledged.
void advise_on_one_way(const Gone& gone, FindingDraft& draft);

} // namespace tcpdwell::analysis
