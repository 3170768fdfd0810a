// SPDX-License-Identifier: Apache-2.0
// The number of a flow (tcpdwell/flow.h) by its addresses and ports.
#pragma once

#include <cstdint>

#include "tcp/address.h"

namespace tcpdwell::tcp {

/// The same for both ends of a connection, on whatever hosts they are.
std::uint64_t flow_of(const FourTuple& tuple);

} // namespace tcpdwell::tcp
