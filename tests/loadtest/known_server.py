"""An OpenAI-compatible test server of exact speed, in a process of its own.

A request waits for one of `slots`, then `prefill_ms`, then sends a token each step; a step takes f(n) ms, with n the
requests that hold a slot and f piecewise linear through `knots`. Steps are laid on absolute times, so that no lateness
adds up. What goes wrong with which request is told by `faults`: the number of the request -> what happens. `framing`
says how an answer ends (`chunked`, `close`: by the end of the connection, `http10`: the same without a word of it),
`per_event` how many tokens an event holds, `refuses` which words of a request it does not know, `remembers` that a
prefix cache answers for prompts seen before, `tls` its certificate and key, `context` how many tokens prompt and answer
may have, `tokens_per_word` what its tokeniser makes of a word.

    python -m tests.loadtest.known_server '{"port": 0, "slots": 4, "knots": [[1, 10], [4, 16]], "prefill_ms": 40}'
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from itertools import pairwise
from typing import Any

TOKENS_PER_WORD, TOKENS_OF_TEMPLATE = 1.25, 7
"""What this server's tokeniser makes of a prompt."""


def step_ms(knots: list[list[float]], requests: int) -> float:
    """Return f(n), linear between knots and constant beyond them."""
    if requests <= knots[0][0]:
        return knots[0][1]
    for (low, fast), (high, slow) in pairwise(knots):
        if requests <= high:
            return fast + (requests - low) / (high - low) * (slow - fast)
    return knots[-1][1]


class Server:
    """Everything the requests share."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.prefixes: set[str] = set()
        self.hits = self.queries = 0
        self.slots = asyncio.Semaphore(settings["slots"])
        self.holding = 0
        self.seen = 0

    def too_long(self, body: dict[str, Any]) -> bool:
        """Whether prompt and answer together are longer than the context; a prompt's last word tells its spread."""
        if "context" not in self.settings:
            return False
        prompt = body["messages"][0]["content"] if "messages" in body else body["prompt"]
        spread = len(prompt.split()[-1]) % 3 - 1
        tokens = round(self.settings.get("tokens_per_word", TOKENS_PER_WORD) * len(prompt.split())) + spread
        return tokens + TOKENS_OF_TEMPLATE + int(body.get("max_tokens") or 0) > self.settings["context"]

    async def stream(self, writer: asyncio.StreamWriter, body: dict[str, Any], fault: str) -> None:
        """Send one answer."""
        chat, asked = "messages" in body, int(body.get("max_tokens") or body["max_completion_tokens"])
        prompt = body["messages"][0]["content"] if chat else body["prompt"]
        cached = self.remembered(prompt) if self.settings.get("remembers") else None
        tokens_in = round(self.settings.get("tokens_per_word", TOKENS_PER_WORD) * len(prompt.split())
                          ) + TOKENS_OF_TEMPLATE
        tokens = max(2, asked * 6 // 10) if fault == "short" else asked
        async with self.slots:
            self.holding += 1
            try:
                await self.send_tokens(writer, chat, tokens, fault)
            finally:
                self.holding -= 1
        if fault == "cut":
            writer.close()
            return
        closes = self.settings.get("framing", "chunked") != "chunked"
        last = {"choices": [{"index": 0, "finish_reason": "length", **({"delta": {}} if chat else {"text": ""})}]}
        usage: dict[str, Any] = {"choices": [], "usage": {"prompt_tokens": tokens_in, "completion_tokens": tokens}}
        if cached is not None and not self.settings.get("silent"):
            usage["usage"]["prompt_tokens_details"] = {"cached_tokens": cached}
        self.chunk(writer, last)
        if body.get("stream_options", {}).get("include_usage") and not self.settings.get("no_usage"):
            self.chunk(writer, usage)
        writer.write(b"data: [DONE]\n\n" if closes else b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()
        if closes:
            writer.close()

    def remembered(self, prompt: str) -> int:
        """Return how many tokens of a prompt were seen before at the start of another one, in blocks of 16 words."""
        words = prompt.split()
        blocks = [" ".join(words[:end]) for end in range(16, len(words) + 1, 16)]
        known = sum(block in self.prefixes for block in blocks)
        self.prefixes.update(blocks)
        cached = round(TOKENS_PER_WORD * 16 * known)
        self.hits += cached
        self.queries += round(TOKENS_PER_WORD * len(words))
        return cached

    async def send_tokens(self, writer: asyncio.StreamWriter, chat: bool, tokens: int, fault: str) -> None:
        """Send the tokens on their absolute times."""
        loop = asyncio.get_running_loop()
        head = {"chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "http10": b"HTTP/1.0 200 OK\r\n",
                "close": b"HTTP/1.1 200 OK\r\nConnection: close\r\n"}[self.settings.get("framing", "chunked")]
        writer.write(head + b"Content-Type: text/event-stream\r\n\r\n")
        due = loop.time() + self.settings["prefill_ms"] / 1000
        for number in range(tokens):
            await asyncio.sleep(due - loop.time())
            if number == tokens // 2 and fault in ("cut", "garbage"):
                if fault == "garbage":
                    writer.write(b"11\r\ndata: {not json\n\n\r\n")
                    continue
                return
            if (number + 1) % self.settings.get("per_event", 1) == 0 or number + 1 == tokens:
                text = {"delta": {"content": "a "}} if chat else {"text": "a "}
                self.chunk(writer, {"choices": [{"index": 0, **text}]})
                await writer.drain()
            due += step_ms(self.settings["knots"], self.holding) / 1000

    def chunk(self, writer: asyncio.StreamWriter, event: dict[str, Any]) -> None:
        """Write one event, as one chunk where answers come in chunks."""
        data = f"data: {json.dumps(event)}\n\n".encode()
        chunked = self.settings.get("framing", "chunked") == "chunked"
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n" if chunked else data)

    async def plain(self, writer: asyncio.StreamWriter, status: int, data: dict[str, Any] | str) -> None:
        """Write a whole response."""
        text = (data if isinstance(data, str) else json.dumps(data)).encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
                     .encode() + text)
        await writer.drain()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                lines = {key.lower(): value for key, _, value in
                         (line.partition(": ") for line in head.split("\r\n")[1:])}
                body = await reader.readexactly(int(lines.get("content-length", 0)))
                await self.respond(writer, head, lines, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def respond(self, writer: asyncio.StreamWriter, head: str, lines: dict[str, str], body: bytes) -> None:
        """Answer one request."""
        if head.startswith("GET /v1/models"):
            context = {"max_model_len": self.settings["context"]} if "context" in self.settings else {}
            await self.plain(writer, 200, {"data": [{"id": "tiny", **context}]})
            return
        if head.startswith("GET /metrics"):
            await self.plain(writer, 200, f"vllm:prefix_cache_hits_total{{model_name=\"tiny\"}} {self.hits}.0\n"
                             f"vllm:prefix_cache_queries_total{{model_name=\"tiny\"}} {self.queries}.0\n")
            return
        self.seen += 1
        fault = self.settings.get("faults", {}).get(str(self.seen)) or self.settings.get("always", "")
        wanted = self.settings.get("key")
        if wanted and lines.get("authorization") != f"Bearer {wanted}":
            await self.plain(writer, 401, {"error": "no"})
        elif fault.isdigit():
            await self.plain(writer, int(fault), {"error": "as asked"})
        elif any(f'"{word}"' in body.decode() for word in self.settings.get("refuses", ())):
            await self.plain(writer, 400, {"error": "a word that this endpoint does not know"})
        elif fault == "die":
            sys.exit(0)
        elif self.too_long(json.loads(body)):
            await self.plain(writer, 400, {"error": "longer than the context"})
        else:
            await self.stream(writer, json.loads(body), fault)


async def main() -> None:
    """Serve until the process is ended; the port is the first line of output."""
    settings = json.loads(sys.argv[1])
    server = Server(settings)
    tls = None
    if settings.get("tls"):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*settings["tls"])
    listening = await asyncio.start_server(server.serve, "127.0.0.1", settings.get("port", 0), ssl=tls)
    sys.stdout.write(f"{listening.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await listening.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
