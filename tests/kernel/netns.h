// SPDX-License-Identifier: Apache-2.0
// A network namespace for the calling thread or process, set up with system calls only: the tests
// also run where there is no ip(8).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tcpdwell::test {

/// Moves the calling thread into a new network namespace and brings its loopback device up. Throws
/// std::system_error.
void enter_new_netns();

/// Inode of the calling thread's network namespace, as the tracer names it.
std::uint32_t current_netns();

/// Gives the loopback device the address 10.9.0.1, and routes 10.9.9.0/24 to it. NullListener lives
/// there: what the kernel sends to 10.9.9.x leaves on lo, can be read from a packet socket, and is
/// then dropped without an answer.
void add_phantom_network();

/// Writes /proc/sys/net/`name` of the thread's namespace ("ipv4/tcp_fin_timeout"). Throws
/// std::system_error.
void write_sysctl(std::string_view name, const std::string& value);

/// Whether /proc/sys/net/`name` exists here.
bool has_sysctl(std::string_view name);

} // namespace tcpdwell::test
