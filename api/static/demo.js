// The demo page around <palate-chat>. It uses the element as any host page would: attributes in, events out.

const TEXTS = {
  en: {
    motto: "One taste, every screen.", language: "Language", theme: "Colours", auto: "Auto", light: "Light", dark: "Dark",
    who: "Whose taste?", "demo-1": "Science fiction and thrillers, electronic and ambient music",
    "demo-2": "Comedies and romance, jazz and bossa nova", "demo-3": "Drama, animation and classics, piano and zheng",
    past: "What Palate knows of them", "past-hint": "From the exports of each platform. Leave one out and see what changes.",
    index: "Still being indexed", embed: "The same in your own page",
    "embed-hint": "Everything from “For you” to the chat is one element. Two lines put it anywhere:",
    use: "use", entries: (n) => (n === 1 ? "1 event" : `${n} events`), none: "Nothing yet.", noHistory: "The history could not be loaded.",
    here: "Said here", liked: "liked", disliked: "not for me", leave: (name) => `Use the history of ${name}`,
    parts: { "text-en": "Text, English", "text-mixed": "Text, many languages", image: "Pictures", audio: "Sounds", sources: "Taste model", titles: "Titles, read by the model", fusion: "Learned order", llm: "Language model", "llm rank": "Language model for the order", "llm explain": "Language model for reasons", "llm understand": "Language model for wishes" },
  },
  zh: {
    motto: "同一种口味，每一块屏幕。", language: "语言", theme: "配色", auto: "自动", light: "浅色", dark: "深色",
    who: "看谁的口味？", "demo-1": "科幻与惊悚片，电子与氛围音乐", "demo-2": "喜剧与爱情片，爵士与波萨诺瓦", "demo-3": "剧情、动画与经典，钢琴与古筝",
    past: "Palate 知道些什么", "past-hint": "来自各平台导出的记录。停用一个平台，看看推荐如何变化。",
    index: "仍在建立索引", embed: "放进你自己的页面", "embed-hint": "从“为你推荐”到对话框就是一个元素，两行代码即可嵌入：",
    use: "使用", entries: (n) => `${n} 条记录`, none: "还没有记录。", noHistory: "历史加载失败。",
    here: "在这里的反馈", liked: "喜欢", disliked: "不感兴趣", leave: (name) => `使用${name}的历史`,
    parts: { "text-en": "英文文本", "text-mixed": "多语言文本", image: "图片", audio: "声音", sources: "口味模型", titles: "模型读标题", fusion: "学到的排序", llm: "语言模型", "llm rank": "排序用的语言模型", "llm explain": "写理由的语言模型", "llm understand": "理解愿望的语言模型" },
  },
};
const NAMES = { netflix: "Netflix", spotify: "Spotify" };
const FIRST = ["netflix", "spotify"];

const $ = (selector) => document.querySelector(selector);
const widget = $("palate-chat");
const dark = matchMedia("(prefers-color-scheme: dark)");
const address = new URLSearchParams(location.search);
const state = {
  person: address.get("person") || "demo-1",
  lang: address.get("lang") || (navigator.language.startsWith("zh") ? "zh" : "en"),
  theme: address.get("theme") || "auto",
  without: new Set((address.get("without") || "").split(",").filter(Boolean)),
  history: null,
  failed: false,
};
if (!TEXTS[state.lang]) state.lang = "en";

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) made.setAttribute(name, value);
  made.append(...children.filter((child) => child != null));
  return made;
}

function choose(group, value) {
  for (const input of document.querySelectorAll(`input[name="${group}"]`)) {
    input.checked = input.value === value;
    input.parentElement.classList.toggle("on", input.checked);
  }
}

function entryRow(entry, t) {
  const verb = { like: t.liked, dislike: t.disliked }[entry.verb];
  const date = new Date(entry.at);
  const day = el("time", { datetime: entry.at }, date.toLocaleDateString(state.lang === "zh" ? "zh-CN" : "en-GB", { year: "numeric", month: "short", day: "numeric" }));
  return el("li", {}, el("span", { title: entry.title }, verb ? `${entry.title} (${verb})` : entry.title), day);
}

function platformBox(platform, count, entries, t) {
  const own = platform === "palate";
  const name = own ? t.here : NAMES[platform] || platform;
  const header = el("header", {}, el("span", { class: "dot", "data-platform": platform }), el("h3", {}, name), el("span", { class: "count" }, t.entries(count)));
  const box = el("article", { class: "platform", "data-platform": platform });
  if (!own) {
    const input = el("input", { type: "checkbox", role: "switch", "aria-label": t.leave(name) });
    input.checked = !state.without.has(platform);
    input.addEventListener("change", () => {
      if (input.checked) state.without.delete(platform);
      else state.without.add(platform);
      box.classList.toggle("out", !input.checked);
      apply();
    });
    header.append(el("label", { class: "leave" }, el("span", { "aria-hidden": "true" }, t.use), input, el("i")));
    box.classList.toggle("out", !input.checked);
  }
  box.append(header, el("ul", { tabindex: "0", "aria-label": name }, ...entries.map((entry) => entryRow(entry, t))));
  return box;
}

function drawHistory() {
  const t = TEXTS[state.lang];
  const place = $("#platforms");
  if (!state.history) {
    place.replaceChildren(el("p", { class: "muted" }, state.failed ? t.noHistory : "…"));
    return;
  }
  const { entries, platforms } = state.history;
  const order = (name) => (name === "palate" ? 9 : FIRST.includes(name) ? FIRST.indexOf(name) : 5);
  const names = Object.keys(platforms).sort((a, b) => order(a) - order(b) || a.localeCompare(b));
  const boxes = names.map((name) => platformBox(name, platforms[name], entries.filter((e) => e.platform === name).slice(0, 12), t));
  place.replaceChildren(...(boxes.length > 0 ? boxes : [el("p", { class: "muted" }, t.none)]));
}

async function loadHistory() {
  const person = state.person;
  try {
    const response = await fetch(`/v1/people/${encodeURIComponent(person)}/history?limit=500`);
    if (!response.ok) throw new Error(String(response.status));
    const history = await response.json();
    if (person !== state.person) return;
    state.history = history;
    state.failed = false;
  } catch {
    if (person !== state.person) return;
    state.history = null;
    state.failed = true;
    setTimeout(() => person === state.person && state.failed && loadHistory(), 4000);
  }
  drawHistory();
}

async function watchIndex() {
  let busy = true;
  try {
    const { parts } = await (await fetch("/readyz")).json();
    const t = TEXTS[state.lang];
    const left = Object.entries(parts).filter(([, part]) => part && part.total > 0 && (part.done < part.total || part.error));
    busy = left.some(([, part]) => !part.error);
    $("#index").hidden = left.length === 0;
    const shares = left.map(([, part]) => part.done / part.total);
    $("#share").textContent = `${Math.floor((100 * shares.reduce((sum, share) => sum + share, 0)) / (shares.length || 1))}%`;
    $("#parts").replaceChildren(
      ...left.map(([name, part]) => {
        const share = el("span", { class: "muted" }, part.error ? "!" : `${part.done} / ${part.total}`);
        const label = t.parts[name] || name;
        const bar = el("progress", { max: part.total, value: part.done, "aria-label": label });
        return el("div", { class: part.error ? "part bad" : "part", title: part.error || "" }, el("div", {}, el("span", {}, label), share), bar);
      }),
    );
  } catch {
    // The server is starting or restarting: look again.
  }
  setTimeout(watchIndex, busy ? 2000 : 15000);
}

function apply() {
  const t = TEXTS[state.lang];
  document.documentElement.lang = state.lang === "zh" ? "zh-Hans" : "en";
  const isDark = state.theme === "dark" || (state.theme === "auto" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  for (const place of document.querySelectorAll("[data-text]")) place.textContent = t[place.dataset.text];
  $("#taste").textContent = t[state.person] || "";
  choose("person", state.person);
  choose("language", state.lang);
  choose("theme", state.theme);
  const without = [...state.without].sort().join(" ");
  for (const [name, value] of Object.entries({ person: state.person, lang: state.lang, theme: state.theme, without })) {
    if (value) widget.setAttribute(name, value);
    else widget.removeAttribute(name);
  }
  $("#snippet").textContent =
    `<script type="module" src="${location.origin}/widget/palate-chat.js"></` + `script>\n<palate-chat person="${state.person}"></palate-chat>`;
}

function listen(id, then) {
  $(id).addEventListener("change", ({ target }) => {
    then(target.value);
    apply();
  });
}

listen("#people", (person) => {
  state.person = person;
  state.history = null;
  state.failed = false;
  drawHistory();
  loadHistory();
});
listen("#theme", (theme) => (state.theme = theme));
listen("#language", (lang) => {
  state.lang = lang;
  drawHistory();
});
dark.addEventListener("change", apply);
widget.addEventListener("palate-feedback", loadHistory);

// On a phone these would push what they are about far down: one line each, which opens.
if (matchMedia("(max-width: 620px)").matches) $(".past").open = $("#index").open = false;
apply();
drawHistory();
loadHistory();
watchIndex();
