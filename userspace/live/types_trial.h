// SPDX-License-Identifier: Apache-2.0
// Whether types given by the user (--btf) are the running kernel's. BTF names no kernel, and with
// the types of another one programs read other fields than they mean to; what they report of a
// known connection shows it.
#pragma once

#include "live/kernel_support.h"

namespace tcpdwell::live {

struct TypesTrial {
    Support types; ///< that they can be this kernel's: as before if they couldn't be tried
    Support tried; ///< or what prevented it: rights, programs, the timers' functions
};

/// Tries the programs with `support.btf_file` on a connection of our own (trial.h): its addresses,
/// ports, namespace, and states, in all three kinds of sockets, must be reported as they are.
TypesTrial try_types(const KernelSupport& support);

} // namespace tcpdwell::live
