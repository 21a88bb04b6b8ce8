// A business back end of one's own, which asks the keeper's /verify/ whose token it got.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";

import { api, createKeeper, newPhone, shop } from "./phone.mjs";

// serve starts a back end: what it answers to whom is the test's.
async function serve(t, answer) {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const verified = await fetch(`${api}/verify/`, { headers: { Authorization: request.headers.authorization ?? "" } });
    const [status, told] = verified.ok ? await answer(verified.headers.get("X-Wxkeeper-User"), body && JSON.parse(body)) : [401, "who are you"];
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(told));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

test("it gets the token, and a new one where the old one has ended", async (t) => {
  const ours = await serve(t, (user, fields) => [200, { user, fields }]);
  const phone = await newPhone();
  const keeper = createKeeper({ baseURL: api, wx: phone.wx });
  const { user, token } = await keeper.login();
  assert.deepEqual(await keeper.request({ url: `${ours}/orders`, data: { order: 1001 } }), { user, fields: { order: 1001 } });
  await phone.post("logout/", { token });
  assert.equal((await keeper.request({ url: `${ours}/orders`, method: "GET" })).user, user);
  assert.equal(phone.count("login"), 2);
});

test("its own codes are its own", async (t) => {
  const answers = [[400, { code: 2, why: "sold out" }], [200, { code: 3 }], [409, { code: 7 }]];
  const ours = await serve(t, () => answers.shift());
  const phone = await newPhone();
  const keeper = createKeeper({ baseURL: api, wx: phone.wx });
  const soldOut = (error) => error.code === -1 && error.statusCode === 400 && error.data.why === "sold out";
  await assert.rejects(keeper.request({ url: ours }), soldOut);
  assert.deepEqual(await keeper.request({ url: ours }), { code: 3 });
  await assert.rejects(keeper.request({ url: ours }), (error) => error.code === -1 && error.statusCode === 409);
  assert.equal(phone.count("login"), 1);
});

test("sign: the key is asked about before, and a stale one is healed", async (t) => {
  const answers = [[409, { code: 3, msg: "会话密钥已失效，请重新登录" }], [200, { signature: "of the second asking" }]];
  const ours = await serve(t, () => answers.shift());
  const phone = await newPhone();
  const keeper = createKeeper({ baseURL: api, wx: phone.wx });
  await keeper.login();
  assert.equal((await keeper.sign(`${ours}/pay`, { order: 1001 })).signature, "of the second asking");
  const asked = phone.calls.filter((name) => name !== "setStorage").map((name) => name.replace(ours, "shop"));
  assert.deepEqual(asked, ["login", "request login/", "request session/", "request shop/pay", "login", "request login/", "request shop/pay"]);
});

test("sign: through the back end of the documents", { skip: !shop && "WXKEEPER_SHOP does not say where it is" }, async () => {
  const phone = await newPhone();
  const keeper = createKeeper({ baseURL: api, wx: phone.wx });
  await keeper.login();
  const { signData, signature } = await keeper.sign(`${shop}/pay`);
  assert.match(signature, /^[0-9a-f]{64}$/);
  assert.equal(JSON.parse(signData).productId, "vip");
  await phone.control("rotate"); // the key dies at WeChat, and the server is not told
  const healed = await keeper.sign(`${shop}/pay`);
  assert.match(healed.signature, /^[0-9a-f]{64}$/);
  const answers = phone.answers.filter(({ path }) => path === `${shop}/pay`);
  assert.deepEqual(answers.map(({ status, code }) => [status, code]), [[200, 0], [409, 3], [200, 0]]);
  assert.equal(phone.count("login"), 2);
});
