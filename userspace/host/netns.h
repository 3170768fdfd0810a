// SPDX-License-Identifier: Apache-2.0
// Network namespaces: which there are, which one a user's argument names, and entering one
// temporarily.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace tcpdwell::host {

/// A network namespace, kept alive by its descriptor.
struct NetworkNamespace {
    std::uint32_t inode =
        0; ///< ns.inum in the kernel; may be given to another namespace once this one is gone
    Fd fd; ///< for setns(2); never empty
    std::optional<std::string> name; ///< as `ip netns` calls it
    bool own = false;                ///< the calling thread's
};

/// All namespaces that a process of /proc is in or that /run/netns names, the calling thread's
/// first, then by inode. Processes that can't be looked into are passed over. Namespaces held by
/// nothing but a socket, a descriptor or a mount elsewhere aren't found.
std::vector<NetworkNamespace> list_network_namespaces();

/// The calling thread's own namespace.
Result<std::uint32_t> own_netns_inode();

/// Inode of the namespace that `text` means: an inode or a PID (a number is an inode if there is
/// such a namespace), a name of `ip netns`, or a path. ErrorCode::usage if there is none.
Result<std::uint32_t> resolve_netns(std::string_view text);

/// Puts the calling thread into another network namespace until the end of the scope; stays with
/// that thread. If the thread can't come back the program is aborted: everything after it would
/// apply to the wrong namespace.
class [[nodiscard]] NetnsGuard {
public:
    /// `fd` is a namespace descriptor and need not outlive the call. Needs CAP_SYS_ADMIN
    /// (ErrorCode::cannot_trace).
    static Result<NetnsGuard> enter(int fd);

    NetnsGuard(NetnsGuard&&) noexcept = default;
    NetnsGuard& operator=(NetnsGuard&&) = delete;
    ~NetnsGuard();

private:
    explicit NetnsGuard(Fd home) : home_(std::move(home)) {}

    Fd home_; ///< empty: moved from
};

} // namespace tcpdwell::host
