// SPDX-License-Identifier: Apache-2.0
// libcap-ng keeps the sets to be applied per thread; each function begins by filling them anew.
#include "live/capabilities.h"

#include <cap-ng.h>
#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

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

} // namespace

bool has_capability(unsigned capability) {
    return ::capng_get_caps_process() == 0 &&
           ::capng_have_capability(CAPNG_EFFECTIVE, capability) == 1;
}

Result<void> drop_capabilities(std::initializer_list<unsigned> keep) {
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
    if (::capng_apply(CAPNG_SELECT_AMBIENT) != 0 || ::capng_apply(CAPNG_SELECT_CAPS) != 0)
        return tl::unexpected(failure(std::strerror(errno)));

    if (::capng_get_caps_process() != 0) return tl::unexpected(failure("they can't be read back"));
    if (const char* name = left_over(keep))
        return tl::unexpected(failure(fmt::format("{} is still there", name)));
    return {};
}

} // namespace tcpdwell::live
