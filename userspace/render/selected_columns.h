// SPDX-License-Identifier: Apache-2.0
// Some of the columns of a kind of row, in an order of the user's.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "render/renderer.h"

namespace tcpdwell::render {

/// Passes to `next`, of rows of the kind of `schema`, the columns with these ids, and everything
/// else as it is. ErrorCode::usage if one isn't a column. `schema` must outlive the renderer.
Result<std::unique_ptr<Renderer>> select_columns(std::unique_ptr<Renderer> next,
                                                 const report::Schema& schema,
                                                 std::span<const std::string> ids);

} // namespace tcpdwell::render
