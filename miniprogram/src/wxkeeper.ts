/**
 * The client of wxkeeper for mini programs: it logs in when that is needed, keeps the token, and always logs in before it
 * collects sealed data, since data collected first is sealed under a key that the login may end.
 *
 * Make one keeper for the whole mini program, in app.js: one keeper never runs two logins at once, two would.
 */

/** What this package uses of `wx`, `uni` or `Taro`. WeChat's own typings of `wx` fit. */
export interface MiniProgram {
  login(options: object): unknown;
  request(options: object): unknown;
  uploadFile(options: object): unknown;
  getUserInfo(options: object): unknown;
  setStorage(options: object): unknown;
  removeStorage(options: object): unknown;
  getStorageSync(key: string): unknown;
}

/** What {@link createKeeper} is told. Give one of `wx`, `uni` and `Taro`. */
export interface KeeperOptions {
  /** Where the server is, such as `https://keeper.example.com/`. Its domain must be listed as request and uploadFile domain. */
  baseURL: string;
  wx?: MiniProgram;
  uni?: MiniProgram;
  Taro?: MiniProgram;
  /** One of several mini programs on one server: its calls go to `/apps/{appid}/`. Leave it out for the server's only one. */
  appid?: string;
  /**
   * For `wxkeeper sandbox`: codes and sealed data come from the emulator, since the developer tools seal with WeChat's real
   * key, which no sandbox has. `true` looks for the emulator one port above `baseURL`, where the sandbox puts it.
   */
  sandbox?: boolean | { address?: string; phone?: number };
  /** How long to wait for an answer of WeChat or of a server, in milliseconds; 20000 if left out. */
  timeout?: number;
}

/** Who is logged in. */
export interface Session {
  /** The token of {@link Keeper.request}, for calls that you make yourself. Do not store it: the keeper does. */
  token: string;
  /** The user number, nine digits for people to say aloud to your support. */
  user: string;
}

/** One call of {@link Keeper.request}. */
export interface RequestOptions {
  /**
   * A path of the keeper, such as `session/`, or the whole address of your own back end. The token goes along, so let no
   * address in that comes from elsewhere.
   */
  url: string;
  /** Fields to send, as JSON. */
  data?: object;
  /**
   * Collects fields to send, after the login and again before the call is sent a second time. Collect sealed data here and
   * nowhere else.
   */
  collect?: () => object | Promise<object>;
  /** POST if left out. */
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Headers besides Authorization and Content-Type. */
  header?: { [name: string]: string };
  /** Ask the keeper first whether the session key is good, and log in if it is not. For what needs the key. */
  fresh?: boolean;
}

/** What the button `getPhoneNumber` puts into `event.detail`. */
export interface PhoneDetail {
  code?: string;
  errno?: number;
  errMsg?: string;
}

/** A phone number as WeChat tells it. */
export interface Phone {
  /** With the country code where that is not 86. */
  phoneNumber: string;
  purePhoneNumber: string;
  countryCode: string;
}

/** A user's profile. Where something is not known it is 0 or empty. */
export interface Profile {
  name: string;
  avatar: string;
  gender: number;
  language: string;
  province: string;
  city: string;
  country: string;
  user: string;
}

/** What a user typed and chose. */
export interface ProfileFields {
  nickName?: string;
  avatarUrl?: string;
  [field: string]: unknown;
}

/** A failure inside WeChat, as its `fail` callbacks and button events tell it. */
export interface Failure {
  /** The call, such as `requestVirtualPayment`. */
  api: string;
  errno?: number;
  errMsg?: string;
}

/** Why a call of the keeper failed; every promise of this package rejects with one. */
export interface KeeperError extends Error {
  /** The server's code, 1 to 15 (README); -1: no answer of the keeper, see `api`, `errMsg` and `statusCode`. */
  code: number;
  /** HTTP status, where there was an answer. */
  statusCode?: number;
  /** The body, where your own back end answered. */
  data?: unknown;
  /** The support code: show it to users, your support finds the failure by it. */
  requestId?: string;
  /** Seconds to wait, with code 6. */
  retryAfter?: number;
  /** The call of WeChat that failed, with code -1. */
  api?: string;
  errno?: number;
  errMsg?: string;
}

/** The client of one mini program. Its calls may be made in any order and at the same time. */
export interface Keeper {
  /**
   * Gives the session, from storage or by `wx.login`. Calls made meanwhile wait for the same login. You need not call it:
   * everything else does. `again` logs in even with a token, as after a payment that WeChat refused for its signature.
   */
  login(options?: { again?: boolean }): Promise<Session>;

  /**
   * Calls the keeper or your own back end with the token. On code 2 (bad token) or 3 (stale session key) it logs in, collects
   * again, and sends once more. For a path of the keeper it gives `data` of the answer. For your own back end it gives the body;
   * HTTP 401 counts as code 2 and HTTP 409 with `code` 3 in the body as code 3: pass on what the keeper answered you.
   */
  request<T = unknown>(options: RequestOptions): Promise<T>;

  /**
   * Collects sealed data by a call of `wx` and has the keeper open it: `getUserInfo`, `getWeRunData`, `getGroupEnterInfo`,
   * `getShareInfo` (options: `{shareTicket}`). It logs in first if the keeper says so.
   */
  open<T = unknown>(api: string, options?: object): Promise<T>;

  /**
   * {@link Keeper.open} of `wx.getUserInfo`, for the button `open-type="getUserInfo"`. What the button's event brings was
   * collected before the login and is not used.
   */
  openUserInfo(): Promise<Profile>;

  /**
   * Trades what the button `getPhoneNumber` gives for the phone number. Give all of `event.detail`, and a failure inside WeChat
   * (no quota, no consent) is reported as well; `event.detail.code` alone does too. A code is good once: never send it twice.
   */
  phone(detail: string | PhoneDetail | undefined): Promise<Phone>;

  /** Stores what the user typed and chose: nickname, and the address that {@link Keeper.avatar} gave. */
  profile(fields: ProfileFields): Promise<Profile>;

  /** Uploads the picture at the temporary path that the button `chooseAvatar` gives, and gives its lasting address. */
  avatar(tempPath: string): Promise<{ avatarUrl: string }>;

  /**
   * Asks your own back end for a signature by the session key, as `wx.requestVirtualPayment` wants it. The keeper signs at
   * `/sign/` for back ends only, never for a phone: whoever may have anything signed may pay as they like. So your back end
   * decides what is signed, asks `/sign/`, and answers with it. This sees to it that the session key is good before, and if the
   * back end passes code 3 on, it logs in and asks once more.
   */
  sign<T = unknown>(url: string, data?: object): Promise<T>;

  /** Ends the session at the server and forgets the token. The next call logs in again. */
  logout(): Promise<void>;

  /**
   * Tells the operators of a failure inside WeChat, which no server would see. The keeper does so by itself for its own calls;
   * this is for yours. It never fails, and sends 10 different failures at most until the mini program is started anew.
   */
  report(failure: Failure): void;
}

interface Answer {
  statusCode?: number;
  header?: { [name: string]: unknown };
  data?: unknown;
}

interface Body {
  code?: unknown;
  msg?: unknown;
  request_id?: string;
  data?: unknown;
}

interface Sealed {
  encryptedData?: string;
  iv?: string;
  rawData?: string;
  signature?: string;
}

type Call = (api: string, input: object) => Promise<Answer>;
type Host = { [api: string]: (input: unknown) => unknown };

const noAnswer = -1;
const badToken = 2;
const staleKey = 3;
const badCode = 4;

const defaultTimeout = 20000;
const timeoutGrace = 1000; // WeChat's own timeout tells more than ours
const reportsAtMost = 10;
const reportedLength = 200;

/**
 * Makes the keeper of a mini program. Nothing is called before its first call. It throws where `baseURL` is missing, or all of
 * `wx`, `uni` and `Taro`.
 *
 * @example
 * const { createKeeper } = require("./wxkeeper");
 * App({ keeper: createKeeper({ baseURL: "https://keeper.example.com/", wx }) });
 */
export function createKeeper(options: KeeperOptions): Keeper {
  const given = options.wx || options.uni || options.Taro;
  if (!given || !options.baseURL) throw new Error("createKeeper needs baseURL, and wx, uni or Taro");
  const host = given as unknown as Host;
  const base = options.baseURL.replace(/\/*$/, "/") + (options.appid ? `apps/${options.appid}/` : "");
  const emulator = options.sandbox ? emulatedPhone(options) : "";
  const place = "wxkeeper " + base; // the token of one server is none of another's business
  const call = caller(host, options.timeout || defaultTimeout);
  const reports = reporter((report) => call("request", sending(base + "report/", { data: report }, session)));

  let session: Session | null | undefined; // undefined: not yet read from storage
  let loggingIn: Promise<Session> | undefined;

  async function wechat(api: string, input: object): Promise<Answer> {
    try {
      return await call(api, input);
    } catch (failure) {
      reports.note(failure as KeeperError);
      if (!isNetwork(api)) reports.flush(); // a network that just failed is tried again after the next answer
      throw failure;
    }
  }

  async function ask(api: string, input: object): Promise<Answer> {
    const answer = await wechat(api, input);
    reports.flush();
    return answer;
  }

  function held(): Session | null {
    if (session === undefined) session = stored(host, place);
    return session;
  }

  function login({ again = false } = {}): Promise<Session> {
    const current = held();
    if (!loggingIn && current && !again) return Promise.resolve(current);
    if (!loggingIn) {
      const done = () => (loggingIn = undefined);
      loggingIn = logIn();
      loggingIn.then(done, done);
    }
    return loggingIn;
  }

  async function logIn(): Promise<Session> {
    try {
      return await exchange(await loginCode());
    } catch (error) {
      if ((error as KeeperError).code !== badCode) throw error;
      return exchange(await loginCode());
    }
  }

  async function loginCode(): Promise<unknown> {
    return emulator ? emulated("code") : ((await wechat("login", {})) as { code?: string }).code;
  }

  async function exchange(code: unknown): Promise<Session> {
    const { token, user } = opened(await ask("request", sending(base + "login/", { data: { code } }))) as Session;
    session = { token, user };
    wechat("setStorage", { key: place, data: session }).catch(() => {}); // full: then it lives as long as we do
    return session;
  }

  // Gives a session other than one that was refused. Whoever is late finds that somebody else has logged in.
  function renew(refused: Session): Promise<Session> {
    return login({ again: session === refused });
  }

  async function freshened(current: Session): Promise<Session> {
    const { next } = await request<{ next: string }>({ url: "session/" });
    return next === "login_first" ? renew(current) : login();
  }

  async function request<T>(wanted: RequestOptions): Promise<T> {
    const own = /^https?:/.test(wanted.url);
    return inSession(wanted.fresh, async (current) => {
      const data = wanted.collect ? { ...wanted.data, ...(await wanted.collect()) } : wanted.data;
      const url = own ? wanted.url : base + wanted.url.replace(/^\//, "");
      const answer = await ask("request", sending(url, { ...wanted, data }, current));
      return (own ? accepted(answer) : opened(answer)) as T;
    });
  }

  async function inSession<T>(fresh: boolean | undefined, attempt: (current: Session) => Promise<T>): Promise<T> {
    const before = held();
    let current = await login();
    if (fresh && current === before) current = await freshened(current);
    try {
      return await attempt(current);
    } catch (error) {
      const { code } = error as KeeperError;
      if (code !== badToken && code !== staleKey) throw error;
      return attempt(await renew(current));
    }
  }

  function open<T>(api: string, input?: object): Promise<T> {
    const collect = async () => {
      const kind = emulatedKinds[api] || api;
      const sealed = emulator ? await emulated("sealed?kind=" + kind) : await wechat(api, { withCredentials: true, ...input });
      const { encryptedData, iv, rawData, signature } = sealed as Sealed;
      return { encryptedData, iv, rawData, signature };
    };
    return request({ url: "getinfo/", fresh: true, collect });
  }

  async function phone(detail?: string | PhoneDetail): Promise<Phone> {
    const { code, errno, errMsg } = typeof detail === "string" ? { code: detail } as PhoneDetail : detail || {};
    if (!code && !emulator) {
      const api = "getPhoneNumber";
      report({ api, errno, errMsg });
      throw failed(api, { errno, errMsg });
    }
    return request({ url: "phone/", collect: async () => ({ code: emulator ? await emulated("phonecode") : code }) });
  }

  function avatar(filePath: string): Promise<{ avatarUrl: string }> {
    return inSession(false, async (current) => {
      const { url, header } = sending(base + "avatar/", {}, current);
      return opened(await ask("uploadFile", { url, header, filePath, name: "file" })) as { avatarUrl: string };
    });
  }

  async function logout(): Promise<void> {
    if (loggingIn) await loggingIn.catch(() => {});
    const ended = held();
    session = null;
    wechat("removeStorage", { key: place }).catch(() => {});
    if (!ended) return;
    const answer = await ask("request", sending(base + "logout/", {}, ended));
    if (bodyOf(answer).code !== badToken) opened(answer); // then it had ended already
  }

  function report(failure: Failure): void {
    reports.note(failure);
    reports.flush();
  }

  async function emulated(path: string): Promise<unknown> {
    return accepted(await ask("request", { url: emulator + path, method: "GET" }));
  }

  return {
    login,
    request,
    open,
    openUserInfo: () => open("getUserInfo"),
    phone,
    profile: (fields) => request({ url: "profile/", data: fields }),
    avatar,
    sign: (url, data) => request({ url, data, fresh: true }),
    logout,
    report,
  };
}

// caller makes calls of wx. The first end counts: a callback, a promise (Taro), an exception, or nothing for too long.
function caller(host: Host, timeout: number): Call {
  return (api, input) =>
    new Promise((resolve, reject) => {
      const fail = (reason: unknown) => {
        clearTimeout(timer);
        reject(failed(api, reason as Failure));
      };
      const success = (answer: unknown) => {
        clearTimeout(timer);
        resolve((answer || {}) as Answer);
      };
      const timer = setTimeout(() => fail({ errMsg: api + ":fail no answer" }), timeout + timeoutGrace);
      try {
        const returned = host[api]!({ timeout, ...input, success, fail }) as PromiseLike<unknown> | undefined;
        if (returned && returned.then) returned.then(success, fail);
      } catch (error) {
        fail(error);
      }
    });
}

// reporter keeps failures until they can be told, each once, and not too many. What it does itself is not reported.
function reporter(tell: (report: Failure) => Promise<unknown>) {
  const known: string[] = [];
  const waiting: Failure[] = [];
  let telling = false;
  return {
    note({ api, errno, errMsg }: Partial<Failure>): void {
      const report = { api: String(api), errno, errMsg: String(errMsg || "").slice(0, reportedLength) };
      const text = JSON.stringify(report);
      if (known.length >= reportsAtMost || known.indexOf(text) >= 0) return;
      known.push(text);
      waiting.push(report);
    },
    async flush(): Promise<void> {
      if (telling) return;
      telling = true;
      try {
        for (; waiting[0]; waiting.shift()) await tell(waiting[0]);
      } catch {
        // They wait for the next answer.
      }
      telling = false;
    },
  };
}

function isNetwork(api: string): boolean {
  return api === "request" || api === "uploadFile";
}

function stored(host: Host, place: string): Session | null {
  try {
    const kept = host.getStorageSync!(place) as Session;
    return kept && kept.token ? kept : null;
  } catch {
    return null;
  }
}

type Sending = Pick<RequestOptions, "data" | "method" | "header">;

function sending(url: string, { data, method, header }: Sending, session?: Session | null) {
  const token = session && { Authorization: "Bearer " + session.token };
  return { url, data, method: method || "POST", header: { ...header, ...token } };
}

// opened gives the data of the keeper's answer. Something else may answer in its place: a proxy, a hotel's network.
function opened(answer: Answer): unknown {
  const body = bodyOf(answer);
  if (body.code !== 0) throw refused(answer, body, typeof body.code === "number" ? body.code : noAnswer);
  return body.data;
}

// accepted gives the body of somebody else's answer. A code of theirs need not mean what it means here.
function accepted(answer: Answer): unknown {
  const status = answer.statusCode || 0;
  if (status >= 200 && status < 300) return answer.data;
  const body = bodyOf(answer);
  const stale = status === 409 && body.code === staleKey;
  throw refused(answer, body, status === 401 ? badToken : stale ? staleKey : noAnswer);
}

// bodyOf reads JSON, which wx.uploadFile leaves as text.
function bodyOf({ data }: Answer): Body {
  try {
    return (typeof data === "string" ? JSON.parse(data) : data) || {};
  } catch {
    return {};
  }
}

function refused(answer: Answer, body: Body, code: number): KeeperError {
  const { statusCode, data } = answer;
  const retryAfter = Number(headerOf(answer, "retry-after")) || undefined;
  return keeperError(String(body.msg || "HTTP " + statusCode), { code, statusCode, data, requestId: body.request_id, retryAfter });
}

// headerOf finds a header, whose name comes in other letters from each platform.
function headerOf({ header = {} }: Answer, wanted: string): unknown {
  const name = Object.keys(header).find((one) => one.toLowerCase() === wanted);
  return name && header[name];
}

function failed(api: string, reason?: Partial<Failure & Error>): KeeperError {
  const { errno, errMsg, message } = reason || {};
  const text = errMsg || message || api + ":fail";
  return keeperError(text, { code: noAnswer, api, errno, errMsg: text });
}

function keeperError(message: string, fields: Partial<KeeperError>): KeeperError {
  return Object.assign(new Error(message), { name: "KeeperError", ...fields }) as KeeperError;
}

// The emulator's name for the sealed data of a call.
const emulatedKinds: { [api: string]: string } = {
  getUserInfo: "userinfo",
  getWeRunData: "run",
  getShareInfo: "share",
  getGroupEnterInfo: "group",
};

// emulatedPhone is where a phone of the sandbox is played: the one of the developer tools, if no other is named.
function emulatedPhone({ baseURL, sandbox }: KeeperOptions): string {
  const { address, phone = "mock" } = sandbox as { address?: string; phone?: number };
  const [, origin, port] = /^(https?:\/\/[^/]+):(\d+)/.exec(baseURL) || [];
  if (!address && !port) throw new Error("createKeeper cannot tell where the sandbox is: say sandbox.address");
  const at = address ? address.replace(/\/*$/, "") : `${origin}:${Number(port) + 1}`;
  return `${at}/sandbox/phones/${phone}/`;
}
