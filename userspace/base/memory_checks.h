// SPDX-License-Identifier: Apache-2.0
// Whether this build checks its memory (AddressSanitizer). Its shadow takes terabytes of addresses,
// so that no limit can be set; its leak checker clones a thread that traces all others with
// ptrace(2) at the end, which a confined process can't.
#pragma once

namespace tcpdwell {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kChecksMemory = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kChecksMemory = true;
#else
inline constexpr bool kChecksMemory = false;
#endif
#else
inline constexpr bool kChecksMemory = false;
#endif

} // namespace tcpdwell
