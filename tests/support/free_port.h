// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tcpdwell::test {

/// A TCP port of 127.0.0.1 that nobody is bound to, for a server that is to bind it later, or
/// never. It is none of net.ipv4.ip_local_port_range: the kernel gives those to whoever connects or
/// binds port 0 meanwhile, which tests that run beside this one do.
[[nodiscard]] std::uint16_t free_port();

} // namespace tcpdwell::test
