// SPDX-License-Identifier: Apache-2.0
// What the library takes as it is, though a part of it is missing: quotes and brackets that nothing
// closes.
#pragma once

#include <string>
#include <string_view>

namespace tcpdwell::cli {

/// "line 3: the quote has no end"; "" if nothing is cut off. Quotes count at the beginning of a
/// value, brackets of lists may be closed on a later line.
std::string cut_off_in_toml(std::string_view text);

} // namespace tcpdwell::cli
