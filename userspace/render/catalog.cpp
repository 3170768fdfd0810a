// SPDX-License-Identifier: Apache-2.0
// The formats that there are.
#include "render/formats.h"

namespace tcpdwell::render {

std::unique_ptr<Renderer> make_renderer(Format format, Output& out, TableStyle style) {
    switch (format) {
    case Format::table: return make_table_renderer(out, style);
    case Format::json: return make_json_renderer(out);
    case Format::jsonl: return make_jsonl_renderer(out);
    case Format::csv: return make_csv_renderer(out);
    }
    return nullptr;
}

} // namespace tcpdwell::render
