// SPDX-License-Identifier: Apache-2.0
#include "cli/report_words.h"

#include <algorithm>

#include "explain/explain.h"

namespace tcpdwell::cli {

std::vector<report::TextPart> words_of_reports() {
    std::vector<report::TextPart> words;
    for (const explain::Explanation& each : explain::explanations())
        if ((each.topic == explain::Topic::state || each.topic == explain::Topic::ending) &&
            std::ranges::find(words, each.word, &report::TextPart::name) == words.end())
            words.push_back({each.word, each.summary});
    return words;
}

} // namespace tcpdwell::cli
