// SPDX-License-Identifier: Apache-2.0
#include "recording/survey.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

namespace tcpdwell::recording {
namespace {

class Surveyor {
public:
    Surveyor(int fd, const std::string& path, std::uint64_t end) : fd_(fd), path_(path), end_(end) {}

    Result<Survey> look(std::uint64_t begin) {
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
            note(**head, frame, place);
            const auto next = behind(place, **head);
            if (!next) return tl::unexpected(next.error());
            place = *next;
        }
        if (found_.is_too_long) found_.blocks.clear();
        const auto earlier = [](const Survey::Place& a, const Survey::Place& b) { return a.sequence < b.sequence; };
        for (std::size_t i = 1; i < found_.blocks.size(); ++i)
            if (earlier(found_.blocks[i], found_.blocks[i - 1])) ++found_.damage.misplaced_blocks;
        std::stable_sort(found_.blocks.begin(), found_.blocks.end(), earlier);
        return std::move(found_);
    }

private:
    /// Bytes of the file; fewer at its end.
    Result<std::string_view> read(std::uint64_t place, std::size_t size) {
        size = static_cast<std::size_t>(std::min<std::uint64_t>(size, end_ - std::min(place, end_)));
        std::size_t had = 0;
        while (had < size) {
            const ssize_t n = ::pread(fd_, buffer_.data() + had, size - had, static_cast<off_t>(place + had));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) {
                const int error = errno;
                return fail(ErrorCode::failed, fmt::format("cannot read {}: {}", path_, std::strerror(error)), error);
            }
            if (n == 0) break;
            had += static_cast<std::size_t>(n);
        }
        return std::string_view(buffer_.data(), had);
    }

    Result<std::optional<BlockHead>> head_at(std::uint64_t place, std::uint32_t& frame) {
        const auto bytes = read(place, kBlockHeadSize);
        if (!bytes) return tl::unexpected(bytes.error());
        return decode_head(*bytes, frame);
    }

    /// The next place from `place` on where a head may stand; at_end_ if the file ends before.
    Result<std::uint64_t> search(std::uint64_t place) {
        static constexpr std::string_view tail("\x2a\x4d\x18", 3); // of the magic numbers of all heads
        while (true) {
            const auto bytes = read(place, buffer_.size());
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

    void note(const BlockHead& head, std::uint32_t frame, std::uint64_t place) {
        if (found_.run == 0) found_.run = head.run;
        if (head.run != found_.run) {
            ++found_.damage.foreign_blocks;
            return;
        }
        if (frame == kBlockFrame) found_.last = std::max(found_.last.value_or(head.last), head.last);
        if (frame == kEndFrame) {
            found_.has_end = true;
            found_.end_sequence = std::max(found_.end_sequence, head.sequence);
        } else if (found_.blocks.size() == Survey::kMostBlocks) {
            found_.is_too_long = true;
        } else {
            found_.blocks.push_back({head.sequence, place});
        }
    }

    /// Where the next head stands: behind the block, unless the head lies about its length.
    Result<std::uint64_t> behind(std::uint64_t place, const BlockHead& head) {
        const std::uint64_t next = place + kBlockHeadSize + head.packed_bytes;
        std::uint32_t frame = 0;
        const auto bytes = read(next, kBlockHeadSize);
        if (!bytes) return tl::unexpected(bytes.error());
        if (decode_head(*bytes, frame)) return next;
        // Something else follows: the end of the file, rubbish, or the middle of this or of another block.
        std::string body(head.packed_bytes, '\0');
        const ssize_t n = ::pread(fd_, body.data(), body.size(), static_cast<off_t>(place + kBlockHeadSize));
        const bool is_there = n == static_cast<ssize_t>(body.size());
        const bool is_right = is_there && ZSTD_findFrameCompressedSize(body.data(), body.size()) == body.size();
        return is_right || head.packed_bytes == 0 ? next : place + kBlockHeadSize;
    }

    int fd_;
    const std::string& path_;
    Survey found_;
    std::uint64_t end_;
    bool at_end_ = false;
    std::array<char, 64 << 10> buffer_;
};

} // namespace

Result<Survey> survey(int fd, const std::string& path, std::uint64_t begin, std::uint64_t end) {
    return Surveyor(fd, path, end).look(begin);
}

} // namespace tcpdwell::recording
