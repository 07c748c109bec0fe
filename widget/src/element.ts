/** The custom element `<palate-chat>`. */

import { Client, isAbort, PalateFailure, toFailure } from "./api.ts";
import { h } from "./dom.ts";
import { moveFocus } from "./focus.ts";
import { platformList, sizeOf } from "./format.ts";
import { initial, reduce, type Action, type State } from "./state.ts";
import css from "./styles.css";
import { languageOf, texts, type Language } from "./text.ts";
import type { Failure, Opinion, Recommendation, Slate } from "./types.ts";
import type { Context } from "./views/context.ts";
import { farewell, Stage } from "./views/stage.ts";
import { Talk } from "./views/talk.ts";

const READY_TRIES = 150;
const READY_WAIT_MS = 2000;
const OWN_ORIGIN = new URL(import.meta.url).origin;

/** Attributes that change what is asked for, and those that change only how it looks. */
const ASKING = ["person", "api", "lang", "n", "token", "without"];
const LOOKING = ["theme", "placeholder"];

export class PalateChat extends HTMLElement {
  static readonly observedAttributes = [...ASKING, ...LOOKING];

  private readonly root = this.attachShadow({ mode: "open" });
  private readonly shell = h("div", { class: "shell", part: "shell" });
  private readonly dark = matchMedia("(prefers-color-scheme: dark)");
  private readonly resized = new ResizeObserver(([entry]) => {
    if (entry) this.shell.dataset["size"] = sizeOf(entry.contentRect.width);
  });
  private state: State = initial;
  private stage: Stage | null = null;
  private talk: Talk | null = null;
  private client: Client | null = null;
  private loading: AbortController | null = null;
  private chatting: AbortController | null = null;
  private planned = false;
  private person = "";

  constructor() {
    super();
    adoptStyles(this.root);
    this.root.append(this.shell);
    this.root.addEventListener("keydown", (event) => {
      if (moveFocus(this.root, event as KeyboardEvent)) event.preventDefault();
    });
  }

  connectedCallback(): void {
    this.dark.addEventListener("change", this.applyTheme);
    this.resized.observe(this.shell);
    this.plan();
  }

  disconnectedCallback(): void {
    this.dark.removeEventListener("change", this.applyTheme);
    this.resized.disconnect();
    this.loading?.abort();
    this.chatting?.abort();
    farewell(this.root);
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (before === now || !this.isConnected) return;
    if (name === "theme") this.applyTheme();
    else this.plan();
  }

  /** Asks for a new slate: for the question that is shown, or without one. */
  refresh(): Promise<void> {
    return this.load(this.state.shown?.query ?? "");
  }

  /** Says something in the chat, as if the person had typed it. */
  async ask(text: string): Promise<void> {
    const question = text.trim().slice(0, 2000);
    if (!question || !this.client) return;
    this.chatting?.abort();
    this.apply({ type: "stopped" });
    const mine = (this.chatting = new AbortController());
    const then = (action: Action): void => {
      if (!mine.signal.aborted) this.apply(action);
    };
    then({ type: "ask", text: question });
    try {
      await this.client.chat(question, this.state.conversation, (event, data) => onChat(event, data, then), mine.signal);
    } catch (error) {
      if (mine.signal.aborted || isAbort(error)) return;
      then({ type: "chatFailed", failure: this.report(error) });
    }
  }

  /** Several attributes changed at once make one new beginning. */
  private plan(): void {
    if (this.planned) return;
    this.planned = true;
    queueMicrotask(() => {
      this.planned = false;
      if (this.isConnected) this.begin();
    });
  }

  private begin(): void {
    const language = this.language();
    const person = this.getAttribute("person") ?? "";
    const base = new URL(this.getAttribute("api") || "/", OWN_ORIGIN === "null" ? location.href : OWN_ORIGIN).href.replace(/\/?$/, "/");
    const n = Math.min(20, Math.max(1, Math.trunc(Number(this.getAttribute("n"))) || 6));
    this.client = new Client({ base, token: this.getAttribute("token"), person, n, language, without: platformList(this.getAttribute("without")) });
    this.chatting?.abort();
    // Another person's conversation must not go on here; another language or platform leaves it standing.
    this.apply(person === this.person ? { type: "stopped" } : { type: "reset" });
    this.person = person;
    this.build(this.client, language, n);
    this.applyTheme();
    if (person) void this.load("");
    else this.apply({ type: "failed", failure: { code: "no_person", message: texts[language].noPerson, status: 0 } });
  }

  private build(client: Client, language: Language, n: number): void {
    const context: Context = {
      t: texts[language],
      language,
      client,
      base: client.options.base,
      select: (item, slate) => this.emit("palate-select", { item, decision_id: slate.decision_id }),
      vote: (item, slate, verb) => void this.vote(item, slate, verb),
      ask: (text) => void this.ask(text),
      stop: () => this.halt(),
      show: (slate, query) => this.apply({ type: "show", slate, query }),
      reload: () => void this.refresh(),
      backToPicks: () => this.goBack(),
    };
    farewell(this.shell);
    const draft = this.talk?.draft ?? "";
    this.stage = new Stage(context, n);
    this.talk = new Talk(context, this.getAttribute("placeholder"));
    this.talk.draft = draft;
    this.shell.lang = language === "zh" ? "zh-Hans" : "en";
    this.shell.replaceChildren(this.stage.el, this.talk.el);
    this.draw();
  }

  private async load(query: string): Promise<void> {
    const client = this.client;
    if (!client || !client.options.person) return;
    this.loading?.abort();
    const mine = (this.loading = new AbortController());
    const then = (action: Action): void => {
      if (!mine.signal.aborted) this.apply(action);
    };
    then({ type: "load" });
    for (let tries = 1; !mine.signal.aborted; tries += 1) {
      try {
        const slate = await client.recommend(query, mine.signal);
        return then({ type: "loaded", slate, query });
      } catch (error) {
        if (mine.signal.aborted || isAbort(error)) return;
        const starting = error instanceof PalateFailure && error.failure.status === 503 && tries < READY_TRIES;
        if (!starting) return then({ type: "failed", failure: this.report(error) });
        then({ type: "wait" });
        await new Promise((resolve) => setTimeout(resolve, READY_WAIT_MS));
      }
    }
  }

  private async vote(item: Recommendation, slate: Slate, verb: Opinion): Promise<void> {
    const { client } = this;
    const before = this.state.votes[item.item_id];
    if (!client || before?.saving || before?.verb === verb) return;
    this.apply({ type: "vote", item: item.item_id, verb });
    try {
      await client.opine(item.item_id, verb);
      if (client.options.person !== this.person) return;
      this.apply({ type: "saved", item: item.item_id });
      this.emit("palate-feedback", { item, verb, decision_id: slate.decision_id });
    } catch (error) {
      const failure = this.report(error);
      if (client.options.person === this.person) this.apply({ type: "unsaved", item: item.item_id, verb, before: before?.verb ?? null, failure });
    }
  }

  private halt(): void {
    this.chatting?.abort();
    this.apply({ type: "stopped" });
  }

  private goBack(): void {
    const { picks, changed } = this.state;
    if (picks && !changed) this.apply({ type: "show", slate: picks, query: "" });
    else void this.load("");
  }

  private apply(action: Action): void {
    this.state = reduce(this.state, action);
    this.draw();
  }

  private draw(): void {
    this.stage?.update(this.state);
    this.talk?.update(this.state);
  }

  private report(error: unknown): Failure {
    const failure = toFailure(error);
    this.emit("palate-error", failure);
    return failure;
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  private language(): Language {
    const nearest = this.parentElement?.closest<HTMLElement>("[lang]")?.lang;
    return languageOf(this.getAttribute("lang") || nearest || document.documentElement.lang || navigator.language);
  }

  private readonly applyTheme = (): void => {
    const theme = this.getAttribute("theme");
    const dark = theme === "dark" || (theme !== "light" && this.dark.matches);
    this.shell.dataset["theme"] = dark ? "dark" : "light";
  };
}

function onChat(event: string, data: Record<string, unknown>, then: (action: Action) => void): void {
  const text = (value: unknown): string => (typeof value === "string" ? value : "");
  if (event === "status") then({ type: "stage", stage: text(data["stage"]) });
  if (event === "slate" && data["slate"]) then({ type: "slate", slate: data["slate"] as Slate });
  if (event === "text") then({ type: "delta", delta: text(data["delta"]) });
  if (event === "done") {
    const degraded = Array.isArray(data["degraded"]) ? data["degraded"].map(String) : [];
    then({ type: "done", conversation: text(data["conversation_id"]) || null, degraded });
  }
}

let sheet: CSSStyleSheet | null = null;

/** A constructed sheet needs no permission from a content security policy; old browsers get a style element. */
function adoptStyles(root: ShadowRoot): void {
  if (!("adoptedStyleSheets" in root)) {
    (root as ShadowRoot).append(h("style", {}, css));
    return;
  }
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  root.adoptedStyleSheets = [sheet];
}
