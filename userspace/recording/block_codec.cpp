// SPDX-License-Identifier: Apache-2.0
#include "recording/block_codec.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "tcpdwell/wire.h"

namespace tcpdwell {
namespace {

constexpr std::size_t kTimeWord = 1;
constexpr std::size_t kObjectWord = 2;
constexpr std::size_t kIdentityWord = 3; ///< from here to kDetailWord: cookie and four-tuple, in most kinds
constexpr std::size_t kDetailWord = 9;
constexpr std::size_t kStreams = 6 + RecordHistory::kWords;
constexpr std::uint8_t kNewObject = 255;
constexpr std::size_t kMostShapes = 255;

std::uint64_t mix(std::uint64_t x) { // finaliser of SplitMix64, shortened
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    return x ^ (x >> 29);
}

void put_u32(std::string& out, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void put_varint(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<char>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}

std::uint64_t zigzag(std::uint64_t difference) { return (difference << 1) ^ (0 - (difference >> 63)); }
std::uint64_t unzigzag(std::uint64_t value) { return (value >> 1) ^ (0 - (value & 1)); }

/// The bytes of a word that aren't 0, after one byte that says which.
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

/// Told by differences: whole words, not too many.
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
    words_.clear();
    records_.clear();
    slots_.fill(Slot{});
    last_of_shape_.fill(0);
    object_count_ = 0;
}

void RecordHistory::predict(unsigned shape, std::uint8_t kind, std::size_t words, std::uint64_t object,
                            Words& prediction) const {
    const auto copy = [&](std::uint32_t number, std::size_t from, std::size_t to) {
        const Place& place = records_[number - 1];
        const std::size_t end = std::min<std::size_t>(to, place.words);
        for (std::size_t i = from; i < end; ++i) prediction[i] = words_[place.begin + i];
    };
    std::fill(prediction.begin(), prediction.begin() + static_cast<std::ptrdiff_t>(words), 0);
    if (last_of_shape_[shape] != 0) copy(last_of_shape_[shape], 0, words);
    const Slot& slot = slots_[slot_of(kind, object)];
    if (slot.record != 0 && slot.object == object && slot.kind == kind) {
        copy(slot.record, 0, words);
    } else if (!records_.empty() && records_.back().words >= kDetailWord) {
        copy(static_cast<std::uint32_t>(records_.size()), kIdentityWord, std::min(words, kDetailWord));
    }
}

void RecordHistory::remember(unsigned shape, std::uint8_t kind, std::size_t words, std::uint64_t object,
                             const Words& record) {
    records_.push_back({static_cast<std::uint32_t>(words_.size()), static_cast<std::uint32_t>(words)});
    words_.insert(words_.end(), record.begin(), record.begin() + static_cast<std::ptrdiff_t>(words));
    const auto number = static_cast<std::uint32_t>(records_.size());
    last_of_shape_[shape] = number;
    slots_[slot_of(kind, object)] = Slot{object, number, kind};
}

std::optional<std::uint8_t> RecordHistory::find_object(std::uint64_t object) {
    for (std::size_t i = 0; i < object_count_; ++i) {
        if (objects_[i] != object) continue;
        std::copy_backward(objects_.begin(), objects_.begin() + static_cast<std::ptrdiff_t>(i),
                           objects_.begin() + static_cast<std::ptrdiff_t>(i + 1));
        objects_[0] = object;
        return static_cast<std::uint8_t>(i);
    }
    return std::nullopt;
}

std::optional<std::uint64_t> RecordHistory::take_object(std::uint8_t position) {
    if (position >= object_count_) return std::nullopt;
    const std::uint64_t object = objects_[position];
    return find_object(object) ? std::optional(object) : std::nullopt;
}

void RecordHistory::add_object(std::uint64_t object) {
    if (object_count_ < kObjects) ++object_count_;
    std::copy_backward(objects_.begin(), objects_.begin() + static_cast<std::ptrdiff_t>(object_count_ - 1),
                       objects_.begin() + static_cast<std::ptrdiff_t>(object_count_));
    objects_[0] = object;
}

// --- encoder

std::optional<unsigned> BlockEncoder::shape_of(std::span<const std::byte> record) {
    std::uint32_t shape = 0; // size, kind and reserved: the first four bytes
    std::memcpy(&shape, record.data(), sizeof(shape));
    const auto it = std::find(shapes_.begin(), shapes_.end(), shape);
    if (it != shapes_.end()) return static_cast<unsigned>(it - shapes_.begin());
    if (shapes_.size() == kMostShapes) return std::nullopt;
    shapes_.push_back(shape);
    return static_cast<unsigned>(shapes_.size() - 1);
}

bool BlockEncoder::add(std::span<const std::byte> record) {
    const auto shape = shape_of(record);
    if (!shape) return false;
    if (count_ == 0) history_.clear();
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
    const auto kind = static_cast<std::uint8_t>(record[2]);
    RecordHistory::Words before;
    history_.predict(*shape, kind, words, object, before);
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < words; ++i) {
        if (i == kTimeWord || i == kObjectWord) continue;
        // The first word's lower half is the shape; its upper half, the namespace, is told like any other word.
        const std::uint64_t difference = i == 0 ? (now[0] ^ before[0]) >> 32 : now[i] ^ before[i];
        if (difference == 0) continue;
        mask |= std::uint64_t{1} << i;
        put_sparse(word_streams_[i], difference);
    }
    put_varint(mask_stream_, mask);
    history_.remember(*shape, kind, words, object, now);
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
    for (const std::string* stream : streams) put_u32(out, static_cast<std::uint32_t>(stream->size()));
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

bool decode_block(std::string_view text, std::size_t most_bytes, std::vector<std::byte>& out) {
    StreamReader head(text);
    const auto u32 = [&head] {
        std::uint32_t value = 0;
        for (unsigned i = 0; i < 4; ++i) value |= std::uint32_t{head.byte()} << (8 * i);
        return value;
    };
    const std::uint32_t count = u32();
    const std::uint32_t raw_bytes = u32();
    const std::uint32_t shape_count = u32();
    if (head.failed() || raw_bytes > most_bytes || shape_count > kMostShapes) return false;
    std::vector<std::uint32_t> shapes(shape_count);
    for (std::uint32_t& shape : shapes) shape = u32();
    std::array<std::uint32_t, kStreams> sizes;
    for (std::uint32_t& size : sizes) size = u32();
    std::array<StreamReader, kStreams> streams;
    for (std::size_t i = 0; i < kStreams; ++i) streams[i] = StreamReader(head.bytes(sizes[i]));
    if (head.failed()) return false;
    StreamReader& shape_stream = streams[0];
    StreamReader& time_stream = streams[1];
    StreamReader& object_stream = streams[2];
    StreamReader& literal_stream = streams[3];
    StreamReader& mask_stream = streams[4];
    StreamReader& raw_stream = streams[5];

    static thread_local RecordHistory history;
    history.clear();
    const std::size_t begin = out.size();
    std::uint64_t time = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint8_t number = shape_stream.byte();
        if (shape_stream.failed() || number >= shape_count) return false;
        const std::uint32_t shape = shapes[number];
        const std::size_t size = shape & 0xffff;
        if (size < sizeof(td_header) || out.size() - begin + size > raw_bytes) return false;
        out.resize(out.size() + size);
        std::byte* place = out.data() + out.size() - size;
        if (!is_regular(size)) {
            std::memcpy(place, &shape, 4);
            const std::string_view bytes = raw_stream.bytes(size - 4);
            if (raw_stream.failed()) return false;
            std::memcpy(place + 4, bytes.data(), bytes.size());
            continue;
        }
        const std::size_t words = size / 8;
        const auto kind = static_cast<std::uint8_t>(shape >> 16);
        time += unzigzag(time_stream.varint());
        std::uint64_t object = 0;
        if (words > kObjectWord) {
            const std::uint8_t position = object_stream.byte();
            if (position == kNewObject) {
                object = literal_stream.sparse();
                history.add_object(object);
            } else {
                const auto known = history.take_object(position);
                if (!known) return false;
                object = *known;
            }
        }
        RecordHistory::Words now;
        history.predict(number, kind, words, object, now);
        std::uint64_t mask = mask_stream.varint();
        if (words < 64 && mask >> words != 0) return false;
        std::uint64_t netns = now[0] >> 32;
        for (; mask != 0; mask &= mask - 1) {
            const auto word = static_cast<std::size_t>(std::countr_zero(mask));
            const std::uint64_t difference = streams[6 + word].sparse();
            if (word == 0)
                netns ^= difference & 0xffffffff;
            else
                now[word] ^= difference;
        }
        now[0] = (netns << 32) | shape;
        now[kTimeWord] = time;
        if (words > kObjectWord) now[kObjectWord] = object;
        std::memcpy(place, now.data(), size);
        history.remember(number, kind, words, object, now);
        if (time_stream.failed() || object_stream.failed() || literal_stream.failed() || mask_stream.failed())
            return false;
    }
    for (std::size_t i = 6; i < kStreams; ++i)
        if (streams[i].failed()) return false;
    return out.size() - begin == raw_bytes;
}

} // namespace tcpdwell
