// SPDX-License-Identifier: Apache-2.0
#include "recording/block_codec.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "event/record.h"
#include "recording/format.h"

namespace tcpdwell::recording {
namespace {

constexpr std::size_t kTimeWord = 1;
constexpr std::size_t kObjectWord = 2;
constexpr std::size_t kIdentityWord =
    3; ///< from here to kDetailWord: cookie and four-tuple, in most kinds
constexpr std::size_t kDetailWord = 9;
constexpr std::size_t kStreams = 6 + RecordHistory::kWords;
constexpr std::uint8_t kNewObject = 255;
constexpr std::size_t kMostShapes = 255;

/// Part of the format: what a record is predicted from depends on it.
std::uint64_t mix(std::uint64_t x) {
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    return x ^ (x >> 29);
}

void put_varint(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<char>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}

std::uint64_t zigzag(std::uint64_t difference) {
    return (difference << 1) ^ (0 - (difference >> 63));
}
std::uint64_t unzigzag(std::uint64_t value) { return (value >> 1) ^ (0 - (value & 1)); }

/// The bytes of a word that aren't 0, after one byte with a bit for each of them.
void put_sparse(std::string& out, std::uint64_t word) {
    std::array<char, 9> bytes;
    std::size_t size = 1;
    unsigned which = 0;
    for (unsigned i = 0; i < 8; ++i) {
        const auto byte = static_cast<std::uint8_t>(word >> (8 * i));
        if (byte == 0) continue;
        which |= 1U << i;
        bytes[size++] = static_cast<char>(byte);
    }
    bytes[0] = static_cast<char>(which);
    out.append(bytes.data(), size);
}

/// Stored as differences: whole words, not too many.
bool is_regular(std::size_t size) { return size % 8 == 0 && size / 8 <= RecordHistory::kWords; }

/// Reads one stream; past its end everything is 0 and `failed` is set.
class StreamReader {
public:
    StreamReader() = default;
    explicit StreamReader(std::string_view text) : text_(text) {}

    std::uint8_t byte() {
        if (at_ >= text_.size()) {
            failed_ = true;
            return 0;
        }
        return static_cast<std::uint8_t>(text_[at_++]);
    }
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t b = byte();
            value |= std::uint64_t{b & 0x7fU} << shift;
            if ((b & 0x80) == 0) return value;
        }
        failed_ = true;
        return 0;
    }
    std::uint64_t sparse() {
        const unsigned which = byte();
        std::uint64_t word = 0;
        for (unsigned i = 0; i < 8; ++i)
            if (which & (1U << i)) word |= std::uint64_t{byte()} << (8 * i);
        return word;
    }
    std::string_view bytes(std::size_t count) {
        if (count > text_.size() - at_) {
            failed_ = true;
            return {};
        }
        at_ += count;
        return text_.substr(at_ - count, count);
    }
    [[nodiscard]] bool failed() const { return failed_; }

private:
    std::string_view text_;
    std::size_t at_ = 0;
    bool failed_ = false;
};

} // namespace

// --- history

std::size_t RecordHistory::slot_of(std::uint8_t kind, std::uint64_t object) {
    return mix(object ^ (std::uint64_t{kind} << 56)) & (kSlots - 1);
}

void RecordHistory::clear() {
    slots_.fill(Slot{});
    last_of_shape_.fill(Place{});
    last_ = Place{};
    object_count_ = 0;
}

void RecordHistory::predict(const std::byte* records, unsigned shape, std::uint8_t kind,
                            std::size_t words, std::uint64_t object, Words& prediction) const {
    const auto copy = [&](const Place& place, std::size_t from, std::size_t to) {
        const std::size_t end = std::min<std::size_t>(to, place.words);
        if (from < end)
            std::memcpy(&prediction[from], records + place.begin + from * 8, (end - from) * 8);
    };
    const Slot& slot = slots_[slot_of(kind, object)];
    const bool is_known = slot.place.words != 0 && slot.object == object && slot.kind == kind;
    if (!is_known || slot.place.words < words) {
        const Place& like = last_of_shape_[shape];
        if (like.words < words) std::fill_n(prediction.begin(), words, 0);
        copy(like, 0, words);
    }
    if (is_known) {
        copy(slot.place, 0, words);
    } else if (last_.words >= kDetailWord) {
        copy(last_, kIdentityWord, std::min(words, kDetailWord));
    }
}

void RecordHistory::remember(Place place, unsigned shape, std::uint8_t kind, std::uint64_t object) {
    last_ = place;
    last_of_shape_[shape] = place;
    slots_[slot_of(kind, object)] = Slot{object, place, kind};
}

void RecordHistory::move_to_front(std::size_t position) {
    const std::uint64_t object = objects_[position];
    std::memmove(&objects_[1], objects_.data(), position * sizeof(object));
    objects_[0] = object;
}

std::optional<std::uint8_t> RecordHistory::find_object(std::uint64_t object) {
    for (std::size_t i = 0; i < object_count_; ++i) {
        if (objects_[i] != object) continue;
        move_to_front(i);
        return static_cast<std::uint8_t>(i);
    }
    return std::nullopt;
}

std::optional<std::uint64_t> RecordHistory::take_object(std::uint8_t position) {
    if (position >= object_count_) return std::nullopt;
    move_to_front(position);
    return objects_[0];
}

void RecordHistory::add_object(std::uint64_t object) {
    if (object_count_ < kObjects) ++object_count_;
    objects_[object_count_ - 1] = object;
    move_to_front(object_count_ - 1);
}

// --- encoder

std::optional<unsigned> BlockEncoder::shape_number(std::span<const std::byte> record) {
    const std::uint32_t shape = event::shape_of(record);
    // By kind and size in words: few shapes share a place.
    std::uint8_t& likely = likely_number_[(shape >> 16 ^ shape >> 3) % likely_number_.size()];
    if (likely < shapes_.size() && shapes_[likely] == shape) return likely;
    const auto it = std::find(shapes_.begin(), shapes_.end(), shape);
    const auto number = static_cast<std::uint8_t>(it - shapes_.begin());
    if (number == kMostShapes) return std::nullopt;
    if (it == shapes_.end()) shapes_.push_back(shape);
    return likely = number;
}

bool BlockEncoder::add(std::span<const std::byte> record) {
    const auto shape = shape_number(record);
    if (!shape) return false;
    if (count_ == 0) {
        history_.clear();
        known_.clear();
    }
    ++count_;
    raw_bytes_ += record.size();
    shape_stream_.push_back(static_cast<char>(*shape));
    if (!is_regular(record.size())) {
        raw_stream_.append(reinterpret_cast<const char*>(record.data() + 4), record.size() - 4);
        return true;
    }
    const std::size_t words = record.size() / 8;
    RecordHistory::Words now;
    std::memcpy(now.data(), record.data(), record.size());
    put_varint(time_stream_, zigzag(now[kTimeWord] - last_time_));
    last_time_ = now[kTimeWord];
    const std::uint64_t object = words > kObjectWord ? now[kObjectWord] : 0;
    if (words > kObjectWord) {
        if (const auto position = history_.find_object(object)) {
            object_stream_.push_back(static_cast<char>(*position));
        } else {
            object_stream_.push_back(static_cast<char>(kNewObject));
            history_.add_object(object);
            put_sparse(literal_stream_, object);
        }
    }
    const std::uint8_t kind = event::read_header(record).kind;
    RecordHistory::Words before;
    history_.predict(known_.data(), *shape, kind, words, object, before);
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < words; ++i) {
        if (i == kTimeWord || i == kObjectWord) continue;
        // The first word's lower half is the shape; its upper half, the namespace, is stored like
        // any other word.
        const std::uint64_t difference = i == 0 ? (now[0] ^ before[0]) >> 32 : now[i] ^ before[i];
        if (difference == 0) continue;
        mask |= std::uint64_t{1} << i;
        put_sparse(word_streams_[i], difference);
    }
    put_varint(mask_stream_, mask);
    history_.remember(
        {static_cast<std::uint32_t>(known_.size()), static_cast<std::uint16_t>(words)}, *shape,
        kind, object);
    known_.insert(known_.end(), record.begin(), record.end());
    return true;
}

std::string BlockEncoder::take() {
    std::string out;
    put_u32(out, count_);
    put_u32(out, static_cast<std::uint32_t>(raw_bytes_));
    put_u32(out, static_cast<std::uint32_t>(shapes_.size()));
    for (const std::uint32_t shape : shapes_) put_u32(out, shape);
    std::array<std::string*, kStreams> streams{&shape_stream_,   &time_stream_, &object_stream_,
                                               &literal_stream_, &mask_stream_, &raw_stream_};
    for (std::size_t i = 0; i < word_streams_.size(); ++i) streams[6 + i] = &word_streams_[i];
    for (const std::string* stream : streams)
        put_u32(out, static_cast<std::uint32_t>(stream->size()));
    for (std::string* stream : streams) {
        out += *stream;
        stream->clear();
    }
    shapes_.clear();
    count_ = 0;
    raw_bytes_ = 0;
    last_time_ = 0;
    return out;
}

// --- decoder

namespace {

/// An encoded block, taken apart into its streams.
class BlockDecoder {
public:
    /// False if the text can't be a block, or claims more than `most_bytes` or than it can hold.
    bool open(std::string_view text, std::size_t most_bytes);
    [[nodiscard]] std::size_t raw_bytes() const { return raw_bytes_; }
    /// Writes raw_bytes() bytes of records; false if they don't come out.
    bool decode(std::byte* records);

private:
    bool decode_regular(std::byte* records, std::size_t place, unsigned number,
                        std::uint32_t shape);
    bool take_object(std::uint64_t& object);

    std::uint32_t count_ = 0;
    std::uint32_t raw_bytes_ = 0;
    std::vector<std::uint32_t> shapes_;
    StreamReader shape_;
    StreamReader time_;
    StreamReader object_;
    StreamReader literal_;
    StreamReader mask_;
    StreamReader raw_;
    std::array<StreamReader, RecordHistory::kWords> words_;
    RecordHistory history_;
    std::uint64_t now_ = 0;
};

bool BlockDecoder::open(std::string_view text, std::size_t most_bytes) {
    StreamReader head(text);
    const auto u32 = [&head] {
        std::uint32_t value = 0;
        for (unsigned i = 0; i < 4; ++i) value |= std::uint32_t{head.byte()} << (8 * i);
        return value;
    };
    count_ = u32();
    raw_bytes_ = u32();
    const std::uint32_t shape_count = u32();
    if (head.failed() || raw_bytes_ > most_bytes || shape_count > kMostShapes) return false;
    // A record takes one byte of text at least, and stands for kWords words at most.
    if (count_ > text.size() || raw_bytes_ / (8 * RecordHistory::kWords) > text.size())
        return false;
    shapes_.resize(shape_count);
    for (std::uint32_t& shape : shapes_) shape = u32();
    std::array<StreamReader*, kStreams> streams{&shape_,   &time_, &object_,
                                                &literal_, &mask_, &raw_};
    for (std::size_t i = 0; i < words_.size(); ++i) streams[6 + i] = &words_[i];
    std::array<std::uint32_t, kStreams> sizes;
    for (std::uint32_t& size : sizes) size = u32();
    for (std::size_t i = 0; i < kStreams; ++i) *streams[i] = StreamReader(head.bytes(sizes[i]));
    history_.clear();
    now_ = 0;
    return !head.failed();
}

bool BlockDecoder::take_object(std::uint64_t& object) {
    const std::uint8_t position = object_.byte();
    if (position == kNewObject) {
        object = literal_.sparse();
        history_.add_object(object);
        return true;
    }
    const auto known = history_.take_object(position);
    if (known) object = *known;
    return known.has_value();
}

bool BlockDecoder::decode_regular(std::byte* records, std::size_t place, unsigned number,
                                  std::uint32_t shape) {
    const std::size_t words = event::size_of_shape(shape) / 8;
    const std::uint8_t kind = event::kind_of_shape(shape);
    now_ += unzigzag(time_.varint());
    std::uint64_t object = 0;
    if (words > kObjectWord && !take_object(object)) return false;
    RecordHistory::Words now;
    history_.predict(records, number, kind, words, object, now);
    std::uint64_t mask = mask_.varint();
    if (mask >> words != 0) return false;
    std::uint64_t netns = now[0] >> 32;
    for (; mask != 0; mask &= mask - 1) {
        const auto word = static_cast<std::size_t>(std::countr_zero(mask));
        const std::uint64_t difference = words_[word].sparse();
        if (word == 0)
            netns ^= difference & 0xffffffff;
        else
            now[word] ^= difference;
    }
    now[0] = (netns << 32) | shape;
    now[kTimeWord] = now_;
    if (words > kObjectWord) now[kObjectWord] = object;
    std::memcpy(records + place, now.data(), words * 8);
    history_.remember({static_cast<std::uint32_t>(place), static_cast<std::uint16_t>(words)},
                      number, kind, object);
    return true;
}

bool BlockDecoder::decode(std::byte* records) {
    std::size_t place = 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
        const std::uint8_t number = shape_.byte();
        if (shape_.failed() || number >= shapes_.size()) return false;
        const std::uint32_t shape = shapes_[number];
        const std::size_t size = event::size_of_shape(shape);
        if (size < sizeof(td_header) || size > raw_bytes_ - place) return false;
        if (is_regular(size)) {
            if (!decode_regular(records, place, number, shape)) return false;
        } else {
            const std::string_view bytes = raw_.bytes(size - 4);
            if (raw_.failed()) return false;
            event::write_shape(records + place, shape);
            std::memcpy(records + place + 4, bytes.data(), bytes.size());
        }
        place += size;
    }
    bool is_right = place == raw_bytes_;
    for (const StreamReader* stream : {&time_, &object_, &literal_, &mask_})
        is_right = is_right && !stream->failed();
    for (const StreamReader& stream : words_) is_right = is_right && !stream.failed();
    return is_right;
}

} // namespace

bool decode_block(std::string_view text, std::size_t most_bytes, std::vector<std::byte>& out) {
    static thread_local BlockDecoder decoder; // its history is too large for the stack
    if (!decoder.open(text, most_bytes)) return false;
    const std::size_t begin = out.size();
    out.resize(begin + decoder.raw_bytes());
    const bool is_right = decoder.decode(out.data() + begin);
    if (!is_right) out.resize(begin);
    return is_right;
}

} // namespace tcpdwell::recording
