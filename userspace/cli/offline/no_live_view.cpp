// SPDX-License-Identifier: Apache-2.0
// A build without BPF: recordings can be read, the running kernel can't.
#include "cli/live_view.h"

namespace tcpdwell::cli {
namespace {

tl::unexpected<Error> no_bpf() {
    return fail(
        ErrorCode::cannot_trace,
        "this tcpdwell was built without BPF and can't trace: it only reads recordings "
        "(trace -r, report -r, top -r, info, copy); use a build with BPF (cmake -DWITH_BPF=ON) to "
        "trace, and to look at the running kernel");
}

} // namespace

Result<std::unique_ptr<event::EventSource>> open_live_source(std::size_t, const event::Filter&,
                                                             const ProbeTexts&, bool, bool,
                                                             const std::string&) {
    return no_bpf();
}

void keep_rights_for(bool, bool) {}

void keep_rights_for_sending() {}

Result<Census> take_census(const event::Filter&, bool, const std::string&) { return no_bpf(); }

Result<int> check_host(const std::string&, const ProbeTexts&) { return no_bpf(); }

} // namespace tcpdwell::cli
