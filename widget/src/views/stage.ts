/** The slate: its heading, notes, cards, and the panel under a card. */

import { h, icon } from "../dom.ts";
import { degradedNotes, milliseconds, modelName, timingLines } from "../format.ts";
import type { State } from "../state.ts";
import type { Recommendation, Slate } from "../types.ts";
import { failureBox } from "./bits.ts";
import { card, skeletonCard, type CardView } from "./card.ts";
import type { Context } from "./context.ts";
import { whyPanel } from "./why.ts";

/** Tells views that they leave the page, so that sounds and requests end. */
export function farewell(root: ParentNode): void {
  for (const el of root.querySelectorAll(".play, .why")) el.dispatchEvent(new Event("palate-gone"));
}

export class Stage {
  readonly el: HTMLElement;
  private readonly heading = h("h2", { part: "heading" });
  private readonly back: HTMLButtonElement;
  private readonly timing = h("span", { class: "timing", tabindex: 0 });
  private readonly refresh: HTMLButtonElement;
  private readonly notes = h("div", { class: "notes" });
  private readonly list = h("ul", { class: "cards plain", part: "cards" });
  private readonly live = h("div", { class: "hidden", role: "status" });
  private cards: CardView[] = [];
  private slate: Slate | null = null;
  private drawn = "";
  private opened: { panel: HTMLElement; view: CardView } | null = null;

  constructor(
    private readonly context: Context,
    private readonly n: number,
  ) {
    const { t } = context;
    this.back = h("button", { type: "button", class: "soft back-to", click: () => context.backToPicks() }, icon("back"), t.backToPicks);
    this.refresh = h("button", { type: "button", class: "soft", part: "refresh", click: () => context.reload() }, icon("again"), t.refresh);
    const bar = h("header", {}, this.heading, this.timing, h("span", { class: "gap" }), this.back, this.refresh);
    this.el = h("section", { class: "stage", part: "stage", "aria-label": t.picks }, bar, this.notes, this.list, this.live);
  }

  update(state: State): void {
    const { t } = this.context;
    const query = state.shown?.query ?? "";
    this.heading.textContent = query ? t.forQuery(query) : t.forYou;
    this.back.hidden = !query || !state.picks;
    const working = state.load === "loading" || state.load === "waiting";
    this.refresh.hidden = !state.shown || state.load === "failed";
    this.refresh.disabled = working;
    this.refresh.classList.toggle("accent", state.changed);
    this.list.setAttribute("aria-busy", String(working || (state.busy && state.turns[state.turns.length - 1]?.slate === null)));
    this.drawTiming(state.shown?.slate ?? null);
    this.drawNotes(state);
    this.drawList(state, working);
    for (const view of this.cards) view.update(state);
  }

  private drawTiming(slate: Slate | null): void {
    const total = slate?.timings_ms["total"];
    this.timing.hidden = !slate || total === undefined;
    if (!slate || total === undefined) return;
    const lines = [...timingLines(slate.timings_ms, this.context.t), modelName(slate.model)].filter(Boolean);
    this.timing.replaceChildren(milliseconds(total), h("span", { class: "tip", role: "tooltip" }, ...lines.map((line) => h("span", {}, line))));
  }

  private drawNotes(state: State): void {
    const { t } = this.context;
    const notes: HTMLElement[] = degradedNotes(state.shown?.slate.degraded ?? [], t).map((note) => h("p", { class: "note degraded", part: "degraded" }, note));
    if (state.changed) notes.push(h("p", { class: "note", role: "status" }, t.changed));
    if (state.load === "waiting") notes.push(h("p", { class: "note", role: "status" }, t.waiting));
    if (state.load === "failed" && state.failure) notes.push(failureBox(t.failedLoad, state.failure, t, () => this.context.reload()));
    const key = JSON.stringify([state.shown?.slate.decision_id, state.changed, state.load, state.failure]);
    if (key === this.notes.dataset["key"]) return;
    this.notes.dataset["key"] = key;
    this.notes.replaceChildren(...notes);
  }

  private drawList(state: State, working: boolean): void {
    const { t } = this.context;
    const slate = state.shown?.slate ?? null;
    const what = slate ? "slate" : working ? "skeleton" : "nothing";
    if (slate === this.slate && what === this.drawn) return;
    this.drawn = what;
    this.slate = slate;
    farewell(this.list);
    this.opened = null;
    this.cards = [];
    this.list.scrollLeft = 0;
    if (!slate) {
      this.live.textContent = working ? t.loading : "";
      this.list.replaceChildren(...(working ? Array.from({ length: Math.min(this.n, 12) }, () => h("li", {}, skeletonCard())) : []));
      return;
    }
    this.cards = slate.items.map((item) => this.card(item, slate));
    const empty = h("li", { class: "empty", part: "empty" }, h("strong", {}, t.empty), h("span", { class: "muted" }, t.emptyHint));
    this.list.replaceChildren(...(this.cards.length > 0 ? this.cards.map((view) => h("li", {}, view.el)) : [empty]));
    this.live.textContent = this.cards.length > 0 ? t.ready(this.cards.length) : t.empty;
  }

  private card(item: Recommendation, slate: Slate): CardView {
    const view: CardView = card(item, slate, this.context, () => this.toggleWhy(view, item, slate));
    return view;
  }

  private toggleWhy(view: CardView, item: Recommendation, slate: Slate): void {
    const before = this.opened?.view;
    this.closeWhy();
    if (before === view) return;
    const panel = h("li", { class: "why-place" }, whyPanel(item, slate, this.context, () => (this.closeWhy(), view.why.focus())));
    view.el.parentElement?.after(panel);
    view.el.classList.add("open");
    view.why.setAttribute("aria-expanded", "true");
    this.opened = { panel, view };
    panel.querySelector<HTMLElement>("h3")?.focus({ preventScroll: true });
    panel.scrollIntoView({ block: "nearest", inline: "center" });
  }

  private closeWhy(): void {
    if (!this.opened) return;
    const { panel, view } = this.opened;
    farewell(panel);
    panel.remove();
    view.el.classList.remove("open");
    view.why.setAttribute("aria-expanded", "false");
    this.opened = null;
  }
}
