// SPDX-License-Identifier: Apache-2.0
#include "tcp/flow.h"

#include "tcpdwell/flow.h"

#include <span>

namespace tcpdwell::tcp {
namespace {

std::uint64_t big_endian(std::span<const std::uint8_t, 8> bytes) {
    std::uint64_t number = 0;
    for (const std::uint8_t byte : bytes) number = number << 8 | byte;
    return number;
}

td_flow_end end_of(const Endpoint& endpoint) {
    const std::span<const std::uint8_t, 16> bytes(endpoint.address.bytes);
    return {big_endian(bytes.first<8>()), big_endian(bytes.last<8>()), endpoint.port};
}

} // namespace

std::uint64_t flow_of(const FourTuple& tuple) {
    return td_flow(end_of(tuple.local), end_of(tuple.remote));
}

} // namespace tcpdwell::tcp
