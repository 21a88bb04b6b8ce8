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
    sandbox?: boolean | {
        address?: string;
        phone?: number;
    };
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
    header?: {
        [name: string]: string;
    };
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
    login(options?: {
        again?: boolean;
    }): Promise<Session>;
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
    avatar(tempPath: string): Promise<{
        avatarUrl: string;
    }>;
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
/**
 * Makes the keeper of a mini program. Nothing is called before its first call. It throws where `baseURL` is missing, or all of
 * `wx`, `uni` and `Taro`.
 *
 * @example
 * const { createKeeper } = require("./wxkeeper");
 * App({ keeper: createKeeper({ baseURL: "https://keeper.example.com/", wx }) });
 */
export declare function createKeeper(options: KeeperOptions): Keeper;
