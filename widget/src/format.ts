/** Plain words for what the API says in codes. */

import type { Texts } from "./text.ts";
import type { Evidence, Explanation, Failure, Reason, Recommendation } from "./types.ts";

const PLATFORMS: Record<string, string> = { netflix: "Netflix", spotify: "Spotify", movielens: "MovieLens", palate: "Palate", youtube: "YouTube" };

export function platformName(platform: string): string {
  return PLATFORMS[platform] ?? platform.charAt(0).toUpperCase() + platform.slice(1);
}

export const sourceName = (source: string, t: Texts): string => t.sources[source] ?? source;

/** Turns `degraded` codes (`rerank`, `explain`, `retrieve:<source>`) into sentences, each once. */
export function degradedNotes(codes: readonly string[], t: Texts): string[] {
  const notes = codes.map((code) => {
    if (code === "rerank") return t.degraded.rerank;
    if (code === "explain") return t.degraded.explain;
    if (code.startsWith("retrieve:")) return t.degraded.retrieve(sourceName(code.slice("retrieve:".length), t));
    return t.degraded.other(code);
  });
  return [...new Set(notes)];
}

export function failureText(failure: Failure, t: Texts): string {
  return t.failures[failure.code] ?? (failure.message || failure.code);
}

export const milliseconds = (value: number): string => (value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${Math.round(value)} ms`);

/** Returns one line per stage, the longest first and the total last. */
export function timingLines(timings: Readonly<Record<string, number>>, t: Texts): string[] {
  const stages = Object.entries(timings).filter(([name]) => name !== "total");
  stages.sort((a, b) => b[1] - a[1]);
  const lines = stages.map(([name, value]) => `${t.timings[name] ?? name}: ${milliseconds(value)}`);
  const total = timings["total"];
  return total === undefined ? lines : [...lines, `${t.timings["total"]}: ${milliseconds(total)}`];
}

/** Returns the platforms that the evidence names, in order of appearance. */
export function platformsOf(reasons: readonly Reason[]): string[] {
  const named = reasons.flatMap((reason) => reason.evidence.map((evidence) => evidence.platform ?? ""));
  return [...new Set(named.filter(Boolean))];
}

/** Returns all evidence of the reasons, each piece once, the weightiest first. */
export function evidenceOf(reasons: readonly Reason[]): Evidence[] {
  const found = new Map<string, Evidence>();
  for (const evidence of reasons.flatMap((reason) => reason.evidence)) {
    const key = JSON.stringify([evidence.kind, evidence.source, evidence.item_id, evidence.platform, evidence.detail]);
    if (!found.has(key)) found.set(key, evidence);
  }
  return [...found.values()].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
}

/** Returns the share (0 to 1) that each weight's bar fills. Sources weigh on scales of their own, so each is compared with its own. */
export function barShares(evidence: readonly Evidence[]): number[] {
  const most: Record<string, number> = {};
  for (const { source, weight } of evidence) most[source] = Math.max(most[source] ?? 0, Math.abs(weight));
  return evidence.map(({ source, weight }) => (most[source] ? Math.abs(weight) / (most[source] ?? 1) : 0));
}

/** Returns the line under a title: year, makers, genres. */
export function subtitle(item: Recommendation, t: Texts): string {
  const genres = item.genres.slice(0, 3).map((genre) => t.genres[genre] ?? genre);
  const makers = (item.creators ?? []).slice(0, 2).join(", ");
  return [item.year ? String(item.year) : "", makers, genres.join(", ")].filter(Boolean).join(" · ");
}

/** Returns a readable name of the model that ranked, or "". */
export function modelName(model: Readonly<Record<string, unknown>> | undefined): string {
  const named = model?.["name"] ?? model?.["model"] ?? model?.["llm"];
  return typeof named === "string" ? named : "";
}

/** Returns an item's place, and the one that the search gave it, where a learned order or the language model had a say in it. */
export function placeText({ rank, rank_without_llm: before, scores, model }: Explanation, t: Texts): string {
  // A learned order reads the model's score too, so that without it neither counts.
  const by = model?.["order"] === "learned" ? t.orderedBy.learned : scores?.llm != null ? t.orderedBy.llm : null;
  if (before == null || by === null) return t.place(rank);
  return before === rank ? t.placeSame(rank, by) : t.placeMoved(rank, before, by);
}

export type Size = "s" | "m" | "l" | "tv";

/** Returns the layout for a width in CSS pixels. */
export function sizeOf(width: number): Size {
  if (width < 620) return "s";
  if (width < 1000) return "m";
  return width < 1560 ? "l" : "tv";
}

/** Splits an attribute such as `spotify, netflix` into platform names. */
export const platformList = (value: string | null): string[] => [...new Set((value ?? "").toLowerCase().split(/[\s,]+/).filter(Boolean))];
