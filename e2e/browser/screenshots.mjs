// Writes a screenshot of every page into the folder named on the command line: `make screenshots`.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { open, start, stop } from "./browser.mjs";
import { everyPage } from "./pages.mjs";

const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
await start();
const addresses = await everyPage();
for (const view of [
  { width: 1280, scheme: "light" }, { width: 1280, scheme: "dark" }, { width: 390, scheme: "light" }, { width: 1280, scheme: "light", locale: "en" },
]) {
  const { page, context } = await open(view);
  for (const [name, address] of addresses) {
    await page.goto(address);
    await page.waitForTimeout(400); // charts draw themselves after the page has come
    await page.screenshot({ path: join(folder, `${name}-${view.scheme}-${view.width}${view.locale ? "-" + view.locale : ""}.png`), fullPage: true });
  }
  await context.close();
}
await stop();
console.log(`${addresses.length} pages, four views each: ${folder}`);
