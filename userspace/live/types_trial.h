// SPDX-License-Identifier: Apache-2.0
// Whether types given by the user (--btf) are the running kernel's. BTF names no kernel, and with the types of another
// one programs read other fields than they mean to; what they say of a connection that is known tells.
#pragma once

#include "live/kernel_support.h"

namespace tcpdwell {

/// Tries the programs with `support.btf_file` on a connection of our own (trial.h): its addresses, ports, namespace,
/// and states, in all three kinds of sockets, must be told as they are. Where it can't be tried, for want of rights, of
/// programs or of the timers' functions, the answer is `support.types`.
Support try_types(const KernelSupport& support);

} // namespace tcpdwell
