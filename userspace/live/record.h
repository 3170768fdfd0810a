// SPDX-License-Identifier: Apache-2.0
// Reading wire records where they are passed on undecoded.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

#include "tcpdwell/wire.h"

namespace tcpdwell {

/// A copy of the fixed part of a record, which must be at least as long as T.
template <class T>
T as(std::span<const std::byte> record) {
    T value;
    std::memcpy(&value, record.data(), sizeof(T));
    return value;
}

/// Calls `visit` with each record of a run of whole records.
template <class Visit>
void for_each_record(std::span<const std::byte> run, const Visit& visit) {
    while (!run.empty()) {
        const auto size = as<td_header>(run).size;
        visit(run.first(size));
        run = run.subspan(size);
    }
}

} // namespace tcpdwell
