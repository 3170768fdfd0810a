// SPDX-License-Identifier: Apache-2.0
#include "cli/live/probes.h"
#include "cli/live_view.h"
#include "live/live_source.h"

namespace tcpdwell::cli {

live::ProbeOptions probe_options(const ProbeTexts& texts) {
    live::ProbeOptions options{std::nullopt, texts.btf_file};
    for (const live::ProbeSet set : {live::ProbeSet::fentry, live::ProbeSet::timer})
        if (texts.set == name(set)) options.set = set;
    return options;
}

Result<std::unique_ptr<event::EventSource>>
open_live_source(std::size_t buffer_bytes, const event::Filter& filter, const ProbeTexts& probes,
                 std::function<Result<void>()> with_last_rights) {
    return live::LiveSource::open(live::LiveOptions{buffer_bytes, filter, probe_options(probes),
                                                    std::move(with_last_rights)});
}

} // namespace tcpdwell::cli
