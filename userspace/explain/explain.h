// SPDX-License-Identifier: Apache-2.0
// What the words mean that tcpdwell prints: states, endings, findings, columns, and the sysctls
// behind them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace tcpdwell::explain {

enum class Topic : std::uint8_t {
    state,   ///< TIME_WAIT
    ending,  ///< fin, reset_sent ...: the values of `ending`, `ending_detail`, `closed_first`,
             ///< `time_wait.end`, `seen`, `role`
    finding, ///< what `report` can find, with its thresholds
    sysctl,  ///< by its full name; found by its last part too
    column,  ///< keys and columns of trace, census and report
    metric,  ///< a family of metrics; `cli` has them, explanations() hasn't
    myth,    ///< a usual recipe, and what is true of it; `summary` is the recipe
};
std::string_view name(Topic topic);

/// "myth" and "myths", in upper or lower case; nullopt: not a topic.
std::optional<Topic> topic_from_name(std::string_view word);

/// One word explained. Texts are UTF-8 paragraphs separated by "\n"; the caller wraps
/// them.
struct Explanation {
    std::string_view word;
    Topic topic;
    std::string_view summary;                  ///< one line of at most 65 characters
    std::string_view text;                     ///< who, why, what ends it, what to do
    std::span<const std::string_view> sysctls; ///< full names of those that govern it; may be empty
    std::string_view source; ///< RFC section, kernel function and version, or manual page
};

/// All of them, by topic, in the order in which `tcpdwell explain` lists them.
const std::vector<Explanation>& explanations();

/// Those that `word` means: a word of ours, in upper or lower case, with '-' or '_' ("time-wait",
/// "FIN-WAIT-2"), a state's name in RFC 9293 or ss, the last part of a sysctl's name or of a key, a
/// finding's threshold. Usually one; a word may be, for example, both a column and an ending, and a
/// sysctl includes the myths about it. Empty: not known.
std::vector<const Explanation*> explain(std::string_view word);

/// Words that look like `word`, the likeliest first, at most three.
std::vector<std::string_view> similar_words(std::string_view word);

} // namespace tcpdwell::explain
