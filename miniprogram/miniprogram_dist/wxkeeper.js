"use strict";
/**
 * The client of wxkeeper for mini programs: it logs in when that is needed, keeps the token, and always logs in before it
 * collects sealed data, since data collected first is sealed under a key that the login may end.
 *
 * Make one keeper for the whole mini program, in app.js: one keeper never runs two logins at once, two would.
 */
var __awaiter = (this && this.__awaiter) || function (thisArg, _arguments, P, generator) {
    function adopt(value) { return value instanceof P ? value : new P(function (resolve) { resolve(value); }); }
    return new (P || (P = Promise))(function (resolve, reject) {
        function fulfilled(value) { try { step(generator.next(value)); } catch (e) { reject(e); } }
        function rejected(value) { try { step(generator["throw"](value)); } catch (e) { reject(e); } }
        function step(result) { result.done ? resolve(result.value) : adopt(result.value).then(fulfilled, rejected); }
        step((generator = generator.apply(thisArg, _arguments || [])).next());
    });
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.createKeeper = createKeeper;
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
function createKeeper(options) {
    const given = options.wx || options.uni || options.Taro;
    if (!given || !options.baseURL)
        throw new Error("createKeeper needs baseURL, and wx, uni or Taro");
    const host = given;
    const base = options.baseURL.replace(/\/*$/, "/") + (options.appid ? `apps/${options.appid}/` : "");
    const emulator = options.sandbox ? emulatedPhone(options) : "";
    const place = "wxkeeper " + base; // the token of one server is none of another's business
    const call = caller(host, options.timeout || defaultTimeout);
    const reports = reporter((report) => call("request", sending(base + "report/", { data: report }, session)));
    let session; // undefined: not yet read from storage
    let loggingIn;
    function wechat(api, input) {
        return __awaiter(this, void 0, void 0, function* () {
            try {
                return yield call(api, input);
            }
            catch (failure) {
                reports.note(failure);
                if (!isNetwork(api))
                    reports.flush(); // a network that just failed is tried again after the next answer
                throw failure;
            }
        });
    }
    function ask(api, input) {
        return __awaiter(this, void 0, void 0, function* () {
            const answer = yield wechat(api, input);
            reports.flush();
            return answer;
        });
    }
    function held() {
        if (session === undefined)
            session = stored(host, place);
        return session;
    }
    function login({ again = false } = {}) {
        const current = held();
        if (!loggingIn && current && !again)
            return Promise.resolve(current);
        if (!loggingIn) {
            const done = () => (loggingIn = undefined);
            loggingIn = logIn();
            loggingIn.then(done, done);
        }
        return loggingIn;
    }
    function logIn() {
        return __awaiter(this, void 0, void 0, function* () {
            try {
                return yield exchange(yield loginCode());
            }
            catch (error) {
                if (error.code !== badCode)
                    throw error;
                return exchange(yield loginCode());
            }
        });
    }
    function loginCode() {
        return __awaiter(this, void 0, void 0, function* () {
            return emulator ? emulated("code") : (yield wechat("login", {})).code;
        });
    }
    function exchange(code) {
        return __awaiter(this, void 0, void 0, function* () {
            const { token, user } = opened(yield ask("request", sending(base + "login/", { data: { code } })));
            session = { token, user };
            wechat("setStorage", { key: place, data: session }).catch(() => { }); // full: then it lives as long as we do
            return session;
        });
    }
    // Gives a session other than one that was refused. Whoever is late finds that somebody else has logged in.
    function renew(refused) {
        return login({ again: session === refused });
    }
    function freshened(current) {
        return __awaiter(this, void 0, void 0, function* () {
            const { next } = yield request({ url: "session/" });
            return next === "login_first" ? renew(current) : login();
        });
    }
    function request(wanted) {
        return __awaiter(this, void 0, void 0, function* () {
            const own = /^https?:/.test(wanted.url);
            return inSession(wanted.fresh, (current) => __awaiter(this, void 0, void 0, function* () {
                const data = wanted.collect ? Object.assign(Object.assign({}, wanted.data), (yield wanted.collect())) : wanted.data;
                const url = own ? wanted.url : base + wanted.url.replace(/^\//, "");
                const answer = yield ask("request", sending(url, Object.assign(Object.assign({}, wanted), { data }), current));
                return (own ? accepted(answer) : opened(answer));
            }));
        });
    }
    function inSession(fresh, attempt) {
        return __awaiter(this, void 0, void 0, function* () {
            const before = held();
            let current = yield login();
            if (fresh && current === before)
                current = yield freshened(current);
            try {
                return yield attempt(current);
            }
            catch (error) {
                const { code } = error;
                if (code !== badToken && code !== staleKey)
                    throw error;
                return attempt(yield renew(current));
            }
        });
    }
    function open(api, input) {
        const collect = () => __awaiter(this, void 0, void 0, function* () {
            const kind = emulatedKinds[api] || api;
            const sealed = emulator ? yield emulated("sealed?kind=" + kind) : yield wechat(api, Object.assign({ withCredentials: true }, input));
            const { encryptedData, iv, rawData, signature } = sealed;
            return { encryptedData, iv, rawData, signature };
        });
        return request({ url: "getinfo/", fresh: true, collect });
    }
    function phone(detail) {
        return __awaiter(this, void 0, void 0, function* () {
            const { code, errno, errMsg } = typeof detail === "string" ? { code: detail } : detail || {};
            if (!code && !emulator) {
                const api = "getPhoneNumber";
                report({ api, errno, errMsg });
                throw failed(api, { errno, errMsg });
            }
            return request({ url: "phone/", collect: () => __awaiter(this, void 0, void 0, function* () { return ({ code: emulator ? yield emulated("phonecode") : code }); }) });
        });
    }
    function avatar(filePath) {
        return inSession(false, (current) => __awaiter(this, void 0, void 0, function* () {
            const { url, header } = sending(base + "avatar/", {}, current);
            return opened(yield ask("uploadFile", { url, header, filePath, name: "file" }));
        }));
    }
    function logout() {
        return __awaiter(this, void 0, void 0, function* () {
            if (loggingIn)
                yield loggingIn.catch(() => { });
            const ended = held();
            session = null;
            wechat("removeStorage", { key: place }).catch(() => { });
            if (!ended)
                return;
            const answer = yield ask("request", sending(base + "logout/", {}, ended));
            if (bodyOf(answer).code !== badToken)
                opened(answer); // then it had ended already
        });
    }
    function report(failure) {
        reports.note(failure);
        reports.flush();
    }
    function emulated(path) {
        return __awaiter(this, void 0, void 0, function* () {
            return accepted(yield ask("request", { url: emulator + path, method: "GET" }));
        });
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
function caller(host, timeout) {
    return (api, input) => new Promise((resolve, reject) => {
        const fail = (reason) => {
            clearTimeout(timer);
            reject(failed(api, reason));
        };
        const success = (answer) => {
            clearTimeout(timer);
            resolve((answer || {}));
        };
        const timer = setTimeout(() => fail({ errMsg: api + ":fail no answer" }), timeout + timeoutGrace);
        try {
            const returned = host[api](Object.assign(Object.assign({ timeout }, input), { success, fail }));
            if (returned && returned.then)
                returned.then(success, fail);
        }
        catch (error) {
            fail(error);
        }
    });
}
// reporter keeps failures until they can be told, each once, and not too many. What it does itself is not reported.
function reporter(tell) {
    const known = [];
    const waiting = [];
    let telling = false;
    return {
        note({ api, errno, errMsg }) {
            const report = { api: String(api), errno, errMsg: String(errMsg || "").slice(0, reportedLength) };
            const text = JSON.stringify(report);
            if (known.length >= reportsAtMost || known.indexOf(text) >= 0)
                return;
            known.push(text);
            waiting.push(report);
        },
        flush() {
            return __awaiter(this, void 0, void 0, function* () {
                if (telling)
                    return;
                telling = true;
                try {
                    for (; waiting[0]; waiting.shift())
                        yield tell(waiting[0]);
                }
                catch (_a) {
                    // They wait for the next answer.
                }
                telling = false;
            });
        },
    };
}
function isNetwork(api) {
    return api === "request" || api === "uploadFile";
}
function stored(host, place) {
    try {
        const kept = host.getStorageSync(place);
        return kept && kept.token ? kept : null;
    }
    catch (_a) {
        return null;
    }
}
function sending(url, { data, method, header }, session) {
    const token = session && { Authorization: "Bearer " + session.token };
    return { url, data, method: method || "POST", header: Object.assign(Object.assign({}, header), token) };
}
// opened gives the data of the keeper's answer. Something else may answer in its place: a proxy, a hotel's network.
function opened(answer) {
    const body = bodyOf(answer);
    if (body.code !== 0)
        throw refused(answer, body, typeof body.code === "number" ? body.code : noAnswer);
    return body.data;
}
// accepted gives the body of somebody else's answer. A code of theirs need not mean what it means here.
function accepted(answer) {
    const status = answer.statusCode || 0;
    if (status >= 200 && status < 300)
        return answer.data;
    const body = bodyOf(answer);
    const stale = status === 409 && body.code === staleKey;
    throw refused(answer, body, status === 401 ? badToken : stale ? staleKey : noAnswer);
}
// bodyOf reads JSON, which wx.uploadFile leaves as text.
function bodyOf({ data }) {
    try {
        return (typeof data === "string" ? JSON.parse(data) : data) || {};
    }
    catch (_a) {
        return {};
    }
}
function refused(answer, body, code) {
    const { statusCode, data } = answer;
    const retryAfter = Number(headerOf(answer, "retry-after")) || undefined;
    return keeperError(String(body.msg || "HTTP " + statusCode), { code, statusCode, data, requestId: body.request_id, retryAfter });
}
// headerOf finds a header, whose name comes in other letters from each platform.
function headerOf({ header = {} }, wanted) {
    const name = Object.keys(header).find((one) => one.toLowerCase() === wanted);
    return name && header[name];
}
function failed(api, reason) {
    const { errno, errMsg, message } = reason || {};
    const text = errMsg || message || api + ":fail";
    return keeperError(text, { code: noAnswer, api, errno, errMsg: text });
}
function keeperError(message, fields) {
    return Object.assign(new Error(message), Object.assign({ name: "KeeperError" }, fields));
}
// The emulator's name for the sealed data of a call.
const emulatedKinds = {
    getUserInfo: "userinfo",
    getWeRunData: "run",
    getShareInfo: "share",
    getGroupEnterInfo: "group",
};
// emulatedPhone is where a phone of the sandbox is played: the one of the developer tools, if no other is named.
function emulatedPhone({ baseURL, sandbox }) {
    const { address, phone = "mock" } = sandbox;
    const [, origin, port] = /^(https?:\/\/[^/]+):(\d+)/.exec(baseURL) || [];
    if (!address && !port)
        throw new Error("createKeeper cannot tell where the sandbox is: say sandbox.address");
    const at = address ? address.replace(/\/*$/, "") : `${origin}:${Number(port) + 1}`;
    return `${at}/sandbox/phones/${phone}/`;
}
