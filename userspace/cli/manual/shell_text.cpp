// SPDX-License-Identifier: Apache-2.0
#include "cli/manual/shell_text.h"

#include <algorithm>

namespace tcpdwell::cli {

const HostValues* host_values(ValueKind kind) {
    const auto* found = std::ranges::find(kHostValues, kind, &HostValues::kind);
    return found == kHostValues.end() ? nullptr : found;
}

std::string single_quoted(std::string_view text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'')
            result += "'\\''";
        else
            result += c;
    }
    return result + '\'';
}

} // namespace tcpdwell::cli
