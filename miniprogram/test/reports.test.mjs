// Failures inside WeChat, told to the server.
import assert from "node:assert/strict";
import { test } from "node:test";

import { api, createKeeper, failing, newPhone, offline } from "./phone.mjs";

const open = (phone) => createKeeper({ baseURL: api, wx: phone.wx });
const reportsOf = (phone) => phone.sent.filter(({ path }) => path === "report/").map(({ fields }) => fields);

// settled waits until as many reports were taken.
async function settled(phone, wanted) {
  const answers = () => phone.answers.filter(({ path }) => path === "report/");
  const end = Date.now() + 10_000;
  while (answers().length < wanted && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(answers().map(({ status, code }) => `${status} ${code}`), Array(wanted).fill("200 0"));
}

test("wx.login fails: told once, without a token", async () => {
  const phone = (await newPhone()).next("login", failing("login:fail interval error", 1001), failing("login:fail interval error", 1001));
  const keeper = open(phone);
  await assert.rejects(keeper.login());
  await assert.rejects(keeper.login());
  await settled(phone, 1);
  assert.deepEqual(reportsOf(phone), [{ api: "login", errno: 1001, errMsg: "login:fail interval error" }]);
  assert.equal(phone.sent[0].header.Authorization, undefined);
});

test("the phone button fails: told with the token", async () => {
  const phone = await newPhone();
  const keeper = open(phone);
  const { token } = await keeper.login();
  const detail = { errno: 1400001, errMsg: "getPhoneNumber:fail jsapi invalid request data" };
  await assert.rejects(keeper.phone(detail), (error) => error.code === -1 && error.api === "getPhoneNumber" && error.errno === 1400001);
  await assert.rejects(keeper.phone(undefined), (error) => error.errMsg === "getPhoneNumber:fail");
  await settled(phone, 2);
  assert.deepEqual(reportsOf(phone)[0], { api: "getPhoneNumber", ...detail });
  assert.equal(phone.sent.find(({ path }) => path === "report/").header.Authorization, `Bearer ${token}`);
  assert.equal(phone.count("request phone/"), 0);
});

test("a full storage is told", async () => {
  const phone = (await newPhone()).next("setStorage", failing("setStorage:fail exceed storage max size 10Mb"));
  await open(phone).openUserInfo();
  await settled(phone, 1);
  assert.equal(reportsOf(phone)[0].api, "setStorage");
});

test("what the network did is told when it is back", async () => {
  const phone = (await newPhone()).next("request", offline);
  const keeper = open(phone);
  await assert.rejects(keeper.login());
  assert.equal(reportsOf(phone).length, 0);
  await keeper.login();
  await settled(phone, 1);
  assert.deepEqual([reportsOf(phone)[0].api, reportsOf(phone)[0].errno], ["request", 600001]);
});

test("ten at most, cut to 200 characters", async () => {
  const phone = await newPhone();
  const keeper = open(phone);
  for (let one = 0; one < 30; one++) keeper.report({ api: "requestPayment", errMsg: `${one} ${"长".repeat(300)}` });
  await settled(phone, 10);
  await keeper.login();
  assert.equal(reportsOf(phone).length, 10);
  assert.ok(reportsOf(phone).every(({ errMsg }) => errMsg.length === 200));
});

test("a report that fails makes no other report, and is not lost", async () => {
  const phone = (await newPhone()).next("request report/", offline);
  const keeper = open(phone);
  keeper.report({ api: "requestPayment", errno: 3, errMsg: "requestPayment:fail" });
  await keeper.login();
  await settled(phone, 1);
  await keeper.request({ url: "session/" });
  assert.deepEqual(new Set(phone.sent.filter(({ path }) => path === "report/").map(({ fields }) => fields.api)), new Set(["requestPayment"]));
  assert.equal(phone.count("request report/"), 2, "tried once in vain");
});
