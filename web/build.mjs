// Bundle the scripts, styles, fonts and icons of the pages into src/scoreline/ui/static, under names that change
// with their content, and write manifest.json, which leads from a plain name to those.
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = resolve(here, process.argv[2] ?? "../src/scoreline/ui/static");
const draft = `${target}.draft`;
rmSync(draft, { recursive: true, force: true });
mkdirSync(draft, { recursive: true });

const result = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/app.js", theme: "src/theme.js", style: "src/style.css" },
  outdir: draft,
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome111", "firefox115", "safari16.4"],
  loader: { ".woff2": "file" },
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const manifest = {};
for (const [file, output] of Object.entries(result.metafile.outputs)) {
  const name = basename(file);
  if (output.entryPoint) manifest[basename(output.entryPoint)] = name;
}

const icons = readdirSync(join(here, "src/icons"), { withFileTypes: true })
  .filter((file) => file.name.endsWith(".svg"))
  .map((file) => [file.name.slice(0, -4), join(here, "src/icons", file.name)]);
const wanted = readFileSync(join(here, "src/icons/lucide.txt"), "utf8").split("\n").filter((line) => line && !line.startsWith("#"));
for (const name of wanted) icons.push([name, join(here, "node_modules/lucide-static/icons", `${name}.svg`)]);
const symbols = icons.map(([name, file]) => {
  const svg = readFileSync(file, "utf8");
  const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${inner.replace(/\s+/g, " ").trim()}</symbol>`;
});
const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`;
const digest = createHash("sha256").update(sprite).digest("hex").slice(0, 8);
writeFileSync(join(draft, `icons-${digest}.svg`), sprite);
manifest["icons.svg"] = `icons-${digest}.svg`;
manifest.icons = icons.map(([name]) => name).sort();
manifest.outlines = Object.fromEntries(icons.map(([name, file]) => [name, outline(readFileSync(file, "utf8"))]));

// What the bundle before this one held stays for the pages, and the control plane, that are open meanwhile.
manifest.files = readdirSync(draft).sort();
for (const name of before(target)) {
  if (!manifest.files.includes(name)) copyFileSync(join(target, name), join(draft, name));
}

writeFileSync(join(draft, "manifest.json"), JSON.stringify(manifest, null, 1) + "\n");
rmSync(target, { recursive: true, force: true });
renameSync(draft, target);

function before(folder) {
  const file = join(folder, "manifest.json");
  const names = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")).files ?? []) : [];
  return names.filter((name) => existsSync(join(folder, name)));
}

// All shapes of an icon as one path: what is drawn hundreds of times costs a third of a <use>.
function outline(svg) {
  const shapes = svg.matchAll(/<(path|circle|ellipse|rect|line|polyline|polygon)\b([^>]*?)\/?>/g);
  return [...shapes].map(([, shape, rest]) => {
    const said = Object.fromEntries([...rest.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    const number = (name) => Number(said[name] ?? 0);
    switch (shape) {
      case "path":
        return said.d;
      case "circle":
        return oval(number("cx"), number("cy"), number("r"), number("r"));
      case "ellipse":
        return oval(number("cx"), number("cy"), number("rx"), number("ry"));
      case "line":
        return `M${said.x1} ${said.y1}L${said.x2} ${said.y2}`;
      case "polyline":
      case "polygon":
        return `M${said.points.trim()}${shape === "polygon" ? "Z" : ""}`;
    }
    const [x, y, width, height] = ["x", "y", "width", "height"].map(number);
    const round = Math.min(number("rx") || number("ry"), width / 2, height / 2);
    const corner = (dx, dy) => (round ? `a${round} ${round} 0 0 1 ${dx} ${dy}` : "");
    return (
      `M${x + round} ${y}h${width - 2 * round}${corner(round, round)}v${height - 2 * round}${corner(-round, round)}` +
      `h${2 * round - width}${corner(-round, -round)}v${2 * round - height}${corner(round, -round)}Z`
    );
  }).join("");
}

function oval(x, y, rx, ry) {
  return `M${x - rx} ${y}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0Z`;
}
