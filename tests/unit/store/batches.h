// SPDX-License-Identifier: Apache-2.0
// What tests of the spool and of the sender share: batches, the log, a server that takes batches as
// ClickHouse does.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "store/spool.h"
#include "support/scripted_server.h"
#include "support/temporary_folder.h"

namespace tcpdwell::test {

inline std::string file_text(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

inline std::string uncompressed(const std::string& gzip) {
    z_stream stream{};
    EXPECT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
    std::string bytes(std::size_t{1} << 20, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
    stream.avail_in = static_cast<uInt>(gzip.size());
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
    stream.avail_out = static_cast<uInt>(bytes.size());
    EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
    bytes.resize(stream.total_out);
    ::inflateEnd(&stream);
    return bytes;
}

/// Bytes that no compressor makes smaller.
inline std::string noise(std::size_t size, unsigned seed = 1) {
    std::string bytes(size, '\0');
    for (char& each : bytes) {
        seed = seed * 1664525U + 1013904223U;
        each = static_cast<char>(seed >> 24);
    }
    return bytes;
}

inline store::Spool opened(const std::string& path, std::uint64_t max_bytes = 10 << 20) {
    auto spool = store::Spool::open(path, max_bytes);
    EXPECT_TRUE(spool) << spool.error().message;
    return std::move(*spool);
}

inline std::vector<std::string> files_in(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    for (const auto& each : std::filesystem::directory_iterator(folder))
        if (each.is_regular_file() && each.path().filename() != ".tcpdwell.lock")
            names.push_back(each.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

/// What this process and its children log.
class LogFile {
public:
    LogFile() : old_(spdlog::default_logger()) {
        auto logger = spdlog::basic_logger_st("test-log", path());
        logger->set_pattern("%v");
        logger->flush_on(spdlog::level::trace);
        spdlog::set_default_logger(logger);
    }
    ~LogFile() {
        spdlog::set_default_logger(old_);
        spdlog::drop("test-log");
    }
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

    [[nodiscard]] std::string text() const { return file_text(path()); }
    [[nodiscard]] std::size_t count(const std::string& words) const {
        const std::string all = text();
        std::size_t found = 0;
        for (std::size_t at = 0; (at = all.find(words, at)) != std::string::npos; ++at) ++found;
        return found;
    }

private:
    [[nodiscard]] std::string path() const { return folder_.path() / "log"; }

    TemporaryFolder folder_;
    std::shared_ptr<spdlog::logger> old_;
};

/// As ClickHouse answers the question which settings it knows.
inline bool asks_for_settings(const HttpRequest& request) {
    return request.body.find("system.settings") != std::string::npos;
}
inline HttpReply settings_reply() {
    return reply(200, "async_insert\ninput_format_skip_unknown_fields\n"
                      "insert_deduplication_token\n");
}

/// Of an insertion: the token by which the server knows the batch.
inline std::string token_of(const HttpRequest& request) {
    constexpr std::string_view kToken = "insert_deduplication_token=";
    const std::size_t at = request.head.find(kToken);
    if (at == std::string::npos) return "";
    const std::size_t begin = at + kToken.size();
    return request.head.substr(begin, request.head.find_first_of("& ", begin) - begin);
}

} // namespace tcpdwell::test
