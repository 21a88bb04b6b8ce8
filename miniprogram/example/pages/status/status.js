// 登录状态：后台怎么看这个登录态和会话密钥。
const { tell } = require("../../tell");
const { keeper } = getApp();

const states = { new: "新取得", confirmed: "已确认", aging: "久未确认", dead: "已失效" };

Page({
  data: { session: null, state: "", problem: "" },

  onShow() {
    return this.refresh();
  },

  refresh() {
    return this.show(keeper.request({ url: "session/" }));
  },

  // 明确需要时才重新登录，例如微信支付说签名不符。
  loginAgain() {
    return this.show(keeper.login({ again: true }).then(() => keeper.request({ url: "session/" })));
  },

  logout() {
    return this.show(keeper.logout().then(() => null));
  },

  show(asked) {
    return asked.then(
      (session) => this.setData({ session, state: session ? states[session.key_status.state] : "", problem: "" }),
      (error) => this.setData({ problem: tell(error) }),
    );
  },
});
