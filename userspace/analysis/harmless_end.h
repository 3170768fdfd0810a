// SPDX-License-Identifier: Apache-2.0
// Ends by an RST that takes nothing away from anybody who still wanted it.
#pragma once

#include "track/connection.h"

namespace tcpdwell::analysis {

/// Whether an RST came when nothing was left to lose: the peer had acknowledged all data, and
/// either also the FIN of a program that had closed, or nothing but that FIN was outstanding, both
/// sides having closed. So end peers whose FIN_WAIT2 has expired, and those that close with
/// SO_LINGER 0 when the FIN has come.
bool was_over_already(const track::ConnectionLine& line);

/// Whether what a client has sent was acknowledged, and what it was sent was read: an RST takes
/// nothing away.
bool loses_nothing(const track::ConnectionLine& line);

/// Whether a client closed with something unread, or just before something came, that it hadn't
/// waited for: the answer to its closing message, TLS's close_notify, the rest of a page whose
/// beginning was enough. What it had sent itself was acknowledged.
bool has_discarded(const track::ConnectionLine& line);

/// Whether a client closed while what it had asked for at the beginning was still coming.
bool has_left_a_stream(const track::ConnectionLine& line);

} // namespace tcpdwell::analysis
