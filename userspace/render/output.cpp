// SPDX-License-Identifier: Apache-2.0
// Writing to a descriptor of any kind: a file, a terminal, a pipe that is slow, closed or
// non-blocking.
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "render/renderer.h"

namespace tcpdwell::render {

Result<void> Output::flush() {
    std::string_view rest = closed_ ? std::string_view{} : buffer_;
    int failure = 0;
    while (!rest.empty() && failure == 0) {
        const ssize_t written = ::write(fd_, rest.data(), rest.size());
        if (written >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            // Another program may have made our stdout non-blocking; it is shared with it.
            pollfd ready{fd_, POLLOUT, 0};
            if (::poll(&ready, 1, -1) < 0 && errno != EINTR) failure = errno;
        } else if (errno != EINTR) {
            failure = errno;
        }
    }
    buffer_.clear();
    if (failure == 0) return {};
    if (failure == EPIPE) {
        closed_ = true;
        return {};
    }
    return fail(ErrorCode::failed,
                "cannot write the output: " + std::generic_category().message(failure), failure);
}

} // namespace tcpdwell::render
