// SPDX-License-Identifier: Apache-2.0
#include "base/similar.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace tcpdwell {
namespace {

std::size_t edits(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(above.begin(), above.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + changed});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(above);
        above.swap(row);
    }
    return above[b.size()];
}

} // namespace

std::optional<std::size_t> unlikeness(std::string_view wanted, std::string_view candidate) {
    const std::size_t changes = edits(wanted, candidate);
    if (changes <= std::max<std::size_t>(1, wanted.size() / 3)) return changes;
    constexpr std::size_t kShortestPart = 3;
    constexpr std::size_t kAfterSlips = 100; // a partial word is a weaker match than a typo
    if (wanted.size() >= kShortestPart && candidate.find(wanted) != std::string_view::npos)
        return kAfterSlips + candidate.size() - wanted.size();
    return std::nullopt;
}

std::vector<std::string> most_alike(std::string_view wanted,
                                    const std::vector<std::string>& candidates) {
    constexpr std::size_t kMost = 3;
    std::vector<std::pair<std::size_t, std::string>> alike;
    for (const std::string& candidate : candidates)
        if (const auto far = unlikeness(wanted, candidate)) alike.emplace_back(*far, candidate);
    std::ranges::stable_sort(alike, {}, &std::pair<std::size_t, std::string>::first);
    std::vector<std::string> words;
    for (std::size_t i = 0; i < std::min(kMost, alike.size()); ++i)
        words.push_back(std::move(alike[i].second));
    return words;
}

} // namespace tcpdwell
