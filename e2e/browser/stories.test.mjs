// An operator's day, walked in a real browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { call, logIn, open, phones, reveal, signIn, start, stop } from "./browser.mjs";

before(start);
after(stop);

// person is a phone of the sandbox whose owner has told a nickname of Chinese characters.
async function person() {
  for (let phone = 1; phone <= 12; phone++) {
    const login = await logIn(phone);
    if (!login?.token) continue;
    const profile = await reveal(phone, login.token, "profile");
    if (/^\p{Script=Han}{2}/u.test(profile.data?.name ?? "") && profile.data.name !== "微信用户") {
      return { phone, ...login, name: profile.data.name };
    }
  }
  throw new Error("no phone has an owner with a Chinese nickname");
}

test("a wrong password is refused, the right one leads where one wanted to go", async () => {
  const { page, context, complaints } = await open({ signedIn: false });
  await signIn(page, "not the password");
  assert.match(await page.locator("main").innerText(), /账号或密码不正确/);
  await page.goto("/admin/users?q=abc");
  await page.locator("input[name=name]").fill("admin");
  await page.locator("input[name=password]").fill(process.env.WXKEEPER_PASSWORD);
  await page.locator("main form button.btn-primary").click();
  await page.waitForURL("**/admin/users?q=abc");
  assert.deepEqual(complaints.filter((text) => !text.includes("422")), []);
  await context.close();
});

test("find by two characters, read the key's story, check, force a new login, see the phone come back", async () => {
  const who = await person();
  const { page, context, complaints } = await open();
  await page.goto("/admin/");
  await page.keyboard.press("/");
  await page.keyboard.type([...who.name].slice(0, 2).join(""));
  await page.keyboard.press("Enter");
  await page.waitForURL("**/admin/users?q=*");
  await page.locator(`td.lead a[href="/admin/users/${who.user}"]`).click();
  await page.waitForURL(`**/admin/users/${who.user}`);
  assert.match(await page.locator("main").innerText(), new RegExp(who.user));

  await page.goto(`/admin/users/${who.user}/keys`);
  assert.ok(await page.locator("main svg:not(.icon):not(.mark)").first().isVisible(), "the timeline is drawn");
  assert.ok(await page.locator("main table tbody tr").count() > 0, "and told as a table");

  await page.goto(`/admin/users/${who.user}`);
  await page.getByRole("button", { name: "立即核对" }).first().click();
  await page.waitForLoadState();
  assert.match(await page.locator("[role=status]").first().innerText(), /微信确认有效|微信确认已失效/);

  await page.getByRole("button", { name: "强制重新登录" }).first().click();
  const dialog = page.locator("dialog:visible");
  assert.match(await dialog.innerText(), /下一次请求/);
  await dialog.locator("select[name=reason]").selectOption("login");
  await dialog.getByRole("button", { name: "强制重新登录" }).click();
  await page.waitForLoadState();
  assert.equal((await call("/session/", {}, who.token)).code, 2, "the token is over with the next request");

  const again = await logIn(who.phone);
  assert.equal(again.user, who.user);
  assert.equal((await call("/session/", {}, again.token)).code, 0);
  await page.goto(`/admin/users/${who.user}/events`);
  assert.match(await page.locator("main").innerText(), /被强制重新登录/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("many at once, with a result", async () => {
  const { page, context, complaints } = await open();
  await page.goto("/admin/users");
  const boxes = page.locator("tbody [data-select]");
  await boxes.nth(0).check();
  await boxes.nth(1).check();
  assert.match(await page.locator("[data-selection-count]").innerText(), /2/);
  await page.locator(".selection").getByRole("button", { name: "强制重新登录" }).first().click();
  const dialog = page.locator("dialog:visible");
  await dialog.locator("select[name=reason]").selectOption("security");
  await dialog.getByRole("button", { name: "强制重新登录" }).click();
  await page.waitForURL("**/admin/jobs/*");
  await page.getByText("已处理 2 位用户").waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test("everybody who matches, after a second look", async () => {
  const { page, context, complaints } = await open();
  await page.goto("/admin/users?device=android");
  await page.locator("tbody [data-select]").first().check();
  await page.locator("[data-select-all]").check();
  await page.locator(".selection").getByRole("button", { name: "强制重新登录" }).first().click();
  await page.locator("dialog:visible select[name=reason]").selectOption("security");
  await page.locator("dialog:visible").getByRole("button", { name: "强制重新登录" }).click();
  await page.waitForURL("**/admin/users/relogin");
  assert.match(await page.locator("h1").innerText(), /强制 [\d,]+ 人重新登录/);
  const typed = page.locator("input[name=confirmation]");
  if (await typed.count()) await typed.fill(await page.locator("input[name=expected]").inputValue());
  await page.locator("main select[name=reason]").selectOption("security");
  await page.locator("main form .btn-danger, main form button[type=submit]").last().click();
  await page.waitForURL("**/admin/jobs/*");
  await page.getByText("已完成").first().waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test("an export is a file that a spreadsheet opens", async () => {
  const { page, context } = await open();
  await page.goto("/admin/users");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "导出 CSV" }).click()]);
  const text = readFileSync(await file.path(), "utf8");
  assert.ok(text.startsWith("\ufeffappid,openid,"));
  assert.ok(text.trim().split("\n").length > 2);
  await context.close();
});

test("why did it fail: a support code is answered with one sentence", async () => {
  const { token } = await logIn(2);
  const failed = await call("/getinfo/", { iv: "AAAAAAAAAAAAAAAAAAAAAA==", encryptedData: "AAAAAAAAAAAAAAAAAAAAAA==" }, token);
  assert.equal(failed.code, 3);
  const { page, context, complaints } = await open();
  await page.goto("/admin/troubleshoot");
  await page.locator("main input[name=q]").fill(failed.request_id.toLowerCase());
  await page.keyboard.press("Enter");
  await page.waitForURL("**/admin/troubleshoot?*");
  const answer = await page.locator("main").innerText();
  assert.match(answer, new RegExp(failed.request_id));
  assert.doesNotMatch(answer, /没有这个反馈码/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("live events come once they are asked for, and wait while somebody points at them", async () => {
  const { page, context, complaints } = await open();
  await page.goto("/admin/");
  await page.locator("[data-live] > summary").click();
  await page.locator(".live-rows").waitFor({ state: "attached" });
  await page.waitForTimeout(500); // the stream has to be open before something happens
  await logIn(3);
  const rows = page.locator(".live-rows > li");
  await rows.first().waitFor();

  await rows.first().hover();
  const shown = await rows.count();
  await logIn(4);
  const pill = page.locator("[data-live-pill]");
  await pill.waitFor();
  assert.equal(await rows.count(), shown, "nothing moves under the cursor");
  await pill.click();
  assert.ok(await rows.count() > shown, "what waited is shown when asked for");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("language and theme are remembered", async () => {
  const { page, context, complaints } = await open();
  await page.goto("/admin/users");
  await page.locator(".menu > summary").last().click();
  await page.getByRole("button", { name: "English" }).click();
  await page.waitForLoadState();
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  assert.match(await page.locator("h1").innerText(), /Users/);
  await page.locator(".menu > summary").last().click();
  await page.getByRole("button", { name: "Dark" }).click();
  await page.waitForLoadState();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  await page.goto("/admin/keys");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("everything works with scripts off", async () => {
  const who = await person();
  const { page, context } = await open({ scripts: false, signedIn: false });
  await signIn(page);
  await page.goto(`/admin/users?q=${encodeURIComponent([...who.name].slice(0, 2).join(""))}`);
  await page.locator(`td.lead a[href="/admin/users/${who.user}"]`).click();
  await page.waitForURL(`**/admin/users/${who.user}`);
  await page.getByRole("button", { name: "强制重新登录" }).first().click();
  const dialog = page.locator("dialog:visible");
  await dialog.locator("select[name=reason]").selectOption("test");
  await dialog.getByRole("button", { name: "强制重新登录" }).click();
  await page.waitForURL(`**/admin/users/${who.user}*`);
  assert.equal((await call("/session/", {}, who.token)).code, 2);

  await page.goto("/admin/users");
  await page.locator("tbody [data-select]").first().check();
  await page.locator(".selection").getByRole("button", { name: "强制重新登录" }).first().click();
  await page.locator("dialog:visible select[name=reason]").selectOption("test");
  await page.locator("dialog:visible").getByRole("button", { name: "强制重新登录" }).click();
  await page.waitForURL("**/admin/jobs/*");

  await page.locator(".menu > summary").last().click();
  await page.getByRole("button", { name: "退出登录" }).click();
  await page.waitForURL("**/admin/login*");
  await page.goto("/admin/users");
  assert.match(page.url(), /\/admin\/login/);
  await context.close();
});
