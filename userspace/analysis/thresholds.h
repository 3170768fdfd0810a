// SPDX-License-Identifier: Apache-2.0
// Limits from which on something is a finding. Every threshold has a name, a default and a unit,
// and can be set.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace tcpdwell::analysis {

struct ThresholdRow {
    std::string_view name; ///< FINDING.WHAT
    enum class Unit : std::uint8_t { count, share, duration } unit;
    double preset; ///< a number, a share from 0 to 1, or seconds
    std::string_view help;
    std::string_view why; ///< the preset is what it is
};

class Thresholds {
public:
    static std::span<const ThresholdRow> rows();

    /// From "NAME=VALUE": a whole number, a share (0.5 or 50%), or a time (500ms, 30s, 5m, 1h; a
    /// bare number is seconds). ErrorCode::usage names the error and the valid forms.
    Result<void> set(std::string_view text);

    /// `name` must be that of a row.
    [[nodiscard]] double value(std::string_view name) const;
    [[nodiscard]] std::uint64_t count(std::string_view name) const;
    [[nodiscard]] Nanoseconds duration(std::string_view name) const;

private:
    static constexpr std::size_t kRows = 42;
    std::array<double, kRows> set_{};
    std::array<bool, kRows> is_set_{};
};

} // namespace tcpdwell::analysis
