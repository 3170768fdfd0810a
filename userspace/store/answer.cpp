// SPDX-License-Identifier: Apache-2.0
#include "store/answer.h"

#include <array>

namespace tcpdwell::store {
namespace {

constexpr long kOk = 200;

/// What an exception means for the batch, by its number (ClickHouse, src/Common/ErrorCodes.cpp).
struct ExceptionKind {
    unsigned code;
    SendTrouble trouble;
};
constexpr std::array kExceptionKinds{
    // The rows can't be read as such: no repetition will change that.
    ExceptionKind{6, SendTrouble::batch_refused},   // CANNOT_PARSE_TEXT
    ExceptionKind{25, SendTrouble::batch_refused},  // CANNOT_PARSE_ESCAPE_SEQUENCE
    ExceptionKind{26, SendTrouble::batch_refused},  // CANNOT_PARSE_QUOTED_STRING
    ExceptionKind{27, SendTrouble::batch_refused},  // CANNOT_PARSE_INPUT_ASSERTION_FAILED
    ExceptionKind{38, SendTrouble::batch_refused},  // CANNOT_PARSE_DATE
    ExceptionKind{41, SendTrouble::batch_refused},  // CANNOT_PARSE_DATETIME
    ExceptionKind{53, SendTrouble::batch_refused},  // TYPE_MISMATCH
    ExceptionKind{72, SendTrouble::batch_refused},  // CANNOT_PARSE_NUMBER
    ExceptionKind{117, SendTrouble::batch_refused}, // INCORRECT_DATA
    ExceptionKind{130, SendTrouble::batch_refused}, // CANNOT_READ_ARRAY_FROM_TEXT
    ExceptionKind{349, SendTrouble::batch_refused}, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
    ExceptionKind{354, SendTrouble::batch_refused}, // ZLIB_INFLATE_FAILED
    ExceptionKind{376, SendTrouble::batch_refused}, // CANNOT_PARSE_UUID
    // The tables aren't what they should be.
    ExceptionKind{16, SendTrouble::no_table},     // NO_SUCH_COLUMN_IN_TABLE
    ExceptionKind{60, SendTrouble::no_table},     // UNKNOWN_TABLE
    ExceptionKind{81, SendTrouble::no_table},     // UNKNOWN_DATABASE
    ExceptionKind{164, SendTrouble::credentials}, // READONLY
    ExceptionKind{192, SendTrouble::credentials}, // UNKNOWN_USER
    ExceptionKind{193, SendTrouble::credentials}, // WRONG_PASSWORD
    ExceptionKind{194, SendTrouble::credentials}, // REQUIRED_PASSWORD
    ExceptionKind{195, SendTrouble::credentials}, // IP_ADDRESS_NOT_ALLOWED
    ExceptionKind{291, SendTrouble::credentials}, // DATABASE_ACCESS_DENIED
    ExceptionKind{497, SendTrouble::credentials}, // ACCESS_DENIED
    ExceptionKind{516, SendTrouble::credentials}, // AUTHENTICATION_FAILED
    ExceptionKind{159, SendTrouble::overloaded},  // TIMEOUT_EXCEEDED
    ExceptionKind{201, SendTrouble::overloaded},  // QUOTA_EXCEEDED
    ExceptionKind{202, SendTrouble::overloaded},  // TOO_MANY_SIMULTANEOUS_QUERIES
    ExceptionKind{241, SendTrouble::overloaded},  // MEMORY_LIMIT_EXCEEDED
    ExceptionKind{243, SendTrouble::overloaded},  // NOT_ENOUGH_SPACE
    ExceptionKind{252, SendTrouble::overloaded},  // TOO_MANY_PARTS
    // The statement or its settings: every batch would get this answer.
    ExceptionKind{47, SendTrouble::server_error},  // UNKNOWN_IDENTIFIER
    ExceptionKind{62, SendTrouble::server_error},  // SYNTAX_ERROR
    ExceptionKind{115, SendTrouble::server_error}, // UNKNOWN_SETTING
};

constexpr SendOutcome outcome_of(SendTrouble trouble) {
    if (trouble == SendTrouble::none) return SendOutcome::accepted;
    return trouble == SendTrouble::batch_refused ? SendOutcome::refused : SendOutcome::not_now;
}

SendTrouble trouble_of(long status, unsigned exception_code) {
    for (const auto& [code, trouble] : kExceptionKinds)
        if (code == exception_code) return trouble;
    switch (status) {
    case kOk: return exception_code == 0 ? SendTrouble::none : SendTrouble::server_error;
    case 401:
    case 403: return SendTrouble::credentials;
    case 404: return SendTrouble::no_table;
    case 408: return SendTrouble::time_out;
    case 429: return SendTrouble::overloaded;
    default: break;
    }
    if (status >= 500) return SendTrouble::server_error;
    return status >= 400 ? SendTrouble::batch_refused : SendTrouble::other_service;
}

} // namespace

SendAnswer judge_answer(long status, unsigned exception_code) {
    const SendTrouble trouble = trouble_of(status, exception_code);
    return {outcome_of(trouble), trouble, "", false};
}

// OTLP 1.5, "OTLP/HTTP Response": these four are to be tried again, any other 4xx or 5xx must not
// be, not even 408 and 500. Success is 200; a receiver that answers 202 or 204 has the records too,
// and would get them again and again if that were none.
SendAnswer judge_collector(long status) {
    SendTrouble trouble = SendTrouble::other_service;
    if (status >= kOk && status < 300) trouble = SendTrouble::none;
    if (status >= 400) trouble = SendTrouble::batch_refused;
    if (status == 429) trouble = SendTrouble::overloaded;
    if (status == 502 || status == 503 || status == 504) trouble = SendTrouble::server_error;
    return {outcome_of(trouble), trouble, ""};
}

} // namespace tcpdwell::store
