// SPDX-License-Identifier: Apache-2.0
#include "support/temporary_folder.h"

#include <cstdlib>

#include "support/check.h"

namespace tcpdwell::test {

TemporaryFolder::TemporaryFolder() {
    std::string path = std::filesystem::temp_directory_path() / "tcpdwell-test.XXXXXX";
    check(::mkdtemp(path.data()) != nullptr ? 0 : -1, "mkdtemp");
    path_ = path;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored; // a process that was killed may be writing its last
    std::filesystem::remove_all(path_, ignored);
}

} // namespace tcpdwell::test
