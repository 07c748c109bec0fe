/** Calls to Palate's HTTP API. Every failure becomes a `PalateFailure`. */

import { serverEvents } from "./sse.ts";
import type { CatalogItem, Explanation, Failure, Opinion, Slate } from "./types.ts";

export class PalateFailure extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/** Reads OpenAI's error envelope, `{"error": {"message", "code", …}}`, out of anything that came. */
export function failureOf(status: number, body: unknown): Failure {
  const error = (body as { error?: { message?: unknown; code?: unknown } } | null)?.error;
  return {
    status,
    code: typeof error?.code === "string" ? error.code : `http_${status}`,
    message: typeof error?.message === "string" ? error.message : "",
  };
}

export function toFailure(error: unknown): Failure {
  if (error instanceof PalateFailure) return error.failure;
  return { code: "network", message: "", status: 0 };
}

export const isAbort = (error: unknown): boolean => (error as { name?: string } | null)?.name === "AbortError";

export interface ClientOptions {
  base: string;
  token: string | null;
  person: string;
  n: number;
  language: "en" | "zh";
  without: string[];
}

export type ChatHandler = (event: string, data: Record<string, unknown>) => void;

export class Client {
  private readonly titles = new Map<string, Promise<CatalogItem>>();

  constructor(readonly options: ClientOptions) {}

  recommend(query: string, signal: AbortSignal): Promise<Slate> {
    const { person, n, language, without } = this.options;
    const body: Record<string, unknown> = { person_id: person, n, language };
    if (query) body["query"] = query;
    if (without.length > 0) body["without_platforms"] = without;
    return this.json<Slate>("v1/recommendations", { body, signal });
  }

  explain(decision: string, item: string, signal: AbortSignal): Promise<Explanation> {
    const body = { decision_id: decision, item_id: item, language: this.options.language };
    return this.json<Explanation>("v1/explanations", { body, signal });
  }

  /** Posts an opinion. An answer that counts it as rejected is a failure too. */
  async opine(item: string, verb: Opinion): Promise<void> {
    const body = { person_id: this.options.person, platform: "palate", item_id: item, verb };
    const answer = await this.json<{ rejected?: number; results?: { status?: string; reason?: string }[] }>("v1/events", { body });
    const first = Array.isArray(answer?.results) ? answer.results[0] : undefined;
    if (answer?.rejected === 1 || first?.status === "rejected") {
      throw new PalateFailure({ code: "rejected", message: first?.reason ?? "", status: 202 });
    }
  }

  /** Returns an item of the catalog; asked for once. */
  item(id: string): Promise<CatalogItem> {
    const known = this.titles.get(id);
    if (known) return known;
    const asked = this.json<CatalogItem>(`v1/items/${encodeURIComponent(id)}`, {});
    this.titles.set(id, asked);
    asked.catch(() => this.titles.delete(id));
    return asked;
  }

  async chat(message: string, conversation: string | null, handle: ChatHandler, signal: AbortSignal): Promise<void> {
    const { person, n, language, without } = this.options;
    const body: Record<string, unknown> = { person_id: person, message, n, language, stream: true };
    if (conversation) body["conversation_id"] = conversation;
    if (without.length > 0) body["without_platforms"] = without;
    const response = await this.send("v1/chat", { body, signal, accept: "text/event-stream" });
    if (!response.body) throw new PalateFailure({ code: "network", message: "", status: response.status });
    for await (const { event, data } of serverEvents(response.body)) {
      let parsed: unknown;
      try {
        parsed = JSON.parse(data);
      } catch {
        throw new PalateFailure({ code: "bad_stream", message: "", status: response.status });
      }
      if (event === "error") throw new PalateFailure(failureOf(response.status, parsed));
      if (parsed && typeof parsed === "object") handle(event, parsed as Record<string, unknown>);
      if (event === "done") return;
    }
    throw new PalateFailure({ code: "network", message: "", status: response.status });
  }

  private async json<T>(path: string, request: Sent): Promise<T> {
    const response = await this.send(path, request);
    return (await response.json()) as T;
  }

  private async send(path: string, { body, signal, accept = "application/json" }: Sent): Promise<Response> {
    const headers: Record<string, string> = { Accept: accept };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (this.options.token) headers["Authorization"] = `Bearer ${this.options.token}`;
    const init: RequestInit = { method: body === undefined ? "GET" : "POST", headers };
    if (body !== undefined) init.body = JSON.stringify(body);
    if (signal) init.signal = signal;
    const response = await fetch(new URL(path, this.options.base), init);
    if (!response.ok) throw new PalateFailure(failureOf(response.status, await response.json().catch(() => null)));
    return response;
  }
}

interface Sent {
  body?: unknown;
  signal?: AbortSignal;
  accept?: string;
}
