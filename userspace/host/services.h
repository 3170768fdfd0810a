// SPDX-License-Identifier: Apache-2.0
// Names of services, as this host knows them (services(5)).
#pragma once

#include <string_view>

#include "base/result.h"
#include "tcp/address.h"

namespace tcpdwell::host {

/// The TCP port of a service such as "https". ErrorCode::usage if the name isn't known, and says
/// so where the host has no table of names at all.
Result<tcp::Port> tcp_port_of_service(std::string_view name);

} // namespace tcpdwell::host
