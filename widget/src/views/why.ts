/** The panel that answers "why?": all of it read from the decision's record. */

import { isAbort, toFailure } from "../api.ts";
import { h, icon } from "../dom.ts";
import { barShares, evidenceOf, modelName, placeText, sourceName } from "../format.ts";
import type { Evidence, Explanation, Recommendation, Slate } from "../types.ts";
import { failureBox, platformChip, reasonLine } from "./bits.ts";
import type { Context } from "./context.ts";

function evidenceRow(evidence: Evidence, share: number, { t, client }: Context): HTMLElement {
  const what = h("span", { class: "what" }, evidence.item_id ? "…" : t.genres[evidence.detail ?? ""] || evidence.detail || sourceName(evidence.source, t));
  if (evidence.item_id) {
    const id = evidence.item_id;
    client.item(id).then(
      (item) => (what.textContent = item.title),
      () => (what.textContent = evidence.detail || id),
    );
  }
  const fill = h("i", { class: evidence.weight < 0 ? "against" : "" });
  fill.style.width = `${Math.max(3, share * 100).toFixed(0)}%`;
  const weight = evidence.weight.toFixed(Math.abs(evidence.weight) < 10 ? 3 : 1);
  const label = evidence.weight < 0 ? `${t.weight(weight)}, ${t.against}` : t.weight(weight);
  return h(
    "li",
    { class: "evidence", part: "evidence" },
    h("span", { class: "label" }, t.kinds[evidence.kind] ?? evidence.kind),
    what,
    h("span", { class: "where" }, evidence.platform ? platformChip(evidence.platform) : null),
    h("span", { class: "weight", role: "img", "aria-label": label, title: `${label} · ${sourceName(evidence.source, t)}` }, h("span", { class: "track" }, fill), weight),
  );
}

function facts(explanation: Explanation, { t }: Context): HTMLElement {
  const { scores, model, prompt_hash: prompt } = explanation;
  const list = h("dl", { class: "facts" });
  const add = (name: string, value: string): void => list.append(h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  for (const hit of explanation.sources) add(sourceName(hit.source, t), `${t.place(hit.rank)} · ${hit.score.toFixed(3)}`);
  if (scores?.retriever != null) add(t.scoreSearch, scores.retriever.toFixed(3));
  if (scores?.llm != null) add(t.scoreModel, scores.llm.toFixed(3));
  const name = modelName(model);
  if (name) add(t.model, name);
  if (prompt) add(t.prompt, prompt.slice(0, 12));
  return h("div", { class: "found" }, h("p", { class: "place" }, placeText(explanation, t)), list);
}

function content(explanation: Explanation, context: Context): HTMLElement[] {
  const { t } = context;
  const evidence = evidenceOf(explanation.reasons);
  const shares = barShares(evidence);
  const section = (title: string, ...children: (Node | null)[]): HTMLElement => h("section", {}, h("h4", {}, title), ...children);
  const reasons = explanation.reasons.map((reason) => reasonLine(reason, t));
  const found = [section(t.reasons, ...(reasons.length > 0 ? reasons : [h("p", { class: "muted" }, t.noReasons)]))];
  if (evidence.length > 0) {
    found.push(section(t.evidence, h("ul", { class: "plain" }, ...evidence.map((e, i) => evidenceRow(e, shares[i] ?? 0, context)))));
  }
  return [...found, section(t.found, facts(explanation, context))];
}

/** Makes the panel and begins to load it. `close` gives the focus back. */
export function whyPanel(item: Recommendation, slate: Slate, context: Context, close: () => void): HTMLElement {
  const { t, client } = context;
  const stop = new AbortController();
  const title = h("h3", { tabindex: -1, id: "why-title" }, t.whyTitle(item.title));
  const body = h("div", { class: "why-body", "aria-live": "polite" });
  const button = h("button", { type: "button", class: "round", "aria-label": t.close, click: close }, icon("close"));
  const load = async (): Promise<void> => {
    body.replaceChildren(h("div", { class: "bone line" }), h("div", { class: "bone line" }), h("div", { class: "bone line short" }));
    try {
      body.replaceChildren(...content(await client.explain(slate.decision_id, item.item_id, stop.signal), context));
    } catch (error) {
      if (!isAbort(error)) body.replaceChildren(failureBox(t.failedWhy, toFailure(error), t, () => void load()));
    }
  };
  const panel = h("section", { class: "why", part: "why", role: "region", "aria-labelledby": "why-title" });
  panel.append(h("header", {}, title, button), body);
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  panel.addEventListener("palate-gone", () => stop.abort());
  void load();
  return panel;
}
