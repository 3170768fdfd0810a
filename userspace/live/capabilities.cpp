// SPDX-License-Identifier: Apache-2.0
// libcap-ng keeps the sets to be applied per thread; each function begins by filling them anew.
#include "live/capabilities.h"

#include <cap-ng.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/memory_checks.h"

namespace tcpdwell::live {
namespace {

Error failure(std::string_view what) {
    return Error{ErrorCode::failed, fmt::format("cannot give up capabilities: {}", what)};
}

/// The first capability that any set still has and that isn't to be kept.
const char* left_over(std::initializer_list<unsigned> keep) {
    for (unsigned capability = 0; capability <= CAP_LAST_CAP; ++capability) {
        if (std::find(keep.begin(), keep.end(), capability) != keep.end()) continue;
        for (const capng_type_t set :
             {CAPNG_EFFECTIVE, CAPNG_PERMITTED, CAPNG_INHERITABLE, CAPNG_AMBIENT})
            if (::capng_have_capability(set, capability))
                return ::capng_capability_to_name(capability);
    }
    return nullptr;
}

/// Permitted capabilities stay.
void become(const Identity& identity) {
    int death_signal = 0; // of whoever has started us; a change of the user id takes it back
    ::prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);
    ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    const bool done = ::setgroups(0, nullptr) == 0 &&
                      ::setresgid(identity.gid, identity.gid, identity.gid) == 0 &&
                      ::setresuid(identity.uid, identity.uid, identity.uid) == 0;
    const int error = errno;
    ::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    ::prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0);
    if (kChecksMemory) ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (!done)
        spdlog::warn("cannot become uid {}, gid {}: {}; goes on as uid {}", identity.uid,
                     identity.gid, std::strerror(error), ::geteuid());
}

} // namespace

std::optional<Identity> unprivileged_identity() {
    constexpr id_t customary = 65534;
    if (::geteuid() != 0 || !has_capability(CAP_SETUID) || !has_capability(CAP_SETGID))
        return std::nullopt;
    const passwd* nobody = ::getpwnam("nobody");
    if (nobody == nullptr || nobody->pw_uid == 0 || nobody->pw_gid == 0)
        return Identity{customary, customary};
    return Identity{nobody->pw_uid, nobody->pw_gid};
}

bool has_capability(unsigned capability) {
    return ::capng_get_caps_process() == 0 &&
           ::capng_have_capability(CAPNG_EFFECTIVE, capability) == 1;
}

Result<void> drop_capabilities(std::initializer_list<unsigned> keep,
                               std::optional<Identity> identity) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return tl::unexpected(failure(std::strerror(errno)));
    if (::capng_get_caps_process() != 0) return tl::unexpected(failure("they can't be read"));
    const bool can_shrink_bounds = ::capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1;
    std::array<bool, CAP_LAST_CAP + 1> kept{};
    for (const unsigned capability : keep)
        kept[capability] = ::capng_have_capability(CAPNG_PERMITTED, capability) == 1;

    ::capng_clear(CAPNG_SELECT_ALL);
    for (unsigned capability = 0; capability < kept.size(); ++capability)
        if (kept[capability])
            ::capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                           capability);
    // The bounding set first, while CAP_SETPCAP is there. Without it no_new_privs has to do.
    if (can_shrink_bounds && ::capng_apply(CAPNG_SELECT_BOUNDS) != 0)
        return tl::unexpected(failure(std::strerror(errno)));
    if (identity) become(*identity);
    if (::capng_apply(CAPNG_SELECT_AMBIENT) != 0 || ::capng_apply(CAPNG_SELECT_CAPS) != 0)
        return tl::unexpected(failure(std::strerror(errno)));

    if (::capng_get_caps_process() != 0) return tl::unexpected(failure("they can't be read back"));
    if (const char* name = left_over(keep))
        return tl::unexpected(failure(fmt::format("{} is still there", name)));
    return {};
}

} // namespace tcpdwell::live
