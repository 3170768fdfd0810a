// SPDX-License-Identifier: Apache-2.0
// Single values as JSON text, for MetaEntry.
#pragma once

#include <string>
#include <string_view>

namespace tcpdwell {

/// A string in quotes with everything escaped that has to be; bytes that aren't UTF-8 become U+FFFD.
std::string json_string(std::string_view bytes);

} // namespace tcpdwell
