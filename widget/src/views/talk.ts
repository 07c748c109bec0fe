/** The conversation: what was said, and where to say more. */

import { h, icon } from "../dom.ts";
import { degradedNotes } from "../format.ts";
import type { State, Turn } from "../state.ts";
import { failureBox } from "./bits.ts";
import type { Context } from "./context.ts";

/** What a drawn turn depends on besides its text, which grows while it is written. */
const shapeOf = (turn: Turn): string => JSON.stringify([turn.stage, turn.busy, turn.slate?.decision_id, turn.degraded, turn.failure, turn.text === ""]);

class TurnView {
  readonly el: HTMLElement;
  private readonly text = h("p", { class: "said", dir: "auto" });
  private readonly rest = h("div", { class: "rest" });
  private shape = "";

  constructor(
    turn: Turn,
    private readonly context: Context,
  ) {
    const name = h("span", { class: "hidden" }, `${turn.role === "person" ? context.t.you : "Palate"}: `);
    this.el = h("div", { class: `turn ${turn.role}`, part: `turn turn-${turn.role}` }, name, this.text, this.rest);
  }

  update(turn: Turn): void {
    if (this.text.textContent !== turn.text) this.text.textContent = turn.text;
    const shape = shapeOf(turn);
    if (shape === this.shape) return;
    this.shape = shape;
    this.text.hidden = turn.text === "";
    this.el.setAttribute("aria-busy", String(turn.busy));
    this.rest.replaceChildren(...this.extras(turn));
  }

  private extras(turn: Turn): HTMLElement[] {
    const { t } = this.context;
    const found: HTMLElement[] = [];
    const { slate, failure } = turn;
    if (turn.busy && turn.stage) {
      const dots = h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
      found.push(h("p", { class: "muted stage-now" }, dots, t.stages[turn.stage] ?? t.working));
    }
    if (slate && slate.items.length > 0) {
      const show = (): void => this.context.show(slate, turn.question);
      found.push(h("button", { type: "button", class: "soft show-picks", click: show }, t.showPicks(slate.items.length)));
    }
    for (const note of degradedNotes(turn.degraded, t)) found.push(h("p", { class: "note degraded" }, note));
    if (failure) found.push(failureBox(t.failedChat, failure, t, () => this.context.ask(turn.question)));
    return found;
  }
}

export class Talk {
  readonly el: HTMLElement;
  private readonly log = h("div", { class: "log", part: "log", role: "log", "aria-live": "polite", tabindex: 0 });
  private readonly hint: HTMLElement;
  private readonly input: HTMLInputElement;
  private readonly send: HTMLButtonElement;
  private readonly turns = new Map<number, TurnView>();
  private busy = false;

  constructor(
    private readonly context: Context,
    placeholder: string | null,
  ) {
    const { t } = context;
    this.log.setAttribute("aria-label", t.chat);
    const suggest = (text: string): HTMLElement => h("button", { type: "button", class: "soft suggestion", part: "suggestion", click: () => context.ask(text) }, text);
    this.hint = h("div", { class: "hint" }, h("p", { class: "muted" }, t.chatHint), ...t.suggestions.map(suggest));
    this.input = h("input", {
      type: "text", part: "input", maxlength: 2000, autocomplete: "off", enterkeyhint: "send", dir: "auto",
      "aria-label": t.message, placeholder: placeholder ?? t.placeholder,
    });
    this.send = h("button", { type: "submit", class: "send", part: "send" });
    const form = h("form", { class: "composer", part: "composer", submit: (event) => this.submit(event) }, this.input, this.send);
    this.el = h("section", { class: "talk", part: "chat", "aria-label": t.chat }, this.log, form);
    this.drawSend();
  }

  get draft(): string {
    return this.input.value;
  }

  set draft(text: string) {
    this.input.value = text;
  }

  update(state: State): void {
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    const views = state.turns.map((turn) => {
      const view = this.turns.get(turn.id) ?? new TurnView(turn, this.context);
      this.turns.set(turn.id, view);
      view.update(turn);
      return view.el;
    });
    const wanted: HTMLElement[] = views.length > 0 ? views : [this.hint];
    const grown = wanted.length !== this.log.children.length || wanted.some((el, i) => this.log.children[i] !== el);
    if (grown) this.log.replaceChildren(...wanted);
    if ((grown || atEnd) && views.length > 0) this.log.scrollTop = this.log.scrollHeight;
    if (state.busy !== this.busy) {
      this.busy = state.busy;
      this.drawSend();
    }
  }

  private drawSend(): void {
    const { t } = this.context;
    this.send.setAttribute("aria-label", this.busy ? t.stop : t.send);
    this.send.title = this.busy ? t.stop : t.send;
    this.send.replaceChildren(icon(this.busy ? "stop" : "send"));
  }

  private submit(event: Event): void {
    event.preventDefault();
    if (this.busy) return this.context.stop();
    const text = this.input.value.trim();
    if (!text) return this.input.focus();
    this.input.value = "";
    return this.context.ask(text);
  }
}
