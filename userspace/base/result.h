// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error that says what is wrong and what to do. The one place that names
// the library, so that std::expected can take over by changing this file only.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace tcpdwell {

/// What kind of failure it is; main() turns it into the exit status of contract.
enum class ErrorCode {
    failed,       ///< exit status 1
    usage,        ///< exit status 2: the command line is at fault
    cannot_trace, ///< exit status 3: this host, or this user, can't do it
};

/// A failure in words for the user: one line, with the remedy where there is one.
struct Error {
    ErrorCode code = ErrorCode::failed;
    std::string message;
    int error_number = 0; ///< errno that led to it, 0 if none

    /// The same error with what was being done put before it ("cannot read X: ...").
    [[nodiscard]] Error context(const std::string& doing) const {
        return Error{code, doing + ": " + message, error_number};
    }
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
public:
    using tl::expected<T, Error>::expected;
};

inline tl::unexpected<Error> fail(ErrorCode code, std::string message, int error_number = 0) {
    return tl::unexpected<Error>(Error{code, std::move(message), error_number});
}

} // namespace tcpdwell
