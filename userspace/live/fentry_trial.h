// SPDX-License-Identifier: Apache-2.0
// Whether the probe set `fentry` works on this host: some functions can be attached to but never
// fire, because the compiler has inlined them where they are called, and only seeing them fire
// shows whether they do.
#pragma once

#include "live/kernel_support.h"

namespace tcpdwell::live {

/// Tries the set on a connection of our own (trial.h). tw_timer_handler() and reqsk_timer_handler()
/// can't be made to run so soon; they are called through pointers, and so can't be inlined.
Support try_functions(const KernelSupport& support);

} // namespace tcpdwell::live
