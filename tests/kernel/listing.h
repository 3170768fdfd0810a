// SPDX-License-Identifier: Apache-2.0
// The kernel's own list of TCP sockets and a tracer's, as sets that can be compared.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace tcpdwell::test {

/// One end of a connection and where it is now; "ADDR.PORT", as tcpdump(8) writes it.
struct Listed {
    std::uint32_t netns = 0;
    std::string local;
    std::string remote;
    std::string state;

    auto operator<=>(const Listed&) const = default;
    [[nodiscard]] std::string text() const { return local + " > " + remote + " " + state; }
};

using Listing = std::multiset<Listed>;

/// What NETLINK_SOCK_DIAG lists in the calling thread's network namespace, both families: full
/// sockets, mini-sockets by their substate, request sockets. Not: listeners, which are no
/// connections. Throws std::system_error.
Listing kernel_listing();

/// The same, once it hasn't changed for so long: looks again and again, for `limit` at most. Throws
/// std::runtime_error if it still changes then.
Listing settled_kernel_listing(std::chrono::nanoseconds unchanged, std::chrono::nanoseconds limit);

/// What the kernel listed just before and just after the tracer's listing was made, as far as
/// either says that it was there all the time or at one of the two: where they differ, the tracer
/// may agree with either of them.
Listing adjusted(const Listing& before, const Listing& after, const Listing& tracer);

/// The connections that are still there when tracing stops, by the last of their states. Throws
/// json::exception for a connection line of another shape.
Listing tracer_listing(std::span<const nlohmann::json> lines);

/// Whether the tracer's listing differs only by being late: it has an end in an earlier state than
/// the kernel, or one that is no more, or one whose local port it hasn't heard of, or admits a gap.
bool is_merely_late(const Listing& kernel, const Listing& tracer,
                    std::span<const nlohmann::json> lines);

/// One line of text for each that only one of the two has; "" if they are equal. `lines` are the
/// tracer's, of which those about the same ends are quoted.
std::string differences(const Listing& kernel, const Listing& tracer,
                        std::span<const nlohmann::json> lines);

} // namespace tcpdwell::test
