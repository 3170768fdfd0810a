// SPDX-License-Identifier: Apache-2.0
// ClickHouse in this process (chdb), with as much of its HTTP interface as tcpdwell and the tests use: a statement in the
// body or in ?query= (with data in the body), gzip, settings as parameters, errors as text with the status and header of
// the server. Arguments: folder of node modules, folder of the data, port.
import http from 'node:http';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';

const [modules, data, port] = process.argv.slice(2);
const { Session } = createRequire(`${modules}/`)('chdb');
const session = new Session(data);
const SETTING = /^[a-z_0-9]+$/;

// As src/Server/HTTP/exceptionCodeToHTTPStatus.cpp has them, those that may occur here.
function statusOf(code) {
    if ([60, 81, 46, 47].includes(code)) return 404;
    if ([6, 27, 26, 41, 42, 43, 53, 62, 72, 117, 376].includes(code)) return 400;
    return 500;
}

function answer(url, body) {
    const parameters = new URLSearchParams(url.search);
    const database = parameters.get('database') ?? 'default';
    if (!SETTING.test(database)) throw new Error('no name of a database');
    session.query(`USE ${database}`);
    const settings = [...parameters].filter(([name]) => name !== 'query' && name !== 'database');
    for (const [name, value] of settings) {
        if (!SETTING.test(name) || !/^[\w.-]*$/.test(value)) throw new Error(`setting ${name}=${value}`);
        session.query(`SET ${name} = '${value}'`);
    }
    try {
        const query = parameters.get('query');
        return session.query(query === null ? body : `${query}\n${body}`, 'TabSeparated');
    } finally {
        for (const [name] of settings) session.query(`SET ${name} = DEFAULT`);
    }
}

const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', part => parts.push(part));
    request.on('end', () => {
        let body = Buffer.concat(parts);
        try {
            if (request.headers['content-encoding'] === 'gzip') body = gunzipSync(body);
            response.end(answer(new URL(request.url, 'http://localhost'), body.toString()));
        } catch (error) {
            const code = Number(/Code: (\d+)/.exec(error.message)?.[1] ?? 1002);
            response.writeHead(statusOf(code), { 'X-ClickHouse-Exception-Code': String(code) });
            response.end(`${error.message}\n`);
        }
    });
});
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
