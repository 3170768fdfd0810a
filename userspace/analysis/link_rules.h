// SPDX-License-Identifier: Apache-2.0
// Which kinds of findings explain which, and how their connections have to do with each other then.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tcpdwell::analysis {

/// How the connections of a consequence have to do with those of its cause.
enum class Link : std::uint8_t {
    same_service, ///< both are about one service
    its_clients,  ///< they are of clients of the cause's service
    other_ends,   ///< they are the other ends, of clients or of servers
    its_process,  ///< the process that serves them is the one that connects in the cause
    same_process, ///< the process that connects is the one that serves those of the cause
    upstream,     ///< the process that serves them is a client of the cause's service
    same_host,    ///< one process connects to one host in both
    same_remote,  ///< they are to one endpoint
    after_each,   ///< a process closes each just after a connect of its own has failed
    behind_each, ///< a process closes each just after a connect of one it is a client of has failed
    with_each,   ///< a process closes each when one on its other side has lost its peer
};

/// What a consequence says besides: of those whose connections each go with one of the cause, how
/// many do.
struct Words {
    std::string_view before; ///< of how many
    std::string_view after;
    std::string_view advice; ///< instead of its own
    std::string_view why{};  ///< instead of its own inference
};

struct LinkRule {
    std::string_view consequence;
    std::string_view cause;
    Link link;
    const Words* words = nullptr;
    bool is_harmless = false; ///< the consequence makes the cause no worse
};

/// The first that fits counts.
std::span<const LinkRule> link_rules();

} // namespace tcpdwell::analysis
