// SPDX-License-Identifier: Apache-2.0
#include <linux/capability.h>

#include "cli/live/probes.h"
#include "cli/live_view.h"
#include "live/capabilities.h"
#include "live/live_source.h"
#include "live/syscall_filter.h"

namespace tcpdwell::cli {

live::ProbeOptions probe_options(const ProbeTexts& texts) {
    live::ProbeOptions options{std::nullopt, texts.btf_file, !texts.no_numbers};
    for (const live::ProbeSet set : {live::ProbeSet::fentry, live::ProbeSet::timer})
        if (texts.set == name(set)) options.set = set;
    return options;
}

Result<std::unique_ptr<event::EventSource>>
open_live_source(std::size_t buffer_bytes, const event::Filter& filter, const ProbeTexts& probes,
                 bool keeps_user, bool serves, const std::string& host_root) {
    return live::LiveSource::open(live::LiveOptions{buffer_bytes, filter, probe_options(probes),
                                                    keeps_user, serves, host_root});
}

void keep_rights_for(bool signals, bool files) {
    // What it can't give up it only has needlessly.
    if (signals && files)
        static_cast<void>(live::drop_capabilities({CAP_KILL, CAP_DAC_OVERRIDE, CAP_FOWNER}));
    else if (signals)
        static_cast<void>(live::drop_capabilities({CAP_KILL}));
    else if (files)
        static_cast<void>(live::drop_capabilities({CAP_DAC_OVERRIDE, CAP_FOWNER}));
    else
        static_cast<void>(live::drop_capabilities());
}

void keep_rights_for_sending() {
    // A kernel without seccomp isn't worth less.
    static_cast<void>(live::drop_capabilities());
    static_cast<void>(live::confine_sender());
}

} // namespace tcpdwell::cli
