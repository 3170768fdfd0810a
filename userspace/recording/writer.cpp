// SPDX-License-Identifier: Apache-2.0
#include "recording/writer.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "event/record.h"

namespace tcpdwell::recording {

struct RecordingWriter::Compressor {
    Compressor() : context(ZSTD_createCCtx()) {}
    ~Compressor() { ZSTD_freeCCtx(context); }
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;
    ZSTD_CCtx* context;
};

RecordingWriter::RecordingWriter(Fd fd, std::string path, std::uint64_t run,
                                 std::uint64_t first_sequence, WriterOptions options)
    : fd_(std::move(fd)), path_(std::move(path)), options_(std::move(options)),
      compressor_(std::make_unique<Compressor>()) {
    head_.run = run;
    head_.sequence = first_sequence;
    ZSTD_CCtx_setParameter(compressor_->context, ZSTD_c_compressionLevel, options_.level);
    ZSTD_CCtx_setParameter(compressor_->context, ZSTD_c_checksumFlag, 1);
}

RecordingWriter::~RecordingWriter() = default;

Result<std::unique_ptr<RecordingWriter>>
RecordingWriter::begin(Fd fd, std::string path, std::string_view head_json, std::uint64_t run,
                       std::uint64_t first_sequence, WriterOptions options) {
    std::unique_ptr<RecordingWriter> writer(new RecordingWriter(
        std::move(fd), std::move(path), run, first_sequence, std::move(options)));
    std::string head;
    put_u32(head, kHeadFrame);
    put_u32(head, static_cast<std::uint32_t>(kMagicLine.size() + head_json.size() + 1));
    head.append(kMagicLine).append(head_json).push_back('\n');
    if (auto written = writer->put(head); !written) return tl::unexpected(written.error());
    return writer;
}

Result<void> RecordingWriter::put(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = TEMP_FAILURE_RETRY(::write(fd_.get(), bytes.data(), bytes.size()));
        if (n < 0) {
            const int error = errno;
            if (error == ENOSPC && options_.make_room()) continue;
            return fail(ErrorCode::failed,
                        fmt::format("cannot write {}: {}", path_, std::strerror(error)), error);
        }
        totals_.file_bytes += static_cast<std::uint64_t>(n);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<void> RecordingWriter::write(std::span<const std::byte> record) {
    const MonoTime at = event::time_of(event::read_header(record));
    // Without overflow, whatever times a record claims.
    const Nanoseconds age(
        static_cast<std::int64_t>(event::wire_ns(at) - event::wire_ns(head_.first)));
    const bool is_full =
        encoder_.raw_bytes() + record.size() > options_.block_bytes || age >= options_.block_time;
    if (encoder_.records() != 0 && is_full)
        if (auto done = complete_block(); !done) return done;
    if (!encoder_.add(record)) {
        if (auto done = complete_block(); !done) return done;
        encoder_.add(record);
    }
    const bool is_first = encoder_.records() == 1;
    head_.first = is_first ? at : std::min(head_.first, at);
    head_.last = is_first ? at : std::max(head_.last, at);
    return {};
}

Result<void> RecordingWriter::mark(MonoTime now, std::uint8_t flags) {
    const td_header record = event::mark_record(now, flags);
    return write(event::bytes_of(record));
}

Result<void> RecordingWriter::complete_block() {
    if (encoder_.records() == 0) return {};
    head_.records = encoder_.records();
    head_.raw_bytes = static_cast<std::uint32_t>(encoder_.raw_bytes());
    const std::string block = encoder_.take();
    packed_.resize(kBlockHeadSize + ZSTD_compressBound(block.size()));
    const std::size_t size =
        ZSTD_compress2(compressor_->context, packed_.data() + kBlockHeadSize,
                       packed_.size() - kBlockHeadSize, block.data(), block.size());
    if (ZSTD_isError(size))
        return fail(ErrorCode::failed,
                    fmt::format("cannot compress for {}: {}", path_, ZSTD_getErrorName(size)));
    head_.packed_bytes = static_cast<std::uint32_t>(size);
    const BlockHeadBytes bytes = encode(kBlockFrame, head_);
    std::copy(bytes.begin(), bytes.end(), packed_.begin());
    // One write() for head and frame: what is torn is torn as a whole.
    const std::uint64_t before = totals_.file_bytes;
    auto written = is_broken_ ? Result<void>()
                              : put(std::string_view(packed_).substr(0, kBlockHeadSize + size));
    const bool is_there = written && !is_broken_;
    ++head_.sequence; // a reader sees that one is missing
    if (is_there) {
        totals_.records += head_.records;
        totals_.raw_bytes += head_.raw_bytes;
        return {};
    }
    if (!options_.survives_errors) return written;
    if (!written) last_error_ = written.error().message;
    totals_.dropped += head_.records;
    is_broken_ = is_broken_ || !take_back(before);
    return {};
}

bool RecordingWriter::take_back(std::uint64_t file_bytes) {
    if (totals_.file_bytes == file_bytes) return ::lseek(fd_.get(), 0, SEEK_CUR) >= 0;
    const auto taken = static_cast<off_t>(totals_.file_bytes - file_bytes);
    const off_t end = ::lseek(fd_.get(), 0, SEEK_CUR);
    if (end < taken || ::ftruncate(fd_.get(), end - taken) != 0) return false;
    totals_.file_bytes = file_bytes;
    return ::lseek(fd_.get(), end - taken, SEEK_SET) >= 0;
}

Result<void> RecordingWriter::end() {
    if (auto done = complete_block(); !done) return done;
    BlockHead last = head_;
    last.records = static_cast<std::uint32_t>(std::min<std::uint64_t>(totals_.records, UINT32_MAX));
    last.raw_bytes = last.packed_bytes = 0;
    const BlockHeadBytes bytes = encode(kEndFrame, last);
    if (is_broken_) return {};
    auto written = put({bytes.data(), bytes.size()});
    if (!written && options_.survives_errors) {
        last_error_ = written.error().message;
        return {};
    }
    return written;
}

} // namespace tcpdwell::recording
