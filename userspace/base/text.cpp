// SPDX-License-Identifier: Apache-2.0
// A UTF-8 decoder that accepts what Unicode (table 3-7) accepts, and what is made with it.
#include "base/text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tcpdwell {
namespace {

/// The first character of a text, or the longest piece at its beginning that could still have
/// become one.
struct Character {
    std::size_t size;
    char32_t code;
    bool valid;
};

/// `text` must not be empty.
Character first_character(std::string_view text) {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {1, lead, true};
    if (lead < 0xc2 || lead > 0xf4) return {1, 0, false};

    const std::size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    // The second byte is what keeps out overlong forms, surrogates and codes over U+10FFFF.
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;

    char32_t code = lead & (0xffu >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if (i == text.size() || byte(i) < low || byte(i) > high) return {i, 0, false};
        code = code << 6 | (byte(i) & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    return {size, code, true};
}

bool is_printable(char32_t code) {
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false; // C0, DEL, C1
    if (code == 0x2028 || code == 0x2029) return false;             // line and paragraph separator
    return code != 0x200e && code != 0x200f &&
           code != 0x061c && // direction marks, embeddings, isolates
           !(code >= 0x202a && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

bool is_plain_in_json(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

template <typename Word>
Word load(std::string_view bytes, std::size_t at) {
    Word word;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    return word;
}

/// The same of the eight bytes of a word: nearly all strings are plain, and there are many.
bool are_plain_in_json(std::uint64_t word) {
    constexpr std::uint64_t kOnes = 0x0101010101010101, kHigh = 0x80 * kOnes;
    // Of each byte the highest bit: 0x7f + 1 sets it, and so does a borrow by one below 0x20, or
    // by 0.
    const std::uint64_t quotes = word ^ ('"' * kOnes), backslashes = word ^ ('\\' * kOnes);
    return ((word | (word + kOnes) | (word - 0x20 * kOnes) | ((quotes - kOnes) & ~quotes) |
             ((backslashes - kOnes) & ~backslashes)) &
            kHigh) == 0;
}

/// None of the characters that are escaped is over U+FFFF.
void append_json_escape(std::string& out, char32_t code) {
    switch (code) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
    }
    constexpr char kHex[] = "0123456789ABCDEF";
    out += "\\u";
    for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[(code >> shift) & 15];
}

} // namespace

std::size_t append_printable(std::string& out, std::string_view bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::size_t characters = 0;
    while (!bytes.empty()) {
        const Character next = first_character(bytes);
        const std::string_view piece = bytes.substr(0, next.size);
        if (next.valid && is_printable(next.code)) {
            out += piece;
            ++characters;
        } else {
            for (const char c : piece) {
                const auto value = static_cast<unsigned char>(c);
                out += {'\\', 'x', kDigits[value >> 4], kDigits[value & 15]};
                characters += 4;
            }
        }
        bytes.remove_prefix(next.size);
    }
    return characters;
}

std::string printable(std::string_view bytes) {
    std::string out;
    append_printable(out, bytes);
    return out;
}

bool is_plain_in_json(std::string_view bytes) {
    const std::size_t size = bytes.size();
    if (size < 4) return std::ranges::all_of(bytes, [](char c) { return is_plain_in_json(c); });
    if (size < 8)
        return are_plain_in_json(load<std::uint32_t>(bytes, 0) |
                                 std::uint64_t{load<std::uint32_t>(bytes, size - 4)} << 32);
    for (std::size_t at = 0; at + 8 < size; at += 8)
        if (!are_plain_in_json(load<std::uint64_t>(bytes, at))) return false;
    return are_plain_in_json(load<std::uint64_t>(bytes, size - 8));
}

void append_json_string(std::string& out, std::string_view bytes) {
    out += '"';
    while (!bytes.empty()) {
        std::size_t plain = 0;
        while (plain < bytes.size() && is_plain_in_json(bytes[plain])) ++plain;
        out += bytes.substr(0, plain);
        bytes.remove_prefix(plain);
        if (bytes.empty()) break;
        const Character next = first_character(bytes);
        if (!next.valid)
            out += "\xef\xbf\xbd";
        else if (next.code < 0x80 || !is_printable(next.code))
            append_json_escape(out, next.code);
        else
            out += bytes.substr(0, next.size);
        bytes.remove_prefix(next.size);
    }
    out += '"';
}

} // namespace tcpdwell
