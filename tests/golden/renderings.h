// SPDX-License-Identifier: Apache-2.0
// The list of golden files and of what makes each. Another renderer is another row.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tcpdwell::test {

struct Rendering {
    std::string_view name; ///< the test's name
    std::string_view file; ///< in expected/
    std::string (*render)();
};

std::span<const Rendering> renderings();

} // namespace tcpdwell::test
