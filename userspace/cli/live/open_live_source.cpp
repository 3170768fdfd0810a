// SPDX-License-Identifier: Apache-2.0
#include "cli/live/probes.h"
#include "cli/live_view.h"
#include "live/live_source.h"

namespace tcpdwell {

ProbeOptions probe_options(const ProbeTexts& texts) {
    ProbeOptions options{std::nullopt, texts.btf_file};
    for (const ProbeSet set : {ProbeSet::fentry, ProbeSet::timer})
        if (texts.set == name(set)) options.set = set;
    return options;
}

Result<std::unique_ptr<EventSource>>
open_live_source(std::size_t buffer_bytes, const Filter& filter, const ProbeTexts& probes) {
    return LiveSource::open(LiveOptions{buffer_bytes, filter, probe_options(probes)});
}

} // namespace tcpdwell
