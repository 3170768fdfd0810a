// SPDX-License-Identifier: Apache-2.0
#include "report/report.h"

#include <algorithm>

namespace tcpdwell {

std::string_view name(Severity severity) {
    switch (severity) {
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::critical: return "critical";
    }
    return {};
}

const Section* Report::find(std::string_view id) const {
    const auto it = std::find_if(sections.begin(), sections.end(), [id](const Section& s) { return s.id == id; });
    return it == sections.end() ? nullptr : &*it;
}

} // namespace tcpdwell
