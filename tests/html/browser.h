// SPDX-License-Identifier: Apache-2.0
// Chromium without a screen: what it makes of a page.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

namespace tcpdwell::test {

/// How a page is looked at.
struct View {
    int width = 1280; ///< CSS pixels
    int height = 900;
    bool dark = false;    ///< what the reader prefers
    std::string fragment; ///< of the address, after '#'
};

/// Loads the page, runs `script` (the body of a function that may use await) when it is drawn, and
/// returns what that returns. Throws std::runtime_error if Chromium can't be run, takes longer than
/// a minute, or the script fails.
nlohmann::json evaluate_in(const std::string& page, const std::string& script,
                           const View& view = {});

/// The page as it would be printed (PDF), and how long that took, browser start included.
struct Printed {
    std::string pdf;
    std::chrono::duration<double> took;
};
Printed print_page(const std::string& page);

/// How many pages a PDF of Chromium's has.
int page_count(const std::string& pdf);

} // namespace tcpdwell::test
