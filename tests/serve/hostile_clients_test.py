#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever clients send, or don't, others are answered, nothing is given away, and no event is lost."""
import http.client
import resource
import socket
import threading
import time

from served import PORT, Served, expect, main, total

SILENT = 1000


def raw(request, limit=20):
    """What is answered, until the server closes or is silent."""
    client = socket.create_connection(("127.0.0.1", PORT), timeout=limit)
    answer = b""
    try:
        client.sendall(request)
        while part := client.recv(65536):
            answer += part
    except (TimeoutError, ConnectionError):
        pass
    client.close()
    return answer


def status_of(request):
    answer = raw(request)
    return int(answer.split()[1]) if answer.startswith(b"HTTP/") else None


def perform(stage):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    served = Served(stage, "--listen", f"127.0.0.1:{PORT}",
                    before=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard)))
    get = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n"
    expect(status_of(get % (b"/metrics", b"")) == 200, "a plain request")
    for accept in b"Accept: \xff\xfe;q=\r\n", b"Accept: ,,;;q=9;q=-1,*/*\r\n", b"Accept: " + b"a/b;q=0.1," * 500 + b"\r\n":
        expect(status_of(get % (b"/metrics", accept)) == 200, f"a bad Accept: {accept[:20]!r}")
    for path in (b"/../etc/passwd", b"/recordings/../../../etc/passwd", b"/recordings/%2e%2e/%2e%2e/etc/passwd",
                 b"/recordings/saved-/..", b"//etc/passwd", b"/metrics/..", b"/%00", b"/" + b"a" * 3000):
        answer = raw(get % (path, b""))
        expect(b"root:" not in answer and answer.split()[1] in (b"404", b"400"), f"{path[:40]!r}: {answer[:80]!r}")
    big = status_of(get % (b"/", b"X-Big: " + b"x" * 100_000 + b"\r\n"))
    expect(big in (None, 413, 431, 400, 500), f"huge headers: {big}")
    long = status_of(get % (b"/" + b"a" * 100_000, b""))
    expect(long in (None, 414, 413, 400, 431, 500), f"a huge path: {long}")
    for method in b"POST", b"PUT", b"DELETE", b"OPTIONS", b"GOT":
        expect(status_of(get.replace(b"GET", method) % (b"/metrics", b"Content-Length: 0\r\n")) in (405, 501), method)
    expect(status_of(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n" + b"x" * 1000) in (405, 413),
           "a body that never ends")
    for nonsense in b"\0" * 100, b"\r\n" * 1000, b"GET", b"\x16\x03\x01" + b"a" * 300:
        threading.Thread(target=raw, args=(nonsense, 1)).start()
    head = raw(get.replace(b"GET", b"HEAD") % (b"/metrics", b""))
    expect(head.startswith(b"HTTP/1.1 200") and head.endswith(b"\r\n\r\n"), "HEAD")
    old = raw(b"GET /metrics HTTP/1.0\r\n\r\n")
    expect(b" 200 OK" in old.split(b"\r\n")[0] and b"tcpdwell_build_info" in old, f"HTTP/1.0: {old[:80]!r}")
    for header in (b"Accept-Encoding: gzip, br\r\n", b"If-None-Match: *\r\n", b"Range: bytes=0-1\r\n",
                   b"If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n", b"Expect: 100-continue\r\n"):
        answer = raw(get % (b"/metrics", header))
        expect(b" 200 OK" in answer[:40] and b"\ntcpdwell_build_info" in answer and b"gzip" not in answer,
               f"{header}: {answer[:80]!r}")
    # Requests that don't wait for the answers to those before.
    many = raw(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 200 + get % (b"/healthz", b""))
    expect(many.count(b"HTTP/1.1 200 OK") == 201, f"pipelined: {many.count(b'HTTP/1.1 200 OK')}")
    expect(status_of(b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                     b"3\r\nabc\r\n0\r\n\r\n") in (None, 200, 400, 413), "a body in parts")

    # Some send nothing, others a byte from time to time.
    silent = []
    for _ in range(SILENT):
        client = socket.socket()
        client.settimeout(2)
        try:
            client.connect(("127.0.0.1", PORT))
            silent.append(client)
        except OSError:
            client.close()
    expect(len(silent) > 300, f"only {len(silent)} connections")
    for client in silent[::2]:
        client.send(b"GET / HTTP/1.1\r\nX: ")
    begin = time.monotonic()
    while True:
        try:
            scrape = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
            scrape.request("GET", "/metrics")
            expect(scrape.getresponse().status == 200, "no scrape")
            break
        except OSError as error:
            expect(time.monotonic() - begin < 30, f"no scrape beside {len(silent)} others: {error}")
    print(f"a scrape beside {len(silent)} connections took {time.monotonic() - begin:.1f} s")
    # One that reads slowly holds up nobody.
    slow = socket.create_connection(("127.0.0.1", PORT))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.sendall(get % (b"/report", b""))
    expect(served.get("/healthz")[0] == 200, "beside a slow reader")
    for client in silent:
        client.close()
    samples = served.samples()
    expect(total(samples, "connections_ended_total") > len(silent) / 2, "its own connections are seen")
    expect(total(samples, "events_lost_total") == 0, "events were lost")
    expect(served.end() < 5, "SIGTERM took longer than 5 s")


main(perform)
