// SPDX-License-Identifier: Apache-2.0
// The binary over the recordings of two hosts.
#pragma once

#include <string>

namespace tcpdwell {

/// What `tcpdwell report -r client.tdw server.tdw` prints, with these options.
std::string report_of_two_hosts(const std::string& options);

} // namespace tcpdwell
