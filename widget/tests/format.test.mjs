import assert from "node:assert/strict";
import { test } from "node:test";
import { failureOf, toFailure } from "../src/api.ts";
import { hash, initials } from "../src/cover.ts";
import { mediaUrl } from "../src/dom.ts";
import { nearest } from "../src/focus.ts";
import { barShares, degradedNotes, evidenceOf, failureText, placeText, platformList, platformName, sizeOf, subtitle, timingLines } from "../src/format.ts";
import { languageOf, texts } from "../src/text.ts";

const { en, zh } = texts;
const evidence = (more) => ({ kind: "history", source: "ease", weight: 0.5, item_id: "a", platform: "netflix", detail: "", ...more });

test("only addresses of the web are loaded as pictures or sounds", () => {
  const base = "https://palate.example/app/";
  assert.equal(mediaUrl("/media/a.png", base), "https://palate.example/media/a.png");
  assert.equal(mediaUrl("media/a b.png", base), "https://palate.example/app/media/a%20b.png");
  for (const bad of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "blob:x", "http://", "", null, undefined]) {
    assert.equal(mediaUrl(bad, base), null, String(bad));
  }
});

test("degraded codes become sentences, each once, in both languages", () => {
  const codes = ["rerank", "retrieve:ease", "explain", "rerank", "new:thing"];
  for (const t of [en, zh]) {
    const notes = degradedNotes(codes, t);
    assert.equal(notes.length, 4);
    assert.ok(notes[1].includes(t.sources.ease));
    assert.ok(notes[3].includes("new:thing"));
  }
});

test("evidence comes once, weightiest first, and bars compare within a source", () => {
  const one = evidence({});
  const reasons = [
    { text: "", author: "llm", evidence: [evidence({ item_id: "b", weight: -2 }), one] },
    { text: "", author: "template", evidence: [{ ...one }, evidence({ source: "content", weight: 0.25 })] },
  ];
  const found = evidenceOf(reasons);
  assert.deepEqual(found.map((e) => e.weight), [-2, 0.5, 0.25]);
  assert.deepEqual(barShares(found), [1, 0.25, 1]);
  assert.deepEqual(barShares([evidence({ weight: 0 })]), [0]);
});

test("languages have the same texts", () => {
  const keys = (value) => Object.entries(value).flatMap(([k, v]) => (v && typeof v === "object" && !["genres", "failures"].includes(k) ? [k, ...keys(v).map((x) => `${k}.${x}`)] : [k]));
  assert.deepEqual(keys(zh).sort(), keys(en).sort());
  assert.equal(languageOf("zh-Hans-CN"), "zh");
  assert.equal(languageOf("ZH"), "zh");
  assert.equal(languageOf("de"), "en");
  assert.equal(languageOf(null), "en");
});

test("small words", () => {
  const item = { title: "Alien", type: "movie", genres: ["Horror", "Sci-Fi", "Thriller", "Action"], year: 1979, creators: [] };
  assert.equal(subtitle(item, en), "1979 · Horror, Sci-Fi, Thriller");
  assert.equal(subtitle(item, zh), "1979 · 恐怖, 科幻, 惊悚");
  assert.equal(platformName("netflix"), "Netflix");
  assert.equal(platformName("bilibili"), "Bilibili");
  assert.deepEqual(timingLines({ total: 1510, rerank: 1200.4, retrieve: 12 }, en), ["ranking: 1.2 s", "search: 12 ms", "in all: 1.5 s"]);
  assert.deepEqual(platformList(" Spotify, netflix  spotify"), ["spotify", "netflix"]);
  assert.deepEqual(platformList(null), []);
  assert.deepEqual([300, 800, 1200, 1900].map(sizeOf), ["s", "m", "l", "tv"]);
});

test("failures are read from any body", () => {
  assert.deepEqual(failureOf(400, { error: { message: "no", code: "invalid_input" } }), { status: 400, code: "invalid_input", message: "no" });
  for (const body of [null, "text", [], { error: "x" }, { error: { message: 3 } }]) assert.equal(failureOf(502, body).code, "http_502");
  assert.equal(failureText(toFailure(new TypeError("fetch failed")), en), en.failures.network);
  assert.equal(failureText({ code: "odd", message: "", status: 1 }, en), "odd");
});

test("a place is compared with the search's, and what moved it is named", () => {
  const found = (more) => ({ rank: 1, rank_without_llm: 9, scores: { retriever: 0.5, llm: null }, model: {}, ...more });
  const learned = { order: "learned" };
  assert.equal(placeText(found({ model: learned }), en), "Place 1; without the learned order it would be place 9.");
  assert.equal(placeText(found({ model: learned }), zh), "第 1 位；没有学习得来的排序时是第 9 位。");
  assert.equal(placeText(found({ model: { name: "x", ...learned }, scores: { llm: -1.9 } }), en), "Place 1; without the learned order it would be place 9.");
  assert.equal(placeText(found({ model: { name: "x" }, scores: { llm: -1.9 } }), en), "Place 1; without the language model it would be place 9.");
  assert.equal(placeText(found({ model: learned, rank: 9 }), en), "Place 9, with and without the learned order.");
  for (const more of [{}, { model: learned, rank_without_llm: null }]) assert.equal(placeText(found(more), en), "Place 1");
});

test("drawn covers know titles in any script", () => {
  assert.equal(initials("The  Matrix: Reloaded"), "TM");
  assert.equal(initials("月下 独奏"), "月独");
  assert.equal(initials("!!!"), "");
  assert.equal(hash("a"), hash("a"));
  assert.notEqual(hash("ab"), hash("ba"));
});

test("the arrow keys find the nearest thing on that side", () => {
  const box = (x, y) => ({ left: x, right: x + 10, top: y, bottom: y + 10 });
  const grid = [box(20, 0), box(40, 0), box(0, 20), box(22, 20)];
  assert.equal(nearest(box(0, 0), grid, "ArrowRight"), 0);
  assert.equal(nearest(box(0, 0), grid, "ArrowDown"), 2);
  assert.equal(nearest(box(0, 0), grid, "ArrowLeft"), -1);
  assert.equal(nearest(box(0, 0), [], "ArrowUp"), -1);
  assert.equal(nearest(box(22, 20), grid, "ArrowUp"), 0);
});
