// What holds on every page: no violation of accessibility in light and dark, no complaint on the console, no scrolling sideways on a
// phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open, sideways, start, stop, violations } from "./browser.mjs";
import { everyPage } from "./pages.mjs";

before(start);
after(stop);

const views = [
  { width: 1280, scheme: "light", locale: "zh-CN" },
  { width: 1280, scheme: "dark", locale: "en" },
  { width: 390, scheme: "light", locale: "zh-CN" },
  { width: 390, scheme: "dark", locale: "en" },
];

test("every page", async (t) => {
  const addresses = await everyPage();
  for (const view of views) {
    await t.test(Object.values(view).join(" "), async () => {
      const { page, context, complaints } = await open(view);
      const wrong = [];
      for (const [name, address] of [["login", "/admin/login"], ...addresses]) {
        const answer = await page.goto(address);
        const expected = name === "missing" ? 404 : 200;
        if (answer.status() !== expected) wrong.push(`${name}: HTTP ${answer.status()}`);
        for (const one of await violations(page)) wrong.push(`${name}: ${one}`);
        const beyond = await sideways(page);
        if (beyond > 0) wrong.push(`${name}: ${beyond} px too wide`);
      }
      await context.close();
      // A page that is not there is a complaint of the browser's own.
      assert.deepEqual([...wrong, ...complaints.filter((text) => !text.includes("000000000"))], []);
    });
  }
});

test("signing in", async () => {
  for (const view of views) {
    const { page, context, complaints } = await open({ ...view, signedIn: false });
    await page.goto("/admin/users?q=x");
    assert.match(page.url(), /\/admin\/login\?.*next=/);
    assert.deepEqual(await violations(page), []);
    assert.equal(await sideways(page), 0);
    assert.deepEqual(complaints, []);
    await context.close();
  }
});
