// SPDX-License-Identifier: Apache-2.0
// Which capabilities the process has, and giving them up.
#pragma once

#include <initializer_list>

#include "base/result.h"

namespace tcpdwell::live {

/// Whether the calling thread has the capability (CAP_BPF, ... of linux/capability.h) in its
/// effective set.
bool has_capability(unsigned capability);

/// Gives up, for good, all capabilities of the calling thread except `keep`: permitted, effective,
/// inheritable, ambient, the bounding set as far as CAP_SETPCAP allows, and sets no_new_privs.
/// Entries of `keep` that the thread lacks stay lacking. The outcome is read back; an error means
/// that something is left that shouldn't be. Descriptors that are open keep working.
Result<void> drop_capabilities(std::initializer_list<unsigned> keep = {});

} // namespace tcpdwell::live
