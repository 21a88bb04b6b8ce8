// What the browser tests share: a real Chromium, somebody signed in, and what must hold on every page.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

// The sandbox under test, as the Go test that runs this file started it.
export const base = process.env.WXKEEPER_PAGES;
export const phones = process.env.WXKEEPER_PHONES;
const password = process.env.WXKEEPER_PASSWORD;

let chrome;
let cookies;

export async function start() {
  chrome = await chromium.launch({ executablePath: process.env.WXKEEPER_CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

export async function stop() {
  await chrome?.close();
}

// open gives a page of somebody signed in, and what its console complained of.
export async function open(options = {}) {
  const { width = 1280, scheme = "light", locale = "zh-CN", scripts = true, signedIn = true } = options;
  const context = await chrome.newContext({
    baseURL: base, colorScheme: scheme, locale, javaScriptEnabled: scripts, reducedMotion: "reduce",
    viewport: { width, height: width < 600 ? 844 : 900 },
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints = [];
  page.on("console", (message) => {
    // Avatars are WeChat's own pictures, and a machine that runs tests need not reach the open net.
    const avatar = /qlogo\.cn/.test(message.location().url ?? "");
    if (["error", "warning"].includes(message.type()) && !avatar) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
  if (signedIn) {
    if (cookies) await context.addCookies(cookies);
    else {
      await signIn(page);
      cookies = (await context.cookies()).filter((cookie) => cookie.name.endsWith("wxkeeper_session"));
    }
  }
  return { page, context, complaints };
}

export async function signIn(page, secret = password) {
  await page.goto("/admin/login");
  await page.locator("input[name=name]").fill("admin");
  await page.locator("input[name=password]").fill(secret);
  await page.locator("main form button.btn-primary").click();
  await page.waitForLoadState();
}

// violations lists what axe-core finds wrong with a page as it stands.
export async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() =>
    window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ")}`);
}

// sideways says by how many pixels a page is wider than the window.
export const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

// call is what a mini program does: it sends a form to the API.
export async function call(path, form, token) {
  const answer = await fetch(base + path, {
    method: "POST", body: new URLSearchParams(form),
    headers: token ? { Authorization: `Bearer ${token}` } : {},
  });
  return { status: answer.status, ...(await answer.json()) };
}

// logIn is wx.login on a phone of the sandbox, and its code sent to the server.
export async function logIn(phone) {
  const code = await (await fetch(`${phones}/sandbox/phones/${phone}/code`, { method: "POST" })).text();
  return (await call("/login/", { code: code.trim() })).data;
}

// reveal is what getUserProfile and getPhoneNumber give on a phone, sent to the server.
export async function reveal(phone, token, kind) {
  const sealed = await (await fetch(`${phones}/sandbox/phones/${phone}/sealed?kind=${kind}`)).json();
  return call("/getinfo/", sealed, token);
}
