// SPDX-License-Identifier: Apache-2.0
// The user's filter, applied to what the tracker tells.
#pragma once

#include <utility>

#include "event/filter.h"
#include "run/pipeline.h"

namespace tcpdwell {

class Selection {
public:
    /// `context` (for paths of cgroups) must outlive this.
    Selection(Filter filter, const Context& context)
        : filter_(std::move(filter)), is_empty_(filter_.empty()), context_(context) {}

    /// Whether the filter lets it pass, as far as it is known now.
    [[nodiscard]] bool wants(const ConnectionIdentity& who) const {
        return is_empty_ || filter_.matches(FilterSubject{who.tuple, who.netns, who.role, who.process, who.closed_by,
                                                          context_.cgroup(who.cgroup)});
    }

private:
    Filter filter_;
    bool is_empty_;
    const Context& context_;
};

} // namespace tcpdwell
