// SPDX-License-Identifier: Apache-2.0
#include "recording/block_scan.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace tcpdwell::recording {
namespace {

class BlockScanner {
public:
    BlockScanner(int fd, const std::string& path, std::uint64_t end, RescanBudget& patience)
        : fd_(fd), path_(path), end_(end), patience_(patience) {}

    Result<BlockIndex> look(std::uint64_t begin) {
        std::uint64_t place = begin;
        while (!at_end_) {
            std::uint32_t frame = 0;
            auto head = head_at(place, frame);
            if (!head) return tl::unexpected(head.error());
            if (!*head) {
                const auto rest = read(place, 1);
                if (!rest) return tl::unexpected(rest.error());
                if (rest->empty()) break;
                const auto next = search(place + 1);
                if (!next) return tl::unexpected(next.error());
                found_.damage.skipped_bytes += *next - place;
                place = *next;
                continue;
            }
            const auto next = behind(place, **head);
            if (!next) return tl::unexpected(next.error());
            note(**head, frame, place, *next != place + kBlockHeadSize);
            place = *next;
        }
        if (found_.is_too_long) found_.blocks.clear();
        const auto earlier = [](const BlockIndex::Place& a, const BlockIndex::Place& b) {
            return a.sequence < b.sequence;
        };
        for (std::size_t i = 1; i < found_.blocks.size(); ++i)
            if (earlier(found_.blocks[i], found_.blocks[i - 1])) ++found_.damage.misplaced_blocks;
        std::stable_sort(found_.blocks.begin(), found_.blocks.end(), earlier);
        return std::move(found_);
    }

private:
    /// Bytes of the file; fewer at its end. Valid until the next call. A peek leaves in place what
    /// search() goes through.
    Result<std::string_view> read(std::uint64_t place, std::size_t size) {
        if (place >= stretch_begin_ && place - stretch_begin_ + size <= stretch_.size())
            return std::string_view(stretch_.data() + (place - stretch_begin_), size);
        size =
            static_cast<std::size_t>(std::min<std::uint64_t>(size, end_ - std::min(place, end_)));
        if (size <= peek_.size()) return read_into(peek_.data(), place, size);
        stretch_begin_ = place;
        if (size > stretch_.capacity()) stretch_.clear();
        stretch_.resize(size);
        auto bytes = read_into(stretch_.data(), place, size);
        stretch_.resize(bytes ? bytes->size() : 0);
        return bytes;
    }

    Result<std::string_view> read_into(char* bytes, std::uint64_t place, std::size_t size) {
        std::size_t had = 0;
        while (had < size) {
            const ssize_t n = TEMP_FAILURE_RETRY(
                ::pread(fd_, bytes + had, size - had, static_cast<off_t>(place + had)));
            if (n < 0) {
                const int error = errno;
                return fail(ErrorCode::failed,
                            fmt::format("cannot read {}: {}", path_, std::strerror(error)), error);
            }
            if (n == 0) break;
            had += static_cast<std::size_t>(n);
        }
        return std::string_view(bytes, had);
    }

    Result<std::optional<BlockHead>> head_at(std::uint64_t place, std::uint32_t& frame) {
        const auto bytes = read(place, kBlockHeadSize);
        if (!bytes) return tl::unexpected(bytes.error());
        return decode_head(*bytes, frame);
    }

    /// The next place from `place` on where a head may stand; at_end_ if the file ends before.
    Result<std::uint64_t> search(std::uint64_t place) {
        static constexpr std::string_view tail("\x2a\x4d\x18",
                                               3); // of the magic numbers of all heads
        while (true) {
            // What has been read already is used up first: rubbish may look like the beginning of a
            // head everywhere.
            const std::uint64_t had = stretch_begin_ + stretch_.size();
            const bool is_enough = place >= stretch_begin_ && place + kBlockHeadSize <= had;
            const auto bytes =
                read(place, is_enough ? static_cast<std::size_t>(had - place) : kStride);
            if (!bytes) return tl::unexpected(bytes.error());
            if (bytes->size() < kBlockHeadSize) {
                at_end_ = true;
                return place + bytes->size();
            }
            const std::size_t found = bytes->find(tail, 1);
            if (found != std::string_view::npos) return place + found - 1;
            place += bytes->size() - tail.size();
        }
    }

    void note(const BlockHead& head, std::uint32_t frame, std::uint64_t place, bool hides) {
        if (found_.run == 0) found_.run = head.run;
        if (head.run != found_.run) {
            ++found_.damage.foreign_blocks;
            return;
        }
        if (frame == kBlockFrame && is_possible(head.last))
            found_.last = std::max(found_.last.value_or(head.last), head.last);
        if (frame == kEndFrame) {
            found_.has_end = true;
            found_.end_sequence = std::max(found_.end_sequence, head.sequence);
        } else if (found_.blocks.size() == BlockIndex::kMostBlocks) {
            found_.is_too_long = true;
        } else {
            found_.blocks.push_back({head.sequence, place & (UINT64_MAX >> 1), hides});
        }
    }

    /// Where the next head stands: behind the block, unless the head has a wrong length.
    Result<std::uint64_t> behind(std::uint64_t place, const BlockHead& head) {
        const std::uint64_t body = place + kBlockHeadSize;
        const std::uint64_t next = body + head.packed_bytes;
        if (head.packed_bytes == 0) return next;
        std::uint32_t frame = 0;
        const auto follows = head_at(next, frame);
        if (!follows) return tl::unexpected(follows.error());
        if (*follows) return next;
        // Something else follows: the end of the file, rubbish, or the middle of this or of another
        // block.
        const auto last = read(next - 1, 1);
        if (!last) return tl::unexpected(last.error());
        if (last->empty()) return body; // torn
        if (!patience_.spend(head.packed_bytes)) return next;
        const auto bytes = read(body, head.packed_bytes);
        if (!bytes) return tl::unexpected(bytes.error());
        return ZSTD_findFrameCompressedSize(bytes->data(), bytes->size()) == head.packed_bytes
                   ? next
                   : body;
    }

    static constexpr std::size_t kStride = 64 << 10;

    int fd_;
    const std::string& path_;
    BlockIndex found_;
    std::uint64_t end_;
    RescanBudget& patience_;
    bool at_end_ = false;
    std::array<char, kBlockHeadSize> peek_;
    std::vector<char> stretch_; ///< what search() goes through, or the body that was looked at last
    std::uint64_t stretch_begin_ = 0;
};

} // namespace

Result<BlockIndex> survey(int fd, const std::string& path, std::uint64_t begin, std::uint64_t end,
                          RescanBudget& patience) {
    return BlockScanner(fd, path, end, patience).look(begin);
}

} // namespace tcpdwell::recording
