// Pages of the example as the developer tools would show them, in a document without a screen.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("<!doctype html>");
const names = ["window", "document", "Element", "Event", "CustomEvent", "HTMLElement", "Node", "MutationObserver"];
for (const name of names) globalThis[name] = name === "window" ? window : window[name];

// WeChat's own compiler comes for few machines; the other one reads the same pages.
const compiler = process.arch === "x64" ? "official" : "simulate";
const require = createRequire(import.meta.url);
const simulate = require("miniprogram-simulate");
const example = new URL("../example/", import.meta.url);


// start loads app.js with this wx, and gives what opens its pages.
export function start(wx) {
  let app;
  Object.assign(globalThis, { wx, App: (options) => (app = options), getApp: () => app, Page: asComponent });
  run(fileURLToPath(new URL("app.js", example)));
  app.onLaunch();
  return (name) => openPage(fileURLToPath(new URL(`pages/${name}/${name}`, example)));
}

// A page is a component whose methods stand beside its data; the simulator knows components only.
function asComponent({ data, ...methods }) {
  globalThis.Component({ data, methods });
}

function run(path) {
  require(path);
  delete require.cache[path];
}

function openPage(path) {
  const page = simulate.render(simulate.load(path, { rootPath: fileURLToPath(example), compiler }));
  page.attach(window.document.createElement("div"));
  page.instance.onShow?.();
  return {
    text: (part) => page.querySelector(`.${part}`)?.dom.textContent.trim(),
    data: page.data,
    // happen is what WeChat tells a part of the page: a tap, what a button gave, what a form holds.
    happen: (part, event, detail = {}) => page.querySelector(`.${part}`).dispatchEvent(event, { detail }),
  };
}

// buttons lists the buttons of the example's pages as "page.button".
export function buttons() {
  const { pages } = JSON.parse(readFileSync(new URL("app.json", example)));
  return pages.flatMap((page) => {
    const written = readFileSync(new URL(`${page}.wxml`, example), "utf8");
    return [...written.matchAll(/<button class="(\w+)"/g)].map(([, name]) => `${page.split("/").at(-1)}.${name}`);
  });
}
