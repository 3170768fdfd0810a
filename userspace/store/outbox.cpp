// SPDX-License-Identifier: Apache-2.0
#include "store/outbox.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "store/batch_name.h"
#include "store/spool_file.h"

namespace tcpdwell::store {
namespace {

constexpr const char* kSendingSuffix = ".sending"; // after the name of a batch
constexpr std::string_view kWordsSuffix = ".error";
constexpr std::size_t kLongestErrorFile = 4096;

bool take_suffix(std::string_view& text, std::string_view suffix) {
    if (!text.ends_with(suffix)) return false;
    text.remove_suffix(suffix.size());
    return true;
}

std::string sending(const std::string& name) { return name + kSendingSuffix; }

Result<recording::OwnFolder> rejected_folder(const recording::OwnFolder& parent) {
    constexpr const char* kRejected = "rejected";
    if (auto found = recording::OwnFolder::find(parent, kRejected)) return std::move(*found);
    auto made = recording::OwnFolder::create(parent, kRejected);
    if (!made && made.error().error_number == EEXIST)
        return fail(ErrorCode::failed,
                    fmt::format("{}/{} is no folder of this user's alone; remove it", parent.path(),
                                kRejected));
    return made;
}

/// Printable, in one line, not cut within a character.
std::string words_for_file(std::string_view words) {
    std::string text = printable(words.substr(0, kLongestErrorFile));
    if (text.size() > kLongestErrorFile - 1) {
        std::size_t end = kLongestErrorFile - 1;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
        text.resize(end);
    }
    return text + "\n";
}

} // namespace

Result<void> Outbox::tidy() const {
    auto all = folder_->names();
    if (!all) return tl::unexpected(all.error());
    for (const std::string& each : *all) {
        std::string_view name = each;
        const bool is_partial = take_suffix(name, kPartialSuffix);
        const bool is_sending = !is_partial && take_suffix(name, kSendingSuffix);
        if (!BatchName::parse(name) || !folder_->file(each)) continue;
        if (is_partial) folder_->remove(each);
        if (is_sending) release(std::string(name));
    }
    return {};
}

std::optional<recording::OwnFolder::File> Outbox::find(const std::string& name) const {
    // The reader may rename it there and back meanwhile.
    for (const std::string& each : {name, sending(name), name})
        if (auto file = folder_->file(each)) return file;
    return std::nullopt;
}

Result<Outbox> Outbox::open(recording::OwnFolder folder, std::uint64_t max_rejected_bytes) {
    auto rejected = rejected_folder(folder);
    if (!rejected) return tl::unexpected(rejected.error());
    return Outbox(std::make_shared<const recording::OwnFolder>(std::move(folder)),
                  std::make_shared<const recording::OwnFolder>(std::move(*rejected)),
                  max_rejected_bytes);
}

Result<std::vector<std::string>> Outbox::names_of(bool claimed_only) const {
    auto all = folder_->names();
    if (!all) return tl::unexpected(all.error());
    std::vector<std::string> found;
    for (const std::string& each : *all) {
        std::string_view name = each;
        const bool is_claimed = take_suffix(name, kSendingSuffix);
        if ((is_claimed || !claimed_only) && BatchName::parse(name) && folder_->file(each))
            found.emplace_back(name);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

std::optional<std::string> Outbox::claimed() const {
    const auto all = names_of(true); // a process that ended may have left another one
    return all && !all->empty() ? std::optional(all->front()) : std::nullopt;
}

Result<bool> Outbox::claim(const std::string& name) const {
    if (folder_->rename(name, *folder_, sending(name))) return true;
    if (errno != ENOENT) return tl::unexpected(file_error("rename", path() + "/" + name));
    return folder_->file(sending(name)).has_value();
}

Result<std::string> Outbox::read(const std::string& name) const {
    const std::string path = folder_->path() + "/" + sending(name);
    const Fd fd = folder_->open_file(sending(name));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return tl::unexpected(file_error("read", path));
    const auto length = static_cast<std::uint64_t>(status.st_size);
    if (length > ::compressBound(kLargestBatch))
        return fail(ErrorCode::failed, fmt::format("{} is too long to be a batch of ours", path),
                    EFBIG);
    std::string bytes(length, '\0');
    std::size_t got = 0;
    while (got < bytes.size()) {
        const ssize_t n = ::read(fd.get(), bytes.data() + got, bytes.size() - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return tl::unexpected(file_error("read", path));
        if (n == 0) break;
        got += static_cast<std::size_t>(n);
    }
    bytes.resize(got);
    return bytes;
}

void Outbox::release(const std::string& name) const {
    static_cast<void>(folder_->rename(sending(name), *folder_, name));
}

void Outbox::remove(const std::string& name) const { folder_->remove(sending(name)); }

Result<Outbox::Rejected> Outbox::reject(const std::string& name, std::string_view words) const {
    const std::string beside = std::string(name).append(kWordsSuffix);
    rejected_->remove(beside); // of a try that came to no end
    if (const Fd fd = rejected_->create_file(beside)) {
        // Without the words the batch is still worth keeping.
        static_cast<void>(write_all(fd.get(), words_for_file(words)));
        static_cast<void>(::fsync(fd.get()));
    }
    if (!folder_->rename(sending(name), *rejected_, name))
        return tl::unexpected(file_error("move", path() + "/" + sending(name)));
    static_cast<void>(rejected_->sync());
    return make_room();
}

Outbox::Rejected Outbox::make_room() const {
    struct Kept {
        std::string name;
        std::uint64_t rows;
        std::uint64_t bytes;
    };
    std::vector<Kept> kept;
    std::uint64_t sum = 0;
    auto names = rejected_->names();
    if (!names) return {};
    for (const std::string& each : *names) {
        std::string_view name = each;
        const bool is_words = take_suffix(name, kWordsSuffix);
        const auto parsed = BatchName::parse(name);
        const auto file = rejected_->file(each);
        if (!parsed || !file) continue;
        if (is_words && !rejected_->file(std::string(name))) {
            rejected_->remove(each);
            continue;
        }
        sum += file->bytes;
        kept.push_back({std::string(name), is_words ? 0 : parsed->rows, file->bytes});
    }
    std::sort(kept.begin(), kept.end(),
              [](const Kept& a, const Kept& b) { return a.name < b.name; });
    Rejected done;
    for (std::size_t i = 0; i < kept.size();) {
        if (sum <= max_rejected_bytes_) break;
        const std::string& oldest = kept[i].name;
        for (; i < kept.size() && kept[i].name == oldest; ++i) { // the batch and the words
            sum -= kept[i].bytes;
            done.removed_rows += kept[i].rows;
        }
        rejected_->remove(oldest);
        rejected_->remove(std::string(oldest).append(kWordsSuffix));
        ++done.removed_batches;
    }
    return done;
}

} // namespace tcpdwell::store
