// SPDX-License-Identifier: Apache-2.0
#include "expected_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace tcpdwell::test {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

using Lines = std::vector<std::string>;

/// How many lines to leave out of `a` and of `b` from (i, j) on until they go on alike;
/// the fewest there are.
std::pair<std::size_t, std::size_t> until_alike(const Lines& a, const Lines& b, std::size_t i,
                                                std::size_t j) {
    for (std::size_t both = 1; i + j + both <= a.size() + b.size(); ++both)
        for (std::size_t left = 0; left <= both; ++left) {
            const std::size_t x = i + left;
            const std::size_t y = j + both - left;
            if (x > a.size() || y > b.size()) continue;
            if (x == a.size() ? y == b.size() : y < b.size() && a[x] == b[y])
                return {left, both - left};
        }
    return {a.size() - i, b.size() - j};
}

/// What is expected and isn't there (-) and the other way round (+), up to some lines, with their
/// numbers.
std::string difference(const std::string& expected, const std::string& got) {
    constexpr int most = 30;
    const Lines a = lines_of(expected);
    const Lines b = lines_of(got);
    std::string text =
        std::to_string(a.size()) + " lines expected, " + std::to_string(b.size()) + " got\n";
    int reported = 0;
    const auto tell = [&](const char* sign, const Lines& lines, std::size_t first,
                          std::size_t count) {
        for (std::size_t k = first; k < first + count && reported < most; ++k, ++reported)
            text += sign + std::to_string(k + 1) + ": " + lines[k] + "\n";
    };
    for (std::size_t i = 0, j = 0; (i < a.size() || j < b.size()) && reported < most; ++i, ++j) {
        if (i < a.size() && j < b.size() && a[i] == b[j]) continue;
        const auto [left, right] = until_alike(a, b, i, j);
        tell("-", a, i, left);
        tell("+", b, j, right);
        i += left;
        j += right;
    }
    return text + (reported == most ? "...\n" : "");
}

} // namespace

void expect_golden(std::string_view name, const std::string& got) {
    const std::string path = std::string(GOLDEN_FOLDER) + "/expected/" + std::string(name);
    if (std::getenv("TCPDWELL_UPDATE_GOLDEN")) {
        std::ofstream(path, std::ios::binary) << got;
        return;
    }
    std::ifstream file(path, std::ios::binary);
    ASSERT_TRUE(file) << path << " is not there; scripts/update-golden writes it";
    const std::string expected((std::istreambuf_iterator<char>(file)),
                               std::istreambuf_iterator<char>());
    if (expected != got)
        ADD_FAILURE() << path << ": " << difference(expected, got)
                      << "If that is how it should be now: scripts/update-golden";
}

} // namespace tcpdwell::test
