// SPDX-License-Identifier: Apache-2.0
// What the commands need of the running kernel. cli/live/ provides it in a build with BPF; in one
// without, cli/offline/ does, where everything fails with ErrorCode::cannot_trace.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/probe_options.h"
#include "event/filter.h"
#include "event/source.h"
#include "run/census.h"

namespace tcpdwell::cli {

/// Attaches the probes. The source gives up the rights of the calling process when it has settled
/// in, the user id too unless `keeps_user`; as for `serves` and `host_root` see LiveOptions.
/// `buffer_bytes` is a power of two, at least a page.
Result<std::unique_ptr<event::EventSource>>
open_live_source(std::size_t buffer_bytes, const event::Filter& filter, const ProbeTexts& probes,
                 bool keeps_user, bool serves, const std::string& host_root);

/// In a process that only signals other users' processes, or replaces files in their folders: gives
/// up all capabilities but those that this takes.
void keep_rights_for(bool signals, bool files);

/// In a process that sends to a server what lies in a folder of its own user's: gives up all
/// capabilities, and all system calls but those that this takes.
void keep_rights_for_sending();

/// The sockets that exist now and pass a filter.
struct Census {
    std::vector<run::CensusSocket> sockets;
    std::size_t namespaces = 0;           ///< network namespaces that were looked into
    std::size_t closed_namespaces = 0;    ///< those that can't be entered for lack of privileges
    std::size_t unreadable_processes = 0; ///< if that is why an owner isn't known
};

/// `owners_of_all`: looks up the processes of all sockets, not only of those in CLOSE_WAIT and
/// LISTEN. `host_root`: see LiveOptions.
Result<Census> take_census(const event::Filter& filter, bool owners_of_all,
                           const std::string& host_root);

/// Prints on stdout, as "text" or "json", whether this host can be traced and with which probes;
/// the value is the exit status.
Result<int> check_host(const std::string& format, const ProbeTexts& probes);

} // namespace tcpdwell::cli
