// SPDX-License-Identifier: Apache-2.0
// Reading wire records where they are passed on undecoded.
#pragma once

#include <cstddef>
#include <cstring>
#include <optional>
#include <span>

#include "tcpdwell/wire.h"

namespace tcpdwell {

/// A copy of the beginning of a record as T; nullopt: it is too short.
template <class T>
std::optional<T> as(std::span<const std::byte> record) {
    if (record.size() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, record.data(), sizeof(T));
    return value;
}

/// The header of a whole record.
inline td_header read_header(std::span<const std::byte> record) {
    td_header header;
    std::memcpy(&header, record.data(), sizeof(header));
    return header;
}

/// The record that a run of whole records begins with; empty if the run is.
inline std::span<const std::byte> first_record(std::span<const std::byte> run) {
    return run.empty() ? run : run.first(read_header(run).size);
}

/// Calls `visit` with each record of a run of whole records.
template <class Visit>
void for_each_record(std::span<const std::byte> run, const Visit& visit) {
    for (auto record = first_record(run); !record.empty(); record = first_record(run)) {
        visit(record);
        run = run.subspan(record.size());
    }
}

} // namespace tcpdwell
