// SPDX-License-Identifier: Apache-2.0
// Reasons of resets, as they are printed.
#pragma once

#include <string_view>

#include "tcpdwell/wire.h"

namespace tcpdwell::event {

/// "no_socket": the enumerator of the kernel's enum sk_rst_reason in small letters, without its
/// prefix; "other" for those without a value here; "" where the kernel gave none.
std::string_view reset_word(td_reset_reason reason);

} // namespace tcpdwell::event
