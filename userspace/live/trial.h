// SPDX-License-Identifier: Apache-2.0
// Programs tried on a connection of our own: that the kernel accepts them doesn't mean that they
// fire, or that they read what they should.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "live/probe_plan.h"

namespace tcpdwell::live {

/// A connection over 127.0.0.1 in a network namespace of our own. The client closes first, is
/// acknowledged, and gets the other FIN when it is a mini-socket in FIN_WAIT2; then its port is
/// taken by another connect, which ends its TIME_WAIT. So it passes SYN_RECV, FIN_WAIT2 and
/// TIME_WAIT.
struct OwnConnection {
    std::uint16_t client_port = 0;
    std::uint16_t server_port = 0;
};

/// What is to be seen of it.
class TrialObserver {
public:
    virtual ~TrialObserver() = default;
    /// A record of such a connection, or of what else there is in the namespace: the connect that
    /// takes its port.
    virtual void on_record(const OwnConnection& connection, std::span<const std::byte> record) = 0;
    /// What hasn't been seen yet; "" if nothing is missing.
    [[nodiscard]] virtual std::string_view missing() const = 0;
};

/// How a trial ended.
struct Trial {
    enum class Outcome {
        seen,     ///< all that was to be seen
        not_seen, ///< `why` is what is missing
        refused,  ///< by the kernel: `why` is its error
        not_made, ///< no connection could be made: `why` is the reason
    };
    Outcome outcome = Outcome::not_made;
    std::string why;
};

/// A plan of these programs and nothing else.
ProbePlan trial_plan(ProbeSet set, std::initializer_list<Program> programs);

/// Loads and attaches the plan's programs, and makes such connections until `sight` misses nothing,
/// or it can be expected no longer. Takes some 100 ms, 1.5 s if something stays unseen, and nothing
/// where the kernel refuses the programs. Needs CAP_SYS_ADMIN and CAP_NET_ADMIN for the namespace,
/// or user namespaces.
Trial try_programs(const ProbePlan& plan, TrialObserver& sight);

} // namespace tcpdwell::live
