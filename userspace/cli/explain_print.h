// SPDX-License-Identifier: Apache-2.0
// Explanations as people read them on a terminal.
#pragma once

#include <span>
#include <string>

#include "explain/explain.h"
#include "host/sysctls.h"

namespace tcpdwell::cli {

struct ExplainStyle {
    std::size_t width = 80;
    bool bold_headings = false;
};

/// Heading, text, the values in `here` of the sysctls that it names, source. A sysctl that
/// tcp_sysctl_names() has but `here` hasn't is printed as missing.
void append_explanation(std::string& out, const explain::Explanation& explanation,
                        std::span<const host::Sysctl> here, const ExplainStyle& style);

/// All words by topic, one line each.
void append_word_list(std::string& out, const ExplainStyle& style);

} // namespace tcpdwell::cli
