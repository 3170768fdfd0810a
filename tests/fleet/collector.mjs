// SPDX-License-Identifier: Apache-2.0
// A receiver of log records over HTTP that reads them by OpenTelemetry's own definition of its messages, as compiled into
// npm's @opentelemetry/otlp-transformer: what isn't a request by that definition, to the last key and type, is answered
// with 400. Requests that are taken are written to a file, one a line. Arguments: folder of node modules, port, that file.
// PUT /answers, with an array of {status, headers, partialSuccess}, says what the next requests are answered.
import { appendFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';

const [modules, port, file] = process.argv.slice(2);
const { proto } = createRequire(`${modules}/`)('@opentelemetry/otlp-transformer/build/src/generated/root.js').opentelemetry;
const { ExportLogsServiceRequest: Request, ExportLogsServiceResponse: Response } = proto.collector.logs.v1;
const AS_JSON = { longs: String };  // 64 bits are strings, enumerations numbers
let answers = [];

function check(condition, what) {
    if (!condition) throw new Error(what);
}

// What attributes and records must be beyond their types: logs.proto and common.proto say so in comments.
function checkAttributes(attributes = []) {
    const keys = attributes.map(each => each.key);
    check(keys.every(key => key), 'an attribute without a key');
    check(new Set(keys).size === keys.length, `a key that is there twice: ${keys}`);
    for (const { key, value } of attributes) check(value && Object.keys(value).length === 1, `${key} has no value`);
}

function checkRecord(record) {
    checkAttributes(record.attributes);
    check(proto.logs.v1.SeverityNumber[record.severityNumber], `severity ${record.severityNumber}`);
    check(BigInt(record.timeUnixNano ?? 0) > 0n, 'a record without a time');
    check(record.body && record.eventName, 'a record without text or name');
}

// By way of the binary encoding. An unknown key is lost on it, a value of another type comes back as what it should be.
function read(text) {
    const json = JSON.parse(text);
    const request = Request.toObject(Request.decode(Request.encode(Request.fromObject(json)).finish()), AS_JSON);
    check(isDeepStrictEqual(request, json), 'not what the definition makes of it');
    for (const { resource, scopeLogs } of request.resourceLogs) {
        checkAttributes(resource.attributes);
        for (const { scope, logRecords } of scopeLogs) {
            check(scope.name && scope.version, 'a scope without name or version');
            logRecords.forEach(checkRecord);
        }
    }
    return request;
}

function answer(request, body) {
    if (request.method === 'PUT' && request.url === '/answers') {
        answers = JSON.parse(body);
        return [200, {}, ''];
    }
    if (request.url !== '/v1/logs') return [404, {}, 'no such path'];
    if (request.method !== 'POST') return [405, {}, 'POST only'];
    if (request.headers['content-type'] !== 'application/json') return [415, {}, 'JSON only'];
    const { status = 200, headers = {}, partialSuccess } = answers.shift() ?? {};
    if (status !== 200) return [status, headers, ''];
    if (request.headers['content-encoding'] === 'gzip') body = gunzipSync(body);
    appendFileSync(file, `${JSON.stringify(read(body.toString()))}\n`);
    const response = Response.toObject(Response.fromObject({ partialSuccess }), AS_JSON);
    return [200, { 'Content-Type': 'application/json' }, JSON.stringify(response)];
}

const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', part => parts.push(part));
    request.on('end', () => {
        let status, headers, text;
        try {
            [status, headers, text] = answer(request, Buffer.concat(parts));
        } catch (error) {
            [status, headers, text] = [400, {}, error.message];
        }
        response.writeHead(status, headers);
        response.end(text);
    });
});
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
