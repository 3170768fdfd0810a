// SPDX-License-Identifier: Apache-2.0
// A golden file, and what differs from it.
#pragma once

#include <string>
#include <string_view>

namespace tcpdwell::test {

/// A failure of the test unless the file in expected/ holds `got`. With TCPDWELL_UPDATE_GOLDEN=1 in
/// the environment the file is written instead (scripts/update-golden).
void expect_golden(std::string_view file, const std::string& got);

} // namespace tcpdwell::test
