// SPDX-License-Identifier: Apache-2.0
#include "cli/output_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tcpdwell::cli {

void declare_force(CLI::App& app, IfExists& if_exists) {
    app.add_flag_callback(
        "--force", [&if_exists] { if_exists = IfExists::replace; }, "Overwrite files that exist");
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
