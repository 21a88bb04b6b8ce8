// The keeper against a real server and its emulated WeChat.
import assert from "node:assert/strict";
import { test } from "node:test";

import { api, createKeeper, failing, giving, newPhone, offline, throwing, twice } from "./phone.mjs";

const open = (phone, more = {}) => createKeeper({ baseURL: api, wx: phone.wx, ...more });

// start gives somebody who is logged in.
async function start() {
  const phone = await newPhone();
  const keeper = open(phone);
  await keeper.login();
  await turns(); // now the token is in storage, which nobody waits for
  return { phone, keeper };
}

const refusal = (code) => (error) => error.name === "KeeperError" && error.code === code;

test("many calls at once make one login, and a cold start makes none", async () => {
  const phone = await newPhone();
  const keeper = open(phone);
  const [session] = await Promise.all([
    keeper.login(), keeper.login({ again: true }), keeper.request({ url: "session/" }), keeper.openUserInfo(),
  ]);
  assert.match(session.user, /^\d{9}$/);
  assert.equal(phone.token, session.token);
  assert.equal(phone.count("login"), 1);

  const tomorrow = phone.reopen();
  const again = open(tomorrow);
  assert.equal((await again.login()).token, session.token);
  assert.equal((await again.openUserInfo()).name, phone.nickname);
  assert.deepEqual(tomorrow.calls, ["request session/", "getUserInfo", "request getinfo/"]);
});

test("it logs in first and collects after", async () => {
  const phone = await newPhone();
  const profile = await open(phone).openUserInfo();
  assert.equal(profile.name, phone.nickname);
  assert.deepEqual(phone.calls, ["login", "request login/", "setStorage", "getUserInfo", "request getinfo/"]);
});

test("a login that the server asks for comes before the data is collected", async () => {
  const { phone, keeper } = await start();
  phone.next("request session/", giving({ statusCode: 200, data: { code: 0, data: { next: "login_first" } } }));
  phone.calls.length = 0;
  assert.equal((await keeper.openUserInfo()).name, phone.nickname);
  assert.deepEqual(phone.calls, ["request session/", "login", "request login/", "setStorage", "getUserInfo", "request getinfo/"]);
});

test("a key replaced behind its back costs one login, one more collection and one more sending", async () => {
  const { phone, keeper } = await start();
  await phone.control("rotate");
  assert.equal((await keeper.openUserInfo()).name, phone.nickname);
  assert.deepEqual(phone.answers.filter(({ path }) => path === "getinfo/").map(({ code }) => code), [3, 0]);
  assert.deepEqual([phone.count("login"), phone.count("getUserInfo")], [2, 2]);
});

test("ten calls refused at once make one login", async () => {
  const { phone, keeper } = await start();
  await phone.control("rotate");
  const profiles = await Promise.all(Array.from({ length: 10 }, () => keeper.openUserInfo()));
  assert.ok(profiles.every(({ name }) => name === phone.nickname));
  assert.equal(phone.count("login"), 2);
});

test("a token that ends in flight", async () => {
  const { phone, keeper } = await start();
  const sending = phone.hold("request getinfo/");
  const opening = keeper.openUserInfo();
  await sending.reached;
  await phone.post("logout/", { token: phone.token });
  sending.release();
  assert.equal((await opening).name, phone.nickname);
  assert.deepEqual(phone.answers.filter(({ path }) => path === "getinfo/").map(({ code }) => code), [2, 0]);
  assert.deepEqual([phone.count("login"), phone.count("getUserInfo")], [2, 2]);
});

test("a refusal that comes late finds that somebody has logged in since", async () => {
  const { phone, keeper } = await start();
  await phone.post("logout/", { token: phone.token });
  const late = phone.hold("request session/", "after");
  const first = keeper.request({ url: "session/" });
  await late.reached;
  await keeper.request({ url: "/session/" }); // refused, logs in, well
  late.release();
  assert.equal((await first).next, "ok");
  assert.equal(phone.count("login"), 2);
});

test("it gives up after the second refusal", async () => {
  const { phone, keeper } = await start();
  phone.next("getUserInfo", giving({ iv: "A".repeat(22) + "==", encryptedData: "A".repeat(43) + "=" }),
    giving({ iv: "A".repeat(22) + "==", encryptedData: "A".repeat(43) + "=" }));
  await assert.rejects(keeper.openUserInfo(), (error) => refusal(3)(error) && /^\w{8}$/.test(error.requestId) && error.statusCode === 409);
  assert.equal(phone.count("login"), 2);
});

// The article's fail() starts my_login and wx.getUserInfo side by side. The same here, in each order that matters.
test("the article's race", async (t) => {
  await t.test("sealed under the old key, sent after the new login", async () => {
    const { phone, keeper } = await start();
    await phone.control("expire");
    const sealed = phone.hold("getUserInfo", "after");
    const opening = keeper.openUserInfo();
    await sealed.reached;
    await keeper.login({ again: true });
    sealed.release();
    assert.equal((await opening).name, phone.nickname);
    assert.equal(phone.count("request getinfo/"), 1, "the server keeps the old key for a while");
  });
  await t.test("wx.login has replaced the key, and the server cannot have it yet", async () => {
    const { phone, keeper } = await start();
    await phone.control("expire");
    const code = phone.hold("request login/");
    const renewal = keeper.login({ again: true });
    await code.reached;
    const opening = keeper.openUserInfo();
    await turns();
    assert.equal(phone.count("getUserInfo"), 0, "nothing is collected while a login runs");
    code.release();
    await renewal;
    assert.equal((await opening).name, phone.nickname);
    assert.deepEqual([phone.count("login"), phone.count("request getinfo/")], [2, 1]);
  });
  await t.test("a login begins while data is on its way to the server", async () => {
    const { phone, keeper } = await start();
    await phone.control("refresh");
    const sending = phone.hold("request getinfo/");
    const opening = keeper.openUserInfo();
    await sending.reached;
    await keeper.login({ again: true });
    sending.release();
    assert.equal((await opening).name, phone.nickname);
    assert.equal(phone.count("login"), 2);
  });
});

test("callbacks that come twice, never and late", async (t) => {
  await t.test("twice", async () => {
    const phone = (await newPhone()).next("login", twice).next("request", twice).next("getUserInfo", twice);
    assert.equal((await open(phone).openUserInfo()).name, phone.nickname);
    assert.deepEqual([phone.count("request login/"), phone.count("request getinfo/")], [1, 1]);
  });
  for (const name of ["login", "getUserInfo", "request login/", "request getinfo/"]) {
    await t.test(`never, then late: ${name}`, async (t) => {
      const phone = await newPhone();
      const keeper = open(phone, { timeout: 5000 });
      t.mock.timers.enable({ apis: ["setTimeout"] });
      const silent = phone.hold(name);
      const opening = keeper.openUserInfo();
      await silent.reached;
      t.mock.timers.tick(7000);
      await assert.rejects(opening, (error) => refusal(-1)(error) && / no answer$/.test(error.errMsg));
      const before = phone.count("request getinfo/");
      silent.release(); // nobody waits for it any more
      assert.equal((await keeper.openUserInfo()).name, phone.nickname);
      assert.equal(phone.count("request getinfo/"), before + 1);
    });
  }
});

test("wx.login fails, then works", async () => {
  const phone = (await newPhone()).next("login", failing("login:fail interval error", 1001));
  const keeper = open(phone);
  await assert.rejects(keeper.login(), (error) =>
    refusal(-1)(error) && error.api === "login" && error.errno === 1001 && error.errMsg === "login:fail interval error");
  assert.match((await keeper.login()).user, /^\d{9}$/);
});

test("a call that throws, or does not exist, is a failure like others", async () => {
  const phone = (await newPhone()).next("login", throwing(new Error("not here")));
  const keeper = open(phone);
  await assert.rejects(keeper.login(), (error) => refusal(-1)(error) && error.message === "not here");
  await assert.rejects(keeper.open("getShareInfo"), (error) => refusal(-1)(error) && error.api === "getShareInfo");
});

test("a code that somebody else used is followed by one other", async () => {
  const phone = await newPhone();
  const spent = await phone.control("code");
  await phone.post("login/", { code: spent });
  phone.next("login", giving({ code: spent }));
  assert.match((await open(phone).login()).user, /^\d{9}$/);
  assert.equal(phone.count("login"), 2);
  phone.next("login", giving({ code: spent }), giving({ code: spent }));
  await assert.rejects(open(phone).login({ again: true }), refusal(4));
  assert.equal(phone.count("login"), 4);
});

test("a blocked user is told at once", async () => {
  const phone = await newPhone();
  await phone.control("block");
  await assert.rejects(open(phone).openUserInfo(), (error) => refusal(8)(error) && error.statusCode === 403);
  assert.equal(phone.count("login"), 1);
});

test("storage that is full, cleared, broken or of another server", async (t) => {
  await t.test("full", async () => {
    const phone = (await newPhone()).next("setStorage", failing("setStorage:fail exceed storage max size 10Mb"));
    const keeper = open(phone);
    await keeper.openUserInfo();
    await keeper.openUserInfo();
    assert.equal(phone.count("login"), 1, "the token lives in memory");
    await open(phone.reopen()).openUserInfo();
  });
  await t.test("cleared", async () => {
    const { phone, keeper } = await start();
    phone.storage = {};
    await keeper.request({ url: "session/" });
    assert.equal(phone.count("login"), 1);
    const tomorrow = phone.reopen();
    await open(tomorrow).request({ url: "session/" });
    assert.equal(tomorrow.count("login"), 1);
  });
  await t.test("broken", async () => {
    const { phone } = await start();
    for (const rubbish of [7, "token", [], { token: "" }, null]) {
      for (const key in phone.storage) phone.storage[key] = rubbish;
      const next = phone.reopen();
      await open(next).request({ url: "session/" });
      assert.equal(next.count("login"), 1);
    }
    const unreadable = { ...phone.wx, getStorageSync() { throw new Error("getStorageSync:fail"); } };
    await open({ wx: unreadable }).request({ url: "session/" });
  });
  await t.test("of another server", async () => {
    const { phone } = await start();
    const elsewhere = createKeeper({ baseURL: "http://127.0.0.1:1/", wx: phone.wx });
    await assert.rejects(elsewhere.request({ url: "session/" }), refusal(-1));
    assert.deepEqual(phone.calls.slice(-2), ["login", "request http://127.0.0.1:1/login/"], "our token is not sent there");
  });
});

test("a phone without a network fails, keeps what it has, and works again", async () => {
  const { phone, keeper } = await start();
  phone.next("request", offline, offline);
  await assert.rejects(keeper.openUserInfo(), (error) => refusal(-1)(error) && error.errno === 600001 && error.statusCode === undefined);
  await assert.rejects(keeper.request({ url: "session/" }), refusal(-1));
  assert.equal((await keeper.openUserInfo()).name, phone.nickname);
  assert.equal(phone.count("login"), 1);
});

test("an answer of somebody else is no answer", async () => {
  const { phone, keeper } = await start();
  for (const result of [
    { statusCode: 200, data: "<html>Wi-Fi</html>" }, { statusCode: 502, data: "" }, { statusCode: 200, data: null }, {}, { statusCode: 200, data: { code: "0" } },
  ]) {
    phone.next("request session/", giving(result));
    await assert.rejects(keeper.request({ url: "session/" }), (error) => refusal(-1)(error) && error.statusCode === result.statusCode);
  }
  assert.equal(phone.count("login"), 1);
});

test("it says how long to wait", async () => {
  const { phone, keeper } = await start();
  phone.next("request session/", giving({ statusCode: 429, header: { "Retry-After": "7" }, data: { code: 6, msg: "请求过于频繁" } }));
  await assert.rejects(keeper.request({ url: "session/" }), (error) => refusal(6)(error) && error.retryAfter === 7);
});

test("logging out", async () => {
  const { phone, keeper } = await start();
  const { token } = phone;
  await keeper.logout();
  assert.equal(phone.token, undefined);
  assert.equal((await phone.post("session/", { token })).code, 2);
  await keeper.logout();
  assert.equal(phone.count("request logout/"), 1);
  assert.equal((await keeper.openUserInfo()).name, phone.nickname);
  assert.equal(phone.count("login"), 2);
  await turns();
  await phone.post("logout/", { token: phone.token });
  await keeper.logout(); // it has ended already, which is what was wanted
});

test("sealed data of other kinds, and a collection of one's own", async () => {
  const { phone, keeper } = await start();
  assert.equal((await keeper.open("getWeRunData")).stepInfoList.length, 31);
  const collect = () => phone.tell("/sealed?kind=group");
  assert.ok((await keeper.request({ url: "getinfo/", collect })).opengid);
});

test("the phone button's code is good once, and survives a token that has ended", async () => {
  const { phone, keeper } = await start();
  const code = await phone.control("phonecode");
  await phone.post("logout/", { token: phone.token });
  const number = await keeper.phone({ code, errMsg: "getPhoneNumber:ok" });
  assert.match(number.purePhoneNumber, /^\d{11}$/);
  assert.deepEqual(phone.answers.filter(({ path }) => path === "phone/").map(({ code }) => code), [2, 0]);
  await assert.rejects(keeper.phone(code), refusal(4));
  assert.equal((await keeper.phone(await phone.control("phonecode"))).phoneNumber, number.phoneNumber);
});

// turns lets everything happen that waits for nothing but its turn.
async function turns() {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}
