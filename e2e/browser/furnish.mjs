// What the pages need to have something to show: forms filled in by an admin, and calls of mini programs and back ends.
import { createServer } from "node:http";
import { base, call, open, phones } from "./browser.mjs";

export const otherAppid = "wx5a5a5a5a5a5a5a5a";

const picture = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAATElEQVR42pXCIRZAAABEwX8cWZZlWZbln2VZlmVZ3mM5w84bBlNlNFUmU2U2VRZTZTVVNlNl" +
  "N1U0VQ5T5TRVLlPlNlUeU+U1VT5T/QE+L7MQfYSK1QAAAABJRU5ErkJggg==", "base64");

// submit sends a form of a page as the browser does, and gives the page that comes of it.
async function submit(page, address, form) {
  return page.evaluate(async ([to, fields]) => {
    const answer = await fetch(to, { method: "POST", body: new URLSearchParams(fields) });
    return answer.status + " " + (await answer.text());
  }, [address, form]);
}

// furnish fills the sandbox once; another run finds everything there.
export async function furnish(phone, user, token) {
  const { page, context } = await open();
  await page.goto("/admin/integrations");
  if (await page.locator("#delivery-list").count() > 0) return context.close();
  const backEnd = createServer((_, answer) => answer.end()).listen(0, "127.0.0.1");
  await new Promise((listening) => backEnd.once("listening", listening));
  const told = [];
  const must = async (address, form) => {
    const answer = await submit(page, address, form);
    if (!answer.startsWith("200 ")) told.push(`${address}: ${answer.slice(0, 200)}`);
    return answer;
  };
  const made = await must("/admin/integrations/backends", { name: "order-service", apps: "all" });
  const secret = /id="secret"[^]*?<code[^>]*>([^<]+)</.exec(made)?.[1] ?? "";
  await must("/admin/integrations/webhooks", { name: "订单系统", secret_url: `http://127.0.0.1:${backEnd.address().port}/hooks` });
  await must("/admin/integrations/webhooks", { name: "old shop", secret_url: "http://127.0.0.1:9/hooks" });
  await must("/admin/alerts", {
    kind: "feishu", name: "值班群", language: "zh-CN",
    secret_url: "https://open.feishu.cn/open-apis/bot/v2/hook/00000000-0000-0000-0000-000000000000",
  });
  await page.goto("/admin/alerts");
  await must(await page.locator("form[action$='/disable']").first().getAttribute("action"), {});
  await must("/admin/apps", { appid: otherAppid, name: "会员店 Members", policy: "fixed", secret: "0123456789abcdef0123456789abcdef" });

  await call("/profile/", { nickName: "小雨伞" }, token);
  const upload = new FormData();
  upload.append("file", new Blob([picture], { type: "image/png" }), "avatar.png");
  const avatar = await fetch(`${base}/avatar/`, { method: "POST", body: upload, headers: { Authorization: `Bearer ${token}` } });
  if (!avatar.ok) told.push(`avatar: ${await avatar.text()}`);
  const code = await (await fetch(`${phones}/sandbox/phones/${phone}/phonecode`, { method: "POST" })).text();
  await call("/phone/", { code: code.trim() }, token);
  await call("/phone/", { code: code.trim() }, token); // used by now
  await call("/report/", { api: "getPhoneNumber", errno: "1400001", errMsg: "getPhoneNumber:fail jsapi has no quota" }, token);
  await call("/report/", { api: "getPhoneNumber", errno: "1400001", errMsg: "getPhoneNumber:fail jsapi has no quota" }); // of a stranger
  await fetch(`${base}/sign/`, {
    method: "POST", body: new URLSearchParams({ user, payload: "{}" }),
    headers: { Authorization: `Basic ${Buffer.from(`order-service:${secret}`).toString("base64")}` },
  });
  await page.goto("/admin/integrations?state=done");
  for (let tries = 0; await page.locator("#delivery-list").count() === 0 && tries < 50; tries++) {
    await page.waitForTimeout(200); // deliveries leave after the answer
    await page.reload();
  }
  backEnd.closeAllConnections();
  backEnd.close();
  await context.close();
  if (told.length > 0) throw new Error(told.join("\n"));
}
