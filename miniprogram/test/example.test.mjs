// Every button of the example, tapped.
import assert from "node:assert/strict";
import { test } from "node:test";

import { buttons, start } from "./pages.mjs";
import { api, emulator, failing, newPhone, picture } from "./phone.mjs";

const tapped = new Set();

// launch starts the example on somebody's phone: where it believes its servers to be, there are ours. As in the developer tools
// WeChat's own codes and sealed data are of no use.
async function launch(nickname) {
  const phone = await newPhone(nickname);
  const places = { "http://127.0.0.1:8000/": `${api}/`, "http://127.0.0.1:8001/sandbox/phones/mock/": `${emulator}/sandbox/phones/${phone.number}/` };
  const there = (call) => (options) => {
    const [believed, real] = Object.entries(places).find(([place]) => options.url.startsWith(place));
    return call({ ...options, url: options.url.replace(believed, real) });
  };
  const real = failing("fail real WeChat");
  phone.next("login", real, real).next("getUserInfo", real, real);
  const open = start({ ...phone.wx, request: there(phone.wx.request), uploadFile: there(phone.wx.uploadFile) });
  return {
    phone,
    open(name) {
      const page = open(name);
      const tap = (button, event = "tap", detail) => {
        tapped.add(`${name}.${button}`);
        page.happen(button, event, detail);
      };
      return { ...page, tap };
    },
  };
}

test("用户信息: the article's button", async () => {
  const { phone, open } = await launch("阿青");
  const page = open("index");
  page.tap("user1", "getuserinfo");
  await shown(() => page.text("name"), "阿青");
  assert.match(page.text("user"), /^\d{9}$/);
  await phone.control("rotate");
  await phone.control("block");
  page.tap("user1", "getuserinfo");
  await shown(() => page.text("problem")?.replace(/\w{8}/, "…"), "微信暂时限制了你的登录。（反馈码 …）");
  await phone.control("block", { on: "false" });
  page.tap("user1", "getuserinfo");
  await shown(() => page.text("problem"), undefined);
});

test("用户信息: without a network", async () => {
  const { phone, open } = await launch();
  const page = open("index");
  await shown(() => typeof phone.token, "string");
  phone.next("request", failing("request:fail timeout", 5));
  page.tap("user1", "getuserinfo");
  await shown(() => page.text("problem"), "网络不通，请检查网络后再试。");
});

test("头像昵称", async () => {
  const { phone, open } = await launch();
  const page = open("profile");
  phone.files["wxfile://tmp_avatar.png"] = picture;
  page.tap("choose", "chooseavatar", { avatarUrl: "wxfile://tmp_avatar.png" });
  await shown(() => page.text("problem") ?? page.data.avatarUrl.replace(/^http.*\/avatar\/.*/, "an address"), "an address");
  tapped.add("profile.save"); // a tap on it has WeChat submit the form
  page.happen("form", "submit", { value: { nickName: "自己填的名字👍" } });
  await shown(() => page.text("problem") ?? page.text("name"), "自己填的名字👍");
  page.happen("choose", "chooseavatar", { avatarUrl: "wxfile://gone.png" });
  await shown(() => page.text("problem"), "上传失败，请再试一次。");
});

test("手机号", async () => {
  const { open } = await launch();
  const page = open("phone");
  page.tap("phone", "getphonenumber", { code: "of the real WeChat", errMsg: "getPhoneNumber:ok" });
  await shown(() => page.text("problem") ?? page.text("number")?.replace(/\d{11}/, "a number"), "a number");
});

test("登录状态", async () => {
  const { phone, open } = await launch();
  const page = open("status");
  await shown(() => page.text("next"), "可以继续");
  const { token } = phone;
  page.tap("again");
  await shown(() => typeof phone.token === "string" && phone.token !== token, true);
  page.tap("logout");
  await shown(() => page.text("nobody"), "尚未登录。");
  page.tap("refresh");
  await shown(() => page.text("next"), "可以继续");
});

test("no button was forgotten", () => assert.deepEqual([...tapped].sort(), buttons().sort()));

// shown waits until a page shows something.
async function shown(what, wanted) {
  const end = Date.now() + 10_000;
  while (what() !== wanted) {
    if (Date.now() > end) assert.equal(what(), wanted);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
