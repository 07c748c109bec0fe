/** Server-sent events out of a fetch body (https://html.spec.whatwg.org/multipage/server-sent-events.html). */

export interface ServerEvent {
  event: string;
  data: string;
}

/** Takes text in pieces of any size, gives whole events. Lines may end in \n, \r\n or \r, also across pieces. */
export class SseParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private afterCr = false;
  private started = false;

  push(piece: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    let text = piece;
    if (text === "") return events;
    if (!this.started) {
      this.started = true;
      if (text.startsWith("\ufeff")) text = text.slice(1);
    }
    if (this.afterCr && text.startsWith("\n")) text = text.slice(1);
    this.afterCr = text === "" ? false : text.endsWith("\r");
    const lines = (this.rest + text).split(/\r\n|\r|\n/);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      const done = this.line(line);
      if (done) events.push(done);
    }
    return events;
  }

  private line(line: string): ServerEvent | null {
    if (line === "") {
      const done = this.data.length > 0 ? { event: this.event || "message", data: this.data.join("\n") } : null;
      this.event = "";
      this.data = [];
      return done;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return null; // a comment, sent to keep the connection open
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    if (field === "data") this.data.push(value);
    return null;
  }
}

/** Yields the events of a response body until it ends. */
export async function* serverEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    // Whoever stops listening early also stops the server's work.
    await reader.cancel().catch(() => undefined);
  }
}
