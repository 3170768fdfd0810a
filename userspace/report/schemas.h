// SPDX-License-Identifier: Apache-2.0
// The kinds of rows that `trace` prints. Their JSON keys are an interface: new keys come last, none
// is renamed.
#pragma once

#include "report/column.h"

namespace tcpdwell::report {

/// One state transition: time, conn, netns, family, local, remote, role, from, to, dwell_ns,
/// process, cgroup, uid, cookie, container.
const Schema& transition_schema();

/// One connection: conn, netns, family, local, remote, role, process, cgroup, uid, opened, closed,
/// states, closed_first, ending, ending_detail, time_wait, seen, closed_by, cookie, accept, bytes,
/// segments, rtt, limited_ns, idle, transport, holders, mptcp_state, peer_window, retransmits,
/// probes, container.
const Schema& connection_schema();

/// A place where events were lost: time, events.
const Schema& lost_schema();

/// An RST that this host sent for a segment that belongs to no connection: time, netns, local,
/// remote, reason, process, left_out.
const Schema& stray_reset_schema();

} // namespace tcpdwell::report
