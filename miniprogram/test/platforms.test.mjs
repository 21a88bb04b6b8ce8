// The same keeper on uni-app, on Taro, and in the developer tools against the sandbox.
import assert from "node:assert/strict";
import { test } from "node:test";

import { api, createKeeper, emulator, failing, newPhone } from "./phone.mjs";

// uni gives wx's calls under its own name. Without callbacks it answers with promises, in Vue 2 of [error, result].
function uniOn(phone) {
  const calls = Object.entries(phone.wx).map(([name, call]) => [name, (options) => {
    if (typeof options === "object" && !options.success && !options.fail && !options.complete) {
      return new Promise((resolve) => call({ success: (result) => resolve([null, result]), fail: (error) => resolve([error, null]) }));
    }
    return call(options);
  }]);
  return Object.fromEntries(calls);
}

// Taro calls back and gives a promise as well, which rejects.
function taroOn(phone) {
  const calls = Object.entries(phone.wx).map(([name, call]) => [name, (options) => {
    if (name.endsWith("Sync")) return call(options);
    return new Promise((resolve, reject) => call({
      ...options,
      success: (result) => { options.success?.(result); resolve(result); },
      fail: (error) => { options.fail?.(error); reject(error); },
    }));
  }]);
  return Object.fromEntries(calls);
}

for (const [name, on] of Object.entries({ uni: uniOn, Taro: taroOn })) {
  test(name, async () => {
    const phone = (await newPhone()).next("login", failing("login:fail", 1));
    const keeper = createKeeper({ baseURL: `${api}/`, [name]: on(phone) });
    await assert.rejects(keeper.login(), (error) => error.api === "login" && error.errno === 1);
    assert.equal((await keeper.openUserInfo()).name, phone.nickname);
    await phone.control("rotate");
    assert.equal((await keeper.openUserInfo()).name, phone.nickname);
    assert.equal(phone.count("login"), 3);
    const tomorrow = phone.reopen();
    await createKeeper({ baseURL: api, [name]: on(tomorrow) }).openUserInfo();
    assert.equal(tomorrow.count("login"), 0);
  });
}

// The developer tools' own wx gives codes and data that only WeChat knows: none of it may arrive.
function developerTools(phone) {
  const real = (call) => () => assert.fail(`${call} of the real WeChat was asked`);
  return { ...phone.wx, login: real("wx.login"), getUserInfo: real("wx.getUserInfo"), getWeRunData: real("wx.getWeRunData") };
}

test("sandbox: a phone of one's choice", async () => {
  const phone = await newPhone("沙盒里的人");
  const keeper = createKeeper({ baseURL: api, wx: developerTools(phone), sandbox: { address: `${emulator}/`, phone: phone.number } });
  assert.equal((await keeper.openUserInfo()).name, "沙盒里的人");
  assert.equal((await keeper.open("getWeRunData")).stepInfoList.length, 31);
  await phone.control("rotate");
  assert.equal((await keeper.openUserInfo()).name, "沙盒里的人");
});

test("sandbox: the phone of the developer tools, one port above", async () => {
  const phone = await newPhone();
  const keeper = createKeeper({ baseURL: api, wx: developerTools(phone), sandbox: { address: emulator } });
  assert.equal((await keeper.openUserInfo()).name, "开发者");
  const asked = [];
  const wx = { ...phone.wx, request: ({ url, fail }) => { asked.push(url); fail({ errMsg: "request:fail" }); } };
  await assert.rejects(createKeeper({ baseURL: "http://127.0.0.1:8000/", wx, sandbox: true }).login());
  assert.deepEqual(asked, ["http://127.0.0.1:8001/sandbox/phones/mock/code"]);
});

test("one of several mini programs", async () => {
  const phone = await newPhone();
  const keeper = createKeeper({ baseURL: api, wx: phone.wx, appid: "wx0000000000000001" });
  await keeper.login().catch(() => {});
  assert.deepEqual(phone.calls.slice(0, 2), ["login", "request apps/wx0000000000000001/login/"]);
});
