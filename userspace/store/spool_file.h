// SPDX-License-Identifier: Apache-2.0
// What goes wrong with the files of a spool, and writing to them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tcpdwell::store {

/// Of errno: "cannot WHAT PATH: No space left on device".
Error file_error(std::string_view what, const std::string& path);
/// False with errno.
bool write_all(int fd, std::string_view bytes);

} // namespace tcpdwell::store
