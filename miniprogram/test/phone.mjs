// wx on a phone of the sandbox: it calls back as WeChat documents, or as a test wants it to.
import { createRequire } from "node:module";

// The sandbox under test; these are its addresses if nobody says otherwise.
export const api = process.env.WXKEEPER_API ?? "http://127.0.0.1:8000";
export const shop = process.env.WXKEEPER_SHOP; // the back end of docs/backend.md, asking WeChat about keys before each signature
export const emulator = process.env.WXKEEPER_EMULATOR ?? "http://127.0.0.1:8001";

export const { createKeeper } = createRequire(import.meta.url)("../miniprogram_dist/wxkeeper.js");

// What calls want done to them, beside succeeding.
export const twice = { twice: true };
export const failing = (errMsg, errno) => ({ failure: { errMsg, errno } });
export const giving = (result) => ({ result });
export const throwing = (error) => ({ error });
export const offline = failing("request:fail errcode:-106 cronet_error_code:-106 error_msg:net::ERR_INTERNET_DISCONNECTED", 600001);

// A grey picture of 64 by 64, as PNG.
export const picture = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAKUlEQVR42u3MQREAAAwCIKMb3RD7" +
  "7SAA6VEEAoFAIBAIBAKBQCAQfA8G320AeXC6efoAAAAASUVORK5CYII=", "base64");

// newPhone gives somebody new a phone.
export async function newPhone(nickname = "小雨") {
  const added = await fetch(`${emulator}/sandbox/phones`, { method: "POST", body: new URLSearchParams({ nickname }) });
  return new Phone((await added.json()).number, nickname);
}

export class Phone {
  calls = []; // names of calls of wx, "request getinfo/" for requests
  sent = []; // {path, header, fields} of every request
  answers = []; // {path, status, code, body} of every request that was answered
  storage = {};
  files = {}; // by temporary path
  #moods = []; // [name, mood], each for one call
  #held = []; // {name, when, reach, released}

  constructor(number, nickname) {
    this.number = number;
    this.nickname = nickname;
    this.wx = this.#wx();
  }

  // reopen is a cold start: a fresh wx, and what is in storage.
  reopen() {
    const again = new Phone(this.number, this.nickname);
    again.storage = this.storage;
    return again;
  }

  // next says how the next call of a name ends, if not well.
  next(name, ...moods) {
    for (const mood of moods) this.#moods.push([name, mood]);
    return this;
  }

  // hold stops the next call of a name before it is made or after it was answered, until it is released.
  hold(name, when = "before") {
    const held = { name, when };
    const reached = new Promise((resolve) => (held.reach = resolve));
    const release = new Promise((resolve) => (held.release = resolve));
    this.#held.push(Object.assign(held, { reached, released: release }));
    return held;
  }

  count(name) {
    return this.calls.filter((one) => one === name).length;
  }

  // control plays the phone: expire, rotate, refresh, block …
  async control(act, fields = {}) {
    const answer = await fetch(`${emulator}/sandbox/phones/${this.number}/${act}`, { method: "POST", body: new URLSearchParams(fields) });
    return answer.text();
  }

  // post is a call of the server from outside the mini program.
  async post(path, fields) {
    const answer = await fetch(`${api}/${path}`, { method: "POST", body: new URLSearchParams(fields) });
    return answer.json();
  }

  async tell(path) {
    const answer = await fetch(`${emulator}/sandbox/phones/${this.number}${path}`);
    return answer.headers.get("Content-Type").includes("json") ? answer.json() : answer.text();
  }

  // token is what lies in storage.
  get token() {
    return Object.values(this.storage).find((one) => one?.token)?.token;
  }

  #wx() {
    const play = (name, act) => (options = {}) => this.#play(this.#nameOf(name, options), name, options, () => act(options));
    return {
      login: play("login", async () => ({ code: await this.control("code") })),
      checkSession: play("checkSession", async () => {
        if (!(await this.tell("")).checkSession) throw { errMsg: "checkSession:fail session time out, need relogin" };
      }),
      getUserInfo: play("getUserInfo", () => this.tell("/sealed?kind=userinfo")),
      getWeRunData: play("getWeRunData", () => this.tell("/sealed?kind=run")),
      request: play("request", (options) => this.#request(options)),
      uploadFile: play("uploadFile", (options) => this.#upload(options)),
      setStorage: play("setStorage", async ({ key, data }) => void (this.storage[key] = structuredClone(data))),
      removeStorage: play("removeStorage", async ({ key }) => void delete this.storage[key]),
      getStorageSync: (key) => structuredClone(this.storage[key] ?? ""), // "" for nothing, as documented
    };
  }

  #nameOf(name, { url }) {
    return url ? `${name} ${url.replace(`${api}/`, "")}` : name;
  }

  // Callbacks never come within the call, and complete comes last.
  #play(called, name, options, act) {
    this.calls.push(called);
    const mood = this.#take(this.#moods, ([wanted]) => wanted === called || wanted === name)?.[1] ?? {};
    if (mood.error) throw mood.error;
    const before = this.#take(this.#held, (one) => one.when === "before" && one.name === called);
    const after = this.#take(this.#held, (one) => one.when === "after" && one.name === called);
    const run = async () => {
      await pass(before);
      let end = "success";
      let result;
      try {
        if (mood.failure) throw mood.failure;
        result = { errMsg: `${name}:ok`, ...(mood.result ?? (await act())) };
      } catch (failure) {
        end = "fail";
        result = failure.errMsg ? failure : { errMsg: `${name}:fail ${failure.message}` };
      }
      await pass(after);
      for (let times = mood.twice ? 2 : 1; times > 0; times--) {
        options[end]?.(result);
        options.complete?.(result);
      }
    };
    setImmediate(run);
  }

  #take(list, fits) {
    const at = list.findIndex(fits);
    return at < 0 ? undefined : list.splice(at, 1)[0];
  }

  async #request({ url, data, method = "GET", header = {} }) {
    this.sent.push({ path: url.replace(`${api}/`, ""), header, fields: data });
    const body = method === "GET" ? undefined : JSON.stringify(data ?? {});
    const answer = await fetch(url, { method, body, headers: { "Content-Type": "application/json", ...header } });
    return this.#answered(url, answer, read(await answer.text()));
  }

  async #upload({ url, filePath, name, header = {} }) {
    const file = this.files[filePath];
    if (!file) throw { errMsg: "uploadFile:fail file not found" };
    const form = new FormData();
    form.append(name, new Blob([file]), "avatar.png");
    const answer = await fetch(url, { method: "POST", body: form, headers: header });
    const text = await answer.text();
    this.#answered(url, answer, read(text));
    return { statusCode: answer.status, data: text };
  }

  #answered(url, answer, data) {
    this.answers.push({ path: url.replace(`${api}/`, ""), status: answer.status, code: data?.code, data: data?.data });
    return { statusCode: answer.status, data, header: Object.fromEntries(answer.headers) };
  }
}

async function pass(held) {
  held?.reach();
  await held?.released;
}

// read does what dataType json does: what is no JSON stays text.
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
