// SPDX-License-Identifier: Apache-2.0
#include "recording/reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "event/record.h"
#include "recording/block_codec.h"
#include "recording/block_scan.h"
#include "recording/byte_window.h"
#include "recording/head.h"

namespace tcpdwell::recording {
namespace {

bool later(const BlockIndex::Place& a, const BlockIndex::Place& b) {
    return a.sequence > b.sequence;
}

/// How many records the text of a block claims; 0 if it can't hold so many, and so is spoilt.
std::uint32_t records_in_block(std::string_view text) {
    const std::uint32_t count = text.size() < 4 ? 0 : get_u32(text);
    return count > text.size() ? 0 : count;
}
constexpr std::string_view kStandardInput = "standard input";

std::uint32_t frame_at(std::string_view bytes) { return bytes.size() < 4 ? 0 : get_u32(bytes); }

} // namespace

void Damage::add(const Damage& other) {
    skipped_bytes += other.skipped_bytes;
    bad_blocks += other.bad_blocks;
    missing_blocks += other.missing_blocks;
    repeated_blocks += other.repeated_blocks;
    misplaced_blocks += other.misplaced_blocks;
    foreign_blocks += other.foreign_blocks;
    swollen_blocks += other.swollen_blocks;
    misdated_records += other.misdated_records;
    cut_off = cut_off || other.cut_off;
}

std::string describe(const Damage& damage) {
    std::string text;
    const auto add = [&](std::uint64_t count, std::string_view one, std::string_view many) {
        if (count == 0) return;
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, count == 1 ? one : many);
    };
    add(damage.missing_blocks, "block missing", "blocks missing");
    add(damage.bad_blocks, "block spoilt", "blocks spoilt");
    add(damage.repeated_blocks, "block repeated", "blocks repeated");
    add(damage.misplaced_blocks, "block out of order", "blocks out of order");
    add(damage.foreign_blocks, "block of another recording", "blocks of other recordings");
    add(damage.swollen_blocks, "block left out that holds more than its size allows",
        "blocks left out that hold more than their size allows");
    add(damage.misdated_records, "record with an impossible time", "records with impossible times");
    add(damage.skipped_bytes, "byte skipped", "bytes skipped");
    return text;
}

class RecordingReader::Impl {
public:
    Impl(Fd file, std::string name)
        : fd(std::move(file)), path(std::move(name)), window_(std::in_place, fd.get(), path) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    Result<void> read_head();
    Result<void> look_around();
    Result<std::optional<std::span<const std::byte>>> next();
    void rest(bool keeps_open);

    Fd fd;
    std::string path;
    std::string head_json;
    BlockHead block;
    Damage damage;
    std::uint64_t run = 0;
    std::uint64_t end_sequence = 0; ///< as the end frame says
    std::optional<MonoTime> last_time;

private:
    /// Moves to the next head that is intact, or to the end (nullopt). What is passed over is
    /// counted.
    Result<std::optional<BlockHead>> find_head(std::uint32_t& frame);
    /// The head of the next block; what follows is its body.
    Result<std::optional<BlockHead>> find_block();
    std::optional<BlockIndex::Place> next_place();
    Result<void> look_into(const BlockHead& head);
    void conclude();
    /// Whether the block is one to be read now, by its number.
    bool accept(const BlockHead& head);
    bool unpack(std::string_view packed, const BlockHead& head);

    /// Undoes rest(). False if the file is gone, or another one has its name.
    Result<bool> wake();
    void conclude_without_file();

    std::optional<ByteWindow> window_; ///< none: at rest
    std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> zstd_{nullptr, &ZSTD_freeDCtx};
    std::vector<char> encoded_;
    std::vector<std::byte> records_;
    bool ended_ = false; ///< the end frame has been seen
    bool started_ = false;
    bool is_concluded_ = false;
    std::uint64_t expected_ = 0;
    std::optional<BlockIndex> survey_; ///< of a file; a pipe has none
    std::size_t next_place_ = 0;
    std::vector<BlockIndex::Place>
        hidden_; ///< blocks found within spoilt ones: a heap, the lowest number on top
    std::optional<BlockIndex::Place> here_; ///< of the present block, from the survey
    RescanBudget patience_;
    ExpansionBudget expansion_;
    bool is_swollen_ = false; ///< what unpack() was given last
    struct stat identity_ {}; ///< of the file, while it isn't open
};

Result<void> RecordingReader::Impl::read_head() {
    const auto start = window_->look(kFrameHead + kMagicLine.size());
    if (!start) return tl::unexpected(start.error());
    const auto no_recording = [&](std::string_view why) {
        return fail(ErrorCode::failed,
                    fmt::format("{} is no recording of tcpdwell: {}", path, why));
    };
    if (start->empty()) return no_recording("it is empty");
    constexpr std::string_view same = "tcpdwell recording ";
    const std::string_view line =
        start->size() > kFrameHead ? start->substr(kFrameHead) : std::string_view();
    if (frame_at(*start) != kHeadFrame || !line.starts_with(same))
        return no_recording("it begins differently");
    if (line != kMagicLine)
        return fail(
            ErrorCode::failed,
            fmt::format("{} was written by a later version of tcpdwell; read it with that", path));
    const std::size_t size = get_u32(start->substr(4));
    if (size > kLongestHead || size < kMagicLine.size())
        return no_recording("its head has an impossible size");
    const auto head = window_->look(kFrameHead + size);
    if (!head) return tl::unexpected(head.error());
    if (head->size() < kFrameHead + size) return no_recording("it ends within its head");
    head_json = head->substr(kFrameHead + kMagicLine.size());
    if (!head_json.empty() && head_json.back() == '\n') head_json.pop_back();
    window_->skip(kFrameHead + size);
    return {};
}

Result<std::optional<BlockHead>> RecordingReader::Impl::find_head(std::uint32_t& frame) {
    while (true) {
        const auto bytes = window_->look(kBlockHeadSize);
        if (!bytes) return tl::unexpected(bytes.error());
        if (bytes->empty()) return std::optional<BlockHead>();
        if (auto head = decode_head(*bytes, frame)) return std::optional(*head);
        // To wherever a head may begin next: its second byte on is the same for all.
        const auto more = window_->look(kFrameHead << 10);
        if (!more) return tl::unexpected(more.error());
        static constexpr std::string_view rest("\x2a\x4d\x18", 3);
        const std::size_t found = more->find(rest, 2);
        std::size_t step = found == std::string_view::npos
                               ? std::max<std::size_t>(more->size(), 4) - 3
                               : found - 1;
        if (more->size() <= 4) step = more->size(); // the end
        damage.skipped_bytes += step;
        window_->skip(step);
    }
}

Result<void> RecordingReader::Impl::look_around() {
    if (::lseek(fd.get(), 0, SEEK_CUR) < 0) return {}; // a pipe is read as it comes
    auto found = survey(fd.get(), path, window_->place(), UINT64_MAX, patience_);
    if (!found) return tl::unexpected(found.error());
    last_time = found->last;
    if (found->is_too_long) return {};
    survey_ = std::move(*found);
    run = survey_->run;
    ended_ = survey_->has_end;
    return {};
}

bool RecordingReader::Impl::accept(const BlockHead& head) {
    if (run == 0) run = head.run;
    if (head.run != run) {
        ++damage.foreign_blocks;
        return false;
    }
    if (!started_) {
        started_ = true;
        // The file's own number, unless it is wrong.
        expected_ = std::min(head_from_json(head_json).sequence, head.sequence);
    }
    if (head.sequence == expected_) {
        ++expected_;
        return true;
    }
    if (head.sequence > expected_) {
        damage.missing_blocks += head.sequence - expected_;
        expected_ = head.sequence + 1;
        return true;
    }
    ++damage.repeated_blocks;
    return false;
}

bool RecordingReader::Impl::unpack(std::string_view packed, const BlockHead& head) {
    is_swollen_ = false;
    // One frame and nothing else. Without this, a body of thousands of skippable frames (heads,
    // say) passes for one.
    if (ZSTD_findFrameCompressedSize(packed.data(), packed.size()) != packed.size()) return false;
    const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMostPacked)
        return false;
    expansion_.add(kBlockHeadSize + packed.size());
    is_swollen_ = !expansion_.take_bytes(size + head.raw_bytes);
    if (is_swollen_) return false;
    if (size > encoded_.capacity())
        encoded_.clear(); // a vector that grows from nothing takes no more than it needs
    encoded_.resize(size);
    if (!zstd_) zstd_.reset(ZSTD_createDCtx());
    const std::size_t got = ZSTD_decompressDCtx(zstd_.get(), encoded_.data(), encoded_.size(),
                                                packed.data(), packed.size());
    if (ZSTD_isError(got) || got != size) return false;
    const std::string_view text(encoded_.data(), encoded_.size());
    is_swollen_ = !expansion_.take_records(records_in_block(text));
    if (is_swollen_) return false;
    records_.clear();
    return decode_block(text, head.raw_bytes, records_) && records_.size() == head.raw_bytes;
}

void RecordingReader::Impl::conclude() {
    if (is_concluded_) return;
    is_concluded_ = true;
    if (survey_) {
        damage.add(survey_->damage);
        end_sequence = survey_->has_end ? survey_->end_sequence : 0;
    }
    if (started_ && end_sequence > expected_) damage.missing_blocks += end_sequence - expected_;
    damage.cut_off = !ended_;
}

void RecordingReader::Impl::rest(bool keeps_open) {
    if (!is_concluded_ && (!survey_ || path == kStandardInput)) return; // it is read only once
    window_.reset();
    zstd_.reset();
    std::vector<char>().swap(encoded_);
    std::vector<std::byte>().swap(records_);
    if (keeps_open || ::fstat(fd.get(), &identity_) != 0) return;
    fd.reset();
}

Result<bool> RecordingReader::Impl::wake() {
    if (window_) return true;
    if (!fd) {
        fd = Fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        struct stat there {};
        if (!fd && errno != ENOENT) {
            const int error = errno;
            return fail(ErrorCode::failed,
                        fmt::format("cannot read {}: {}", path, std::strerror(error)), error);
        }
        if (!fd || ::fstat(fd.get(), &there) != 0 || there.st_ino != identity_.st_ino ||
            there.st_dev != identity_.st_dev)
            return false;
    }
    window_.emplace(fd.get(), path);
    return true;
}

/// A recorder has removed the segment since it was looked at.
void RecordingReader::Impl::conclude_without_file() {
    is_concluded_ = true;
    damage.missing_blocks += survey_->blocks.size();
    fd.reset();
}

Result<std::optional<BlockHead>> RecordingReader::Impl::find_block() {
    std::uint32_t frame = 0;
    while (true) {
        if (survey_) {
            here_ = next_place();
            if (!here_) return std::optional<BlockHead>();
            const std::uint64_t place = here_->offset;
            if (place != window_->place())
                if (auto done = window_->seek(place); !done) return tl::unexpected(done.error());
        }
        auto head = find_head(frame);
        if (!head || !*head) return head;
        window_->skip(kBlockHeadSize);
        if (frame == kBlockFrame) return head;
        ended_ = ended_ || (*head)->run == run || run == 0;
        if ((*head)->run == run) end_sequence = std::max(end_sequence, (*head)->sequence);
    }
}

std::optional<BlockIndex::Place> RecordingReader::Impl::next_place() {
    const std::vector<BlockIndex::Place>& seen = survey_->blocks;
    const bool is_over = next_place_ == seen.size();
    if (hidden_.empty() && is_over) return std::nullopt;
    if (hidden_.empty() || (!is_over && seen[next_place_].sequence <= hidden_.front().sequence))
        return seen[next_place_++];
    std::pop_heap(hidden_.begin(), hidden_.end(), later);
    const BlockIndex::Place place = hidden_.back();
    hidden_.pop_back();
    return place;
}

/// What a head with a wrong length may hide: blocks in what it takes for its own.
Result<void> RecordingReader::Impl::look_into(const BlockHead& head) {
    if (!here_ || !here_->hides)
        return {}; // has been looked into; a pipe goes on right behind the head
    const std::uint64_t begin = window_->place();
    const auto found = survey(fd.get(), path, begin, begin + head.packed_bytes, patience_);
    if (!found) return tl::unexpected(found.error());
    if (found->run != run || hidden_.size() + found->blocks.size() > BlockIndex::kMostBlocks)
        return {};
    for (const BlockIndex::Place& place : found->blocks) {
        hidden_.push_back(place);
        std::push_heap(hidden_.begin(), hidden_.end(), later);
    }
    return {};
}

Result<std::optional<std::span<const std::byte>>> RecordingReader::Impl::next() {
    using Found = std::optional<std::span<const std::byte>>;
    if (is_concluded_) return Found();
    const auto is_there = wake();
    if (!is_there) return tl::unexpected(is_there.error());
    if (!*is_there) {
        conclude_without_file();
        return Found();
    }
    while (true) {
        const auto head = find_block();
        if (!head) return tl::unexpected(head.error());
        if (!*head) {
            conclude();
            rest(false);
            return Found();
        }
        const auto packed = window_->look((*head)->packed_bytes);
        if (!packed) return tl::unexpected(packed.error());
        const bool is_whole = packed->size() == (*head)->packed_bytes;
        if (!is_whole || !unpack(*packed, **head)) {
            if (is_whole && is_swollen_) {
                ++damage.swollen_blocks;
                window_->skip(packed->size());
                continue;
            }
            // The last write was torn, or the head has a wrong length.
            ++damage.bad_blocks;
            if (!patience_.spend(packed->size())) {
                window_->skip(packed->size());
            } else if (auto found = look_into(**head); !found) {
                return tl::unexpected(found.error());
            }
            continue;
        }
        window_->skip(packed->size());
        if (!accept(**head)) continue;
        block = **head;
        return Found(records_);
    }
}

RecordingReader::RecordingReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RecordingReader::~RecordingReader() = default;

Result<std::unique_ptr<RecordingReader>> RecordingReader::open(const std::string& path) {
    if (path == "-")
        return begin(Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)), std::string(kStandardInput));
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0) {
        const int error = errno;
        return fail(ErrorCode::failed,
                    fmt::format("cannot read {}: {}", path, std::strerror(error)), error);
    }
    return begin(std::move(fd), path);
}

Result<std::unique_ptr<RecordingReader>> RecordingReader::begin(Fd fd, std::string path) {
    auto impl = std::make_unique<Impl>(std::move(fd), std::move(path));
    if (auto read = impl->read_head(); !read) return tl::unexpected(read.error());
    if (auto surveyed = impl->look_around(); !surveyed) return tl::unexpected(surveyed.error());
    return std::unique_ptr<RecordingReader>(new RecordingReader(std::move(impl)));
}

const std::string& RecordingReader::path() const { return impl_->path; }
const std::string& RecordingReader::head_json() const { return impl_->head_json; }
std::optional<MonoTime> RecordingReader::last_time() const { return impl_->last_time; }
Result<std::optional<std::span<const std::byte>>> RecordingReader::next() { return impl_->next(); }
void RecordingReader::rest(bool keeps_open) { impl_->rest(keeps_open); }
const BlockHead& RecordingReader::block() const { return impl_->block; }
std::uint64_t RecordingReader::end_sequence() const { return impl_->end_sequence; }
const Damage& RecordingReader::damage() const { return impl_->damage; }

} // namespace tcpdwell::recording
