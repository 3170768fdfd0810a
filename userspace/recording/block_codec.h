// SPDX-License-Identifier: Apache-2.0
// Compact wire records: each is stored as its differences from an earlier one. The inverse returns
// the same bytes. FORMAT.md describes the layout.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tcpdwell::recording {

/// What encoder and decoder have in common: where similar records of the block so far are. The
/// records themselves stand one after the other in memory of the caller's, who gives its beginning.
class RecordHistory {
public:
    static constexpr std::size_t kWords =
        32; ///< of the longest record that is stored as differences
    using Words = std::array<std::uint64_t, kWords>;
    /// A record stored as differences: where it begins, in bytes, and how many words it has; 0:
    /// there is none.
    struct Place {
        std::uint32_t begin = 0;
        std::uint16_t words = 0;
    };

    void clear();
    /// The record that one of this shape about this object is most like; all zero if there is none.
    void predict(const std::byte* records, unsigned shape, std::uint8_t kind, std::size_t words,
                 std::uint64_t object, Words& prediction) const;
    void remember(Place place, unsigned shape, std::uint8_t kind, std::uint64_t object);

    /// Position of `object` among the last different ones, and moves it to the front; nullopt if it
    /// isn't there.
    std::optional<std::uint8_t> find_object(std::uint64_t object);
    /// The object at a position, moved to the front; nullopt if there are fewer.
    std::optional<std::uint64_t> take_object(std::uint8_t position);
    void add_object(std::uint64_t object);

private:
    static constexpr std::size_t kSlots = 4096; ///< a power of two
    static constexpr std::size_t kObjects = 64;
    static constexpr std::size_t kShapes = 256;
    struct Slot {
        std::uint64_t object = 0;
        Place place;
        std::uint8_t kind = 0;
    };
    static std::size_t slot_of(std::uint8_t kind, std::uint64_t object);
    void move_to_front(std::size_t position);

    std::array<Slot, kSlots> slots_{};
    std::array<Place, kShapes> last_of_shape_{};
    Place last_;
    std::array<std::uint64_t, kObjects> objects_{};
    std::size_t object_count_ = 0;
};

/// Collects the records of one block.
class BlockEncoder {
public:
    /// `record` is one whole record: at least a td_header, whose size is that of the span. False if
    /// it doesn't fit: a block holds 255 shapes (kind and size) at most.
    bool add(std::span<const std::byte> record);

    [[nodiscard]] std::uint32_t records() const { return count_; }
    [[nodiscard]] std::size_t raw_bytes() const {
        return raw_bytes_;
    } ///< of the records as they came
    /// The encoded block; the encoder is empty again.
    std::string take();

private:
    std::optional<unsigned> shape_number(std::span<const std::byte> record);

    RecordHistory history_;
    std::vector<std::byte> known_; ///< the records that history_ knows
    std::vector<std::uint32_t> shapes_;
    std::array<std::uint8_t, 256> likely_number_{}; ///< where a shape stands in shapes_
    std::uint32_t count_ = 0;
    std::size_t raw_bytes_ = 0;
    std::uint64_t last_time_ = 0;
    std::string shape_stream_;
    std::string time_stream_;
    std::string object_stream_;
    std::string literal_stream_;
    std::string mask_stream_;
    std::array<std::string, RecordHistory::kWords> word_streams_;
    std::string raw_stream_;
};

/// Appends the records of an encoded block to `out`, one after the other. False if the text is not
/// what an encoder made: nothing beyond `most_bytes` is ever written, nothing read beyond the text.
/// Memory: `out`, which grows by what the text claims and `most_bytes` allows.
bool decode_block(std::string_view text, std::size_t most_bytes, std::vector<std::byte>& out);

} // namespace tcpdwell::recording
