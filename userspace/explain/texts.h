// SPDX-License-Identifier: Apache-2.0
// The texts, by topic. Private to this directory: explain.h gives access to all of them.
// They hold for Linux 5.8 and later; where kernels differ, the text names the version.
#pragma once

#include <span>
#include <string_view>

#include "explain/explain.h"

namespace tcpdwell::explain::texts {

std::span<const Explanation> states();
std::span<const Explanation> endings(); ///< values of `ending`, `closed_first`, `role` and `seen`
std::span<const Explanation> ending_details(); ///< values of `ending_detail`
std::span<const Explanation> time_wait_ends(); ///< values of `time_wait.end`
std::span<const Explanation> findings();       ///< on states, tables and the trace itself
std::span<const Explanation> causes(); ///< findings that name what ended or holds connections
std::span<const Explanation> sysctls();
std::span<const Explanation> columns();
std::span<const Explanation> myths();

// Full names, so that a typing error doesn't compile.
inline constexpr std::string_view kTwReuse = "net.ipv4.tcp_tw_reuse";
inline constexpr std::string_view kTwReuseDelay = "net.ipv4.tcp_tw_reuse_delay";
inline constexpr std::string_view kTwRecycle = "net.ipv4.tcp_tw_recycle";
inline constexpr std::string_view kFinTimeout = "net.ipv4.tcp_fin_timeout";
inline constexpr std::string_view kMaxTwBuckets = "net.ipv4.tcp_max_tw_buckets";
inline constexpr std::string_view kRfc1337 = "net.ipv4.tcp_rfc1337";
inline constexpr std::string_view kTimestamps = "net.ipv4.tcp_timestamps";
inline constexpr std::string_view kLocalPortRange = "net.ipv4.ip_local_port_range";
inline constexpr std::string_view kLocalReservedPorts = "net.ipv4.ip_local_reserved_ports";
inline constexpr std::string_view kSyncookies = "net.ipv4.tcp_syncookies";
inline constexpr std::string_view kMaxSynBacklog = "net.ipv4.tcp_max_syn_backlog";
inline constexpr std::string_view kSomaxconn = "net.core.somaxconn";
inline constexpr std::string_view kAbortOnOverflow = "net.ipv4.tcp_abort_on_overflow";
inline constexpr std::string_view kMigrateReq = "net.ipv4.tcp_migrate_req";
inline constexpr std::string_view kSynRetries = "net.ipv4.tcp_syn_retries";
inline constexpr std::string_view kSynackRetries = "net.ipv4.tcp_synack_retries";
inline constexpr std::string_view kRetries2 = "net.ipv4.tcp_retries2";
inline constexpr std::string_view kOrphanRetries = "net.ipv4.tcp_orphan_retries";
inline constexpr std::string_view kMaxOrphans = "net.ipv4.tcp_max_orphans";
inline constexpr std::string_view kKeepaliveTime = "net.ipv4.tcp_keepalive_time";
inline constexpr std::string_view kKeepaliveIntvl = "net.ipv4.tcp_keepalive_intvl";
inline constexpr std::string_view kKeepaliveProbes = "net.ipv4.tcp_keepalive_probes";

/// A list of names that lives as long as the program.
template <const std::string_view&... names>
inline constexpr std::string_view kOf[] = {names...};

} // namespace tcpdwell::explain::texts
