// Builds api/static/palate-chat.js. The same sources always give the same bytes; the banner holds their hash, so that a stale
// file is found without Node. With --check it writes nothing and fails when the committed file differs.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const widget = dirname(dirname(fileURLToPath(import.meta.url)));
const target = ["es2020"];
const out = join(widget, "..", "api", "static", "palate-chat.js");
const LIMIT = 60_000;

function filesUnder(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

function sourceHash() {
  const sources = [...filesUnder(join(widget, "src")), join(widget, "package.json"), join(widget, "scripts", "build.mjs")];
  const named = sources.map((path) => [relative(widget, path).split(sep).join("/"), path]).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash("sha256");
  for (const [name, path] of named) hash.update(`${name}\0`).update(readFileSync(path)).update("\0");
  return hash.digest("hex");
}

const minifiedCss = {
  name: "minified-css",
  setup(plugin) {
    plugin.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true, target: ["chrome80", "safari14", "firefox80"] });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const { version } = JSON.parse(readFileSync(join(widget, "package.json"), "utf8"));
const result = await build({
  entryPoints: [join(widget, "src", "index.ts")],
  absWorkingDir: widget,
  bundle: true,
  format: "esm",
  minify: true,
  target,
  charset: "utf8",
  legalComments: "none",
  plugins: [minifiedCss],
  banner: { js: `/* palate-chat ${version} | Apache-2.0 | sources sha256:${sourceHash()} */` },
  write: false,
});
const { contents } = result.outputFiles[0];
if (contents.length > LIMIT) throw new Error(`palate-chat.js has ${contents.length} bytes; the limit is ${LIMIT}.`);
if (process.argv.includes("--check")) {
  if (!readFileSync(out).equals(Buffer.from(contents))) {
    process.stderr.write("api/static/palate-chat.js is not what widget/src builds. Run 'npm ci && npm run build' in widget/ and commit it.\n");
    process.exit(1);
  }
} else {
  writeFileSync(out, contents);
}
process.stdout.write(`palate-chat.js: ${contents.length} bytes\n`);
