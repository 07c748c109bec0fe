// Bundles each test with esbuild (so that any Node >= 20 runs it) and runs Node's own test runner on them.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const widget = dirname(dirname(fileURLToPath(import.meta.url)));
const outdir = join(widget, "build");
const tests = readdirSync(join(widget, "tests")).filter((name) => name.endsWith(".test.mjs"));
rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir);
await build({
  entryPoints: tests.map((name) => join(widget, "tests", name)),
  outdir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
});
const run = spawnSync(process.execPath, ["--test", ...tests.map((name) => join(outdir, name))], { stdio: "inherit" });
process.exit(run.status ?? 1);
