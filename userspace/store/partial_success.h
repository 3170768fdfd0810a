// SPDX-License-Identifier: Apache-2.0
// What a collector leaves out of a request that it accepts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tcpdwell::store {

/// What a collector of OpenTelemetry says of a request that it has accepted in part
/// (opentelemetry-proto 1.5, ExportLogsPartialSuccess); 0 records where the answer says nothing.
struct PartialSuccess {
    std::uint64_t rejected_records = 0;
    std::string words; ///< printable; why they are, or a warning where none is
};
PartialSuccess partial_success(std::string_view answer);

} // namespace tcpdwell::store
