import assert from "node:assert/strict";
import { test } from "node:test";
import { serverEvents, SseParser } from "../src/sse.ts";

const stream = 'event: status\r\ndata: {"stage":"rank"}\r\n\r\n: ping\n\nevent: text\ndata: {"delta":\ndata: "你好"}\n\ndata: plain\n\r\nevent: none\n\n';
const events = [
  { event: "status", data: '{"stage":"rank"}' },
  { event: "text", data: '{"delta":\n"你好"}' },
  { event: "message", data: "plain" },
];

test("events are the same however the text is cut", () => {
  for (let size = 1; size <= stream.length; size += 1) {
    const parser = new SseParser();
    const found = [];
    for (let at = 0; at < stream.length; at += size) found.push(...parser.push(stream.slice(at, at + size)));
    assert.deepEqual(found, events, `pieces of ${size}`);
  }
});

test("every line ending ends an event, also when cut between CR and LF", () => {
  for (const end of ["\n", "\r", "\r\n"]) {
    const parser = new SseParser();
    const text = `event: a${end}data: 1${end}${end}data: 2${end}${end}data: 3${end}${end}data`;
    const found = [...text].flatMap((char) => parser.push(char));
    assert.deepEqual(found.map(({ data }) => data), ["1", "2", "3"]);
    assert.equal(found[0].event, "a");
    assert.equal(found[1].event, "message");
  }
});

test("a byte order mark, a missing space and a field without a value are no trouble", () => {
  const parser = new SseParser();
  assert.deepEqual(parser.push("\ufeffdata:x\ndata\nretry: 3\nid: 4\n\n"), [{ event: "message", data: "x\n" }]);
});

test("an unfinished event is not given", () => {
  assert.deepEqual(new SseParser().push("data: half\n"), []);
});

test("characters cut between chunks of bytes come out whole, and stopping early cancels the body", async () => {
  const bytes = new TextEncoder().encode(stream);
  let cancelled = false;
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
    },
    cancel() {
      cancelled = true;
    },
  });
  const found = [];
  for await (const event of serverEvents(body)) {
    found.push(event);
    if (found.length === 2) break;
  }
  assert.deepEqual(found, events.slice(0, 2));
  assert.ok(cancelled);
});
