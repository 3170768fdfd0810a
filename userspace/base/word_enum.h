// SPDX-License-Identifier: Apache-2.0
// Enums whose values are words of the interface. One list of X(value, "word") gives the enum, its
// words, their number, and arrays that are indexed by the enum:
//
//     #define TCPDWELL_SEEN_LIST(X) X(whole, "whole") X(joined, "joined") X(gap, "gap")
//     TCPDWELL_WORD_ENUM(Seen, TCPDWELL_SEEN_LIST)
//
// Whatever depends on the values is sized from the list, so that a new row needs no other array.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tcpdwell {

template <class E>
struct EnumWord {
    E value;
    std::string_view text;
};

#define TCPDWELL_ENUMERATOR(value, ...) value,
#define TCPDWELL_ENUM_WORD(value, text, ...) {value, text},

/// enum class Enum, numbered from 0 in the order of LIST, and what TCPDWELL_ENUM_WORDS adds.
#define TCPDWELL_WORD_ENUM(Enum, LIST)                            \
    enum class Enum : std::uint8_t { LIST(TCPDWELL_ENUMERATOR) }; \
    TCPDWELL_ENUM_WORDS(Enum, LIST)

/// For an enum whose values are consecutive, each in LIST once, in any order: name(value), and
/// what the templates below are made from.
#define TCPDWELL_ENUM_WORDS(Enum, LIST)                                               \
    constexpr auto words_of(Enum) {                                                   \
        using enum Enum;                                                              \
        return std::to_array<::tcpdwell::EnumWord<Enum>>({LIST(TCPDWELL_ENUM_WORD)}); \
    }                                                                                 \
    /** The word of a value; "" for a number that isn't one of the values. */         \
    constexpr std::string_view name(Enum value) { return ::tcpdwell::word_for(value); }

/// How many values the enum has.
template <class E>
inline constexpr std::size_t kCountOf = words_of(E{}).size();

/// All values in the order of the list.
template <class E>
inline constexpr std::array<E, kCountOf<E>> kAllOf = [] {
    std::array<E, kCountOf<E>> all{};
    std::ranges::transform(words_of(E{}), all.begin(), &EnumWord<E>::value);
    return all;
}();

/// The place of a value among all of them, by number: 0 to kCountOf<E> - 1.
template <class E>
constexpr std::size_t index_of(E value) {
    constexpr auto kFirst = static_cast<std::size_t>(*std::ranges::min_element(kAllOf<E>));
    return static_cast<std::size_t>(value) - kFirst;
}

/// One T for each value of E.
template <class E, class T>
class EnumArray {
public:
    using value_type = T;
    using const_iterator = typename std::array<T, kCountOf<E>>::const_iterator;
    [[nodiscard]] constexpr T& operator[](E at) { return values_[index_of(at)]; }
    [[nodiscard]] constexpr const T& operator[](E at) const { return values_[index_of(at)]; }
    [[nodiscard]] constexpr auto begin() { return values_.begin(); } ///< by number, as the rest
    [[nodiscard]] constexpr auto end() { return values_.end(); }
    [[nodiscard]] constexpr auto begin() const { return values_.begin(); }
    [[nodiscard]] constexpr auto end() const { return values_.end(); }
    bool operator==(const EnumArray&) const = default;

private:
    std::array<T, kCountOf<E>> values_{};
};

/// The words by number; doesn't compile if the values have a hole or one is twice in the list.
template <class E>
inline constexpr EnumArray<E, std::string_view> kWordsOf = [] {
    EnumArray<E, std::string_view> words;
    EnumArray<E, bool> has_word;
    for (const auto& [value, text] : words_of(E{})) {
        if (index_of(value) >= kCountOf<E> || has_word[value]) throw "values aren't consecutive";
        has_word[value] = true;
        words[value] = text;
    }
    return words;
}();

template <class E>
constexpr std::string_view word_for(E value) {
    return index_of(value) < kCountOf<E> ? kWordsOf<E>[value] : std::string_view();
}

/// The value that is called `word`; nullopt: none is.
template <class E>
constexpr std::optional<E> from_word(std::string_view word) {
    for (const auto& [value, text] : words_of(E{}))
        if (text == word) return value;
    return std::nullopt;
}

} // namespace tcpdwell
