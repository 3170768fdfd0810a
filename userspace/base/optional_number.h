// SPDX-License-Identifier: Apache-2.0
// A number that may not be known, in no more room than the number takes: there are millions.
#pragma once

#include <limits>
#include <optional>

namespace tcpdwell {

/// As std::optional<T>, to and from which it converts. The largest T can't be kept.
template <class T>
class OptionalNumber {
public:
    constexpr OptionalNumber() = default;
    constexpr OptionalNumber(T number) : number_(number) {}
    constexpr OptionalNumber(std::optional<T> number) : number_(number.value_or(kUnknown)) {}
    constexpr operator std::optional<T>() const {
        return has_value() ? std::optional(number_) : std::nullopt;
    }

    [[nodiscard]] constexpr bool has_value() const { return number_ != kUnknown; }
    constexpr explicit operator bool() const { return has_value(); }
    /// has_value() must hold.
    constexpr T operator*() const { return number_; }
    [[nodiscard]] constexpr T value_or(T other) const { return has_value() ? number_ : other; }
    bool operator==(const OptionalNumber&) const = default;

private:
    static constexpr T kUnknown = std::numeric_limits<T>::max();
    T number_ = kUnknown;
};

} // namespace tcpdwell
