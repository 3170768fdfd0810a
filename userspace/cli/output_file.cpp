// SPDX-License-Identifier: Apache-2.0
#include "cli/output_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tcpdwell::cli {

void declare_force(CLI::App& app, IfExists& if_exists) {
    app.add_flag_callback(
        "--force", [&if_exists] { if_exists = IfExists::replace; }, "Overwrite files that exist");
}

Result<void> check_is_no_input(const std::string& path, const std::vector<std::string>& inputs) {
    struct stat out {};
    const bool is_there =
        (path == "-" ? ::fstat(STDOUT_FILENO, &out) : ::stat(path.c_str(), &out)) == 0;
    if (!is_there || !S_ISREG(out.st_mode)) return {};
    for (const std::string& input : inputs) {
        struct stat in {};
        const bool is_known =
            (input == "-" ? ::fstat(STDIN_FILENO, &in) : ::stat(input.c_str(), &in)) == 0;
        if (is_known && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return fail(ErrorCode::usage,
                        fmt::format("{} is {}, which is to be read; give another file to write",
                                    path == "-" ? "standard output" : path, input));
    }
    return {};
}

Result<OutputFile> OutputFile::open(const std::string& path, IfExists if_exists) {
    auto file = PendingFile::open(path, if_exists);
    if (!file) return tl::unexpected(file.error());
    return OutputFile(std::move(*file));
}

Result<void> OutputFile::write(std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(file_.fd(), text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            const int error = errno;
            return fail(ErrorCode::failed,
                        fmt::format("cannot write {}: {}", file_.name(), std::strerror(error)),
                        error);
        }
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return file_.publish();
}

} // namespace tcpdwell::cli
