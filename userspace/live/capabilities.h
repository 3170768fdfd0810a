// SPDX-License-Identifier: Apache-2.0
// Which capabilities the process has, and giving them up, and the user id.
#pragma once

#include <sys/types.h>

#include <initializer_list>
#include <optional>

#include "base/result.h"

namespace tcpdwell::live {

/// Whether the calling thread has the capability (CAP_BPF, ... of linux/capability.h) in its
/// effective set.
bool has_capability(unsigned capability);

struct Identity {
    uid_t uid;
    gid_t gid;
};
/// The user nobody, and the group of that user, for a process that is root and can change its ids;
/// else nullopt: it stays who it is.
std::optional<Identity> unprivileged_identity();

/// Gives up, for good, all capabilities of the calling thread except `keep`: permitted, effective,
/// inheritable, ambient, the bounding set as far as CAP_SETPCAP allows, and sets no_new_privs.
/// Entries of `keep` that the thread lacks stay lacking. The outcome is read back; an error means
/// that something is left that shouldn't be. Descriptors that are open keep working.
/// With an identity, the process becomes that one, without supplementary groups: what is left of
/// the capabilities is all that it has. Where the kernel refuses (ids that a user namespace doesn't
/// map), that is reported, and the user stays.
Result<void> drop_capabilities(std::initializer_list<unsigned> keep = {},
                               std::optional<Identity> identity = std::nullopt);

} // namespace tcpdwell::live
